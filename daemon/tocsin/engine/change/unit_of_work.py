"""The unit of work: the only way to change an incident.

`UnitOfWork` holds the changes of one transaction: each `change` applies an
event to an incident by the core's table and carries out the effects; `flush`
writes the pending changes, each table at once. Every event of an incident (from
a webhook, a timer, a person, a delivery) passes through `change`.
"""

from collections import Counter
from functools import cached_property

from tocsin.core.incident.escalation import next_due, step
from tocsin.core.incident.event import Due, Entry, Event, PersonsCalled, WaitBegan
from tocsin.core.incident.incident import Incident, Wait
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.throttle import Surge
from tocsin.core.matching.condition import Likeness, WhenOpen
from tocsin.core.oncall.maintenance_window import Window
from tocsin.engine.change import storms, waiting
from tocsin.engine.change.effects import carry_out
from tocsin.engine.change.figures import Figures
from tocsin.engine.change.oncall import OnCall
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.recovery import RecoveryJudge
from tocsin.engine.change.surges import Surges
from tocsin.engine.change.window_judge import windows_of
from tocsin.ports.store import Transaction


class UnitOfWork:
    """The changes of incidents in one transaction; implements `changes.Changes`.

    Args:
        tx: The transaction.
        policy: The configuration.
        timed: True if it carries out due work, so that its lateness is measured.
        since: The time at which tocsin received what is carried out; None: now.
    """

    def __init__(self, tx: Transaction, policy: Policy, *, timed: bool = False, since: int | None = None) -> None:
        self.tx = tx
        self.policy = policy
        self.timed = timed
        self.now = tx.now
        self.behind = max(0, tx.now - since) if since is not None else 0
        self.figures = Figures()
        self.oncall = OnCall(tx, policy)
        self.surges = Surges(tx)
        self.enqueued = 0
        """Number of outbox rows written; the dispatcher is woken if there are any."""
        self.is_sooner = False
        """True if an incident is due earlier than before; the timers are then woken."""
        self.doubted = Counter[str]()
        """Number of incidents whose end is doubted, by source."""
        self._recoveries = RecoveryJudge(self)
        self._known: dict[str, Incident] = {}
        self._new: dict[str, Incident] = {}
        self._changed: dict[str, Incident] = {}
        self._entries: list[Entry] = []
        self._rows: list[Outgoing] = []

    # Reading, with this transaction's changes so far.

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident by its id; None if there is none."""
        known = self._known.get(incident_id)
        if known is None:
            known = self.tx.incident(incident_id)
            if known is not None:
                self._known[known.id] = known
        return known

    def open_alike(self, when: WhenOpen, limit: int) -> list[Incident]:
        """Return the open incidents that match a condition."""
        changed = {incident.dedup_key: incident for incident in self._known.values()}
        keys = [key for key in self.tx.open_alike(when.like, limit + 1) if key not in changed]
        incidents = [*self.tx.latest_incidents(keys).values(), *changed.values()]
        return [
            incident
            for incident in incidents
            if incident.is_open and incident.dedup_key != when.other_than and _is_like(incident, when.like)
        ]

    def surge(self, target: str) -> Surge:
        """Return the incidents that recently began to notify a target."""
        return self.surges.of(target)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """Return all maintenance windows if one is active now, else none."""
        windows = windows_of(self.tx, self.policy, self.now)
        return windows if any(window.span_at(self.now) for window in windows) else ()

    # Changes.

    def change(self, incident: Incident, event: Event) -> Incident:
        """Apply an event to an incident; return the changed incident.

        Raises:
            IllegalTransition: Its state does not allow this event.
            InvalidValue: A value of the event cannot be used, such as a severity that its plan does not have.
        """
        # Another change in this transaction may have changed it since the caller read it.
        incident = self._known.get(incident.id, incident)
        if isinstance(event, Due):
            incident = self._judged_again(incident)
        changed, effects = step(incident, event, self.now, self._must_wait, behind=self.behind)
        if changed is incident:
            self._known.setdefault(incident.id, incident)
            return incident
        self._known[changed.id] = changed
        self.is_sooner = self.is_sooner or _is_due_earlier(changed, incident)
        if incident.occurrence == 0 or changed.id in self._new:
            self._new[changed.id] = changed
        else:
            self._changed[changed.id] = changed
        called = carry_out(self, changed, effects, incident.events)
        return self.change(changed, PersonsCalled(called=tuple(called))) if called else changed

    def _judged_again(self, incident: Incident) -> Incident:
        """Prolong due waits that must continue, and doubt a recovery."""
        for wait in waiting.still_waits(self, incident):
            incident = self.change(incident, WaitBegan(wait=wait))
        doubt = self._recoveries.doubt(incident)
        if doubt is not None:
            self.doubted[doubt.source] += 1
            incident = self.change(incident, doubt)
        return incident

    def _must_wait(self, before: Incident, about_to_be: Incident) -> tuple[Wait, ...]:
        """Carry out the judges' decisions; see `core.incident.escalation.step`."""
        decisions = waiting.decided(self, before, about_to_be)
        waits = (each if isinstance(each, Wait) else storms.carry_out(self, each) for each in decisions)
        return tuple(wait for wait in waits if wait is not None)

    def record(self, entry: Entry) -> None:
        """Write an entry into a timeline."""
        self._entries.append(entry)

    def enqueue(self, row: Outgoing) -> None:
        """Write a row into the outbox."""
        self._rows.append(row)

    # Writing.

    def finish(self) -> None:
        """Count the new members of storms, and write everything; called once, at the end."""
        storms.grow(self)
        self.flush()
        self.surges.flush()

    def flush(self) -> None:
        """Write the pending changes."""
        if self._new:
            self.tx.insert_incidents(list(self._new.values()))
        if self._changed:
            self.tx.update_incidents(list(self._changed.values()))
        if self._entries:
            self.tx.append_entries(self._entries)
        if self._rows:
            self.enqueued += self.tx.enqueue(self._rows)
        self._new, self._changed, self._entries, self._rows = {}, {}, [], []


def _is_like(incident: Incident, like: Likeness) -> bool:
    return like.fits(
        service=incident.service,
        severity=incident.severity,
        playbook=incident.plan.name,
        team=incident.team,
        dedup_key=incident.dedup_key,
    )


def _is_due_earlier(changed: Incident, before: Incident) -> bool:
    due_at = next_due(changed)
    if due_at is None:
        return False
    was_due_at = next_due(before)
    return was_due_at is None or due_at < was_due_at
