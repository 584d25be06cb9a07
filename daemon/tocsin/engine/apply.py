"""The one way in which an incident changes.

`Work` is the changes of one transaction: each `change` asks the core what an
event makes of an incident and carries the effects out; `flush` writes what has
gathered, each table in one go. Whatever happens to an incident (a webhook, a
timer, a person, a delivery) passes here.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.core.clock import is_beside_the_ladder, stays_true
from tocsin.core.condition import Likeness, WhenOpen
from tocsin.core.effect import (
    Announce,
    Breached,
    DutyDone,
    Effect,
    Measured,
    Notify,
    OccurrenceClosed,
    Record,
    Supersede,
)
from tocsin.core.escalation import next_due, step
from tocsin.core.event import Due, Entry, Event, PersonsCalled, Waitable, WaitBegan
from tocsin.core.incident import Incident
from tocsin.core.measure import UNCOUNTED, Occurrence
from tocsin.core.outbox import JOB_OF, Job, Outgoing, RowState, anew, idempotency_key
from tocsin.core.people import Notified
from tocsin.core.playbook import Kind, Until
from tocsin.core.reaching import Called
from tocsin.core.rotation import Duty
from tocsin.core.window import Window
from tocsin.engine import duties, rooms, tickets
from tocsin.engine.figures import Figures
from tocsin.engine.oncall import OnCall, called_of, whom_of
from tocsin.engine.policy import Policy
from tocsin.engine.recovery import Recoveries
from tocsin.engine.storms import Surges, grow
from tocsin.engine.waiting import must_wait, still_waits
from tocsin.ports.store import Transaction

_HISTOGRAMS = {
    "acknowledge": "incident_time_to_acknowledge_seconds",
    "resolve": "incident_time_to_resolve_seconds",
    "detect": "incident_time_to_detect_seconds",
}


class Work:
    """The changes of incidents in one transaction."""

    def __init__(self, tx: Transaction, policy: Policy, *, timed: bool = False) -> None:
        self.tx = tx
        self.now = tx.now
        self.figures = Figures()
        self.enqueued = 0
        """Rows written to the outbox: whether the dispatcher is worth waking."""
        self.sooner = 0
        """Incidents that are due earlier than before: whether the timers are worth waking."""
        self.policy = policy
        self.windows: tuple[Window, ...] | None = None
        """The maintenance windows, once somebody has asked for them; none where none is active now."""
        self._timed = timed
        self._known: dict[str, Incident] = {}
        self._new: dict[str, Incident] = {}
        self._changed: dict[str, Incident] = {}
        self._entries: list[Entry] = []
        self._rows: list[Outgoing] = []
        self.surges = Surges(tx)
        self.recoveries = Recoveries(self)
        self.oncall = OnCall(tx, policy.people)
        self._called: list[Called] = []
        """Persons that the change under way has paged, and who have further contact methods."""
        self._listening: dict[tuple[str, ...], Sequence[tuple[Notified, Job]]] = {}
        self._whom: dict[tuple[object, ...], tuple[Notified, ...]] = {}

    def incident(self, incident_id: str) -> Incident | None:
        """The incident as this transaction has left it so far."""
        known = self._known.get(incident_id)
        if known is None:
            known = self.tx.incident(incident_id)
            if known is not None:
                self._known[known.id] = known
        return known

    def change(self, incident: Incident, event: Event) -> Incident:
        """Let an event happen to an incident.

        Raises:
            IllegalTransition: Its state does not allow this event.
            UnknownName: The event names a severity that its plan does not have.
        """
        # Another change in this transaction may have changed it since the caller read it.
        incident = self._known.get(incident.id, incident)
        if isinstance(event, Due):
            for wait in still_waits(self, incident):
                incident = self.change(incident, WaitBegan(wait=wait))
            doubt = self.recoveries.doubt(incident)
            if doubt is not None:
                incident = self.change(incident, doubt)
        changed, effects = step(incident, event, self.now)
        if isinstance(event, Waitable) and any(type(effect) is Notify for effect in effects):
            waits = must_wait(self, incident, changed)
            if waits:
                event = msgspec.structs.replace(event, waits=(*event.waits, *waits))
                changed, effects = step(incident, event, self.now)
        if changed is incident:
            self._known.setdefault(incident.id, incident)
            return incident
        self._known[changed.id] = changed
        self.sooner += _is_due_earlier(changed, incident)
        if incident.occurrence == 0 or changed.id in self._new:
            self._new[changed.id] = changed
        else:
            self._changed[changed.id] = changed
        self._carry_out(changed, effects, incident.events)
        called, self._called = self._called, []
        return self.change(changed, PersonsCalled(called=tuple(called))) if called else changed

    def open_alike(self, when: WhenOpen, limit: int) -> list[Incident]:
        """Open incidents of which a condition asks, as this transaction has left them so far."""
        changed = {incident.dedup_key: incident for incident in self._known.values()}
        keys = [key for key in self.tx.open_alike(when.like, limit + 1) if key not in changed]
        found = [*self.tx.latest_incidents(keys).values(), *changed.values()]
        return [one for one in found if one.is_open and one.dedup_key != when.other_than and _is_like(one, when.like)]

    def finish(self) -> None:
        """What is done once, at the end: storms hear of their members, and everything is written."""
        grow(self)
        self.flush()
        self.surges.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        for plan in {incident.plan.sha: incident.plan for incident in self._new.values()}.values():
            self.tx.save_plan(plan)
        if self._new:
            self.tx.insert_incidents(list(self._new.values()))
        if self._changed:
            self.tx.update_incidents(list(self._changed.values()))
        if self._entries:
            self.tx.append_entries(self._entries)
        self._flush_rows()
        self._new, self._changed, self._entries = {}, {}, []

    def enqueue(self, row: Outgoing) -> None:
        """Write a row that is no incident's own effect (somebody is told instead of somebody else)."""
        self._rows.append(row)

    def _flush_rows(self) -> None:
        if self._rows:
            self.enqueued += self.tx.enqueue(self._rows)
            self._rows = []

    def _record(self, incident: Incident, effect: Record, seq: int) -> None:
        self._entries.append(
            Entry(
                incident_id=incident.id,
                seq=seq,
                at=self.now,
                kind=effect.kind,
                actor=effect.actor,
                via=effect.via,
                data=effect.data,
            )
        )
        if effect.kind in ("triggered", "reopened"):
            self._count_incident("incidents_opened_total", incident)
        elif effect.kind == "waits":
            self.figures.count("waits_total", reason=effect.data["reason"])
        elif effect.kind == "resolved" and not effect.data["acknowledged"] and effect.data["cause"] not in UNCOUNTED:
            self._count_incident("resolved_unacknowledged_total", incident)

    def _count_incident(self, name: str, incident: Incident) -> None:
        self.figures.count(name, playbook=incident.plan.name, severity=incident.severity)

    def _carry_out(self, incident: Incident, effects: tuple[Effect, ...], seq: int) -> None:
        """``seq`` is the number of the timeline's last entry before these effects."""
        for effect in effects:
            if isinstance(effect, Record):
                seq += 1
                self._record(incident, effect, seq)
            elif isinstance(effect, Announce):
                self._announce(incident)
            elif isinstance(effect, Notify):
                self._notify(incident, effect)
            elif isinstance(effect, Supersede):
                self._supersede(incident, effect.by)
            elif isinstance(effect, Measured):
                self._measure(incident, effect)
            elif isinstance(effect, OccurrenceClosed):
                self._put_occurrence(incident, effect.cause)
            elif isinstance(effect, Breached | DutyDone) and self._counts(incident):
                duties.count(self.figures, incident.plan.name, effect)
        self._follow(incident, effects)

    def _follow(self, incident: Incident, effects: tuple[Effect, ...]) -> None:
        """What a change means besides telling people."""
        if incident.messages is not None:
            rooms.follow(self, incident, effects)
        if incident.acting is not None or incident.plan.actions:
            tickets.follow(self, incident, effects)

    def _announce(self, incident: Incident) -> None:
        for notified, job in self._listeners(incident.plan.announce):
            self._rows.append(self._row(incident, notified, job, step=job, unique=incident.version))
        if (room := rooms.open_room(incident)) is not None and room.channel in self.policy.channels:
            for job in (Job.ANNOUNCE, Job.HISTORY):
                self.enqueue_for(incident, rooms.place_of(room), job, step=job, unique=incident.version)

    def _listeners(self, targets: tuple[str, ...]) -> Sequence[tuple[Notified, Job]]:
        """Who is to have what of an incident's own message and its history; asked for with every change."""
        found = self._listening.get(targets)
        if found is None:
            policy = self.policy
            found = self._listening[targets] = [
                (notified, job)
                for notified in self.whom(targets, policy.channel_names)
                for job in (Job.ANNOUNCE, Job.HISTORY)
                if notified.contact.channel in policy.channels_for(job)
            ]
        return found

    def enqueue_for(
        self, incident: Incident, notified: Notified, job: Job, *, step: str, unique: int = 0, **more: Any
    ) -> None:
        """Write a row that tells somebody something once for each (occurrence, unique, step, target)."""
        self._rows.append(self._row(incident, notified, job, step=step, unique=unique, **more))

    def whom(
        self, targets: tuple[str, ...], channels: frozenset[str], instead: tuple[tuple[str, ...], ...] = ()
    ) -> tuple[Notified, ...]:
        """Return whom targets stand for now, and through which of these channels they are reached."""
        found = self._whom.get((targets, channels, instead))
        if found is None:
            policy, duty = self.policy, self.duty_for(tuple(name for names in (targets, *instead) for name in names))
            found = policy.people.resolve(targets, channels, policy.console, duty, instead)
            self._whom[targets, channels, instead] = found
        return found

    def duty_for(self, targets: tuple[str, ...]) -> Duty:
        """What says whom these targets stand for; the store is asked only where that is a matter of time."""
        return self.oncall.duty if self.policy.people.rotations_in(targets) else Duty(self.now)

    def _notify(self, incident: Incident, effect: Notify) -> None:
        for notified in whom_of(self, incident, effect):
            row = self._row(
                incident,
                notified,
                JOB_OF[effect.kind],
                step=effect.step,
                unique=incident.round if effect.round is None else effect.round,
                method=effect.method,
                tier=effect.tier,
                until=effect.until,
                because=f"{effect.because}; {notified.why}" if notified.why else effect.because,
                late=effect.late,
            )
            self._rows.append(row)
            if notified.left and effect.kind is Kind.PAGE:
                self._called.append(called_of(incident, effect, notified, self.now))
        if self._timed and not is_beside_the_ladder(effect.step):
            self.figures.observe("escalation_lateness_seconds", effect.late)

    def _row(
        self,
        incident: Incident,
        notified: Notified,
        job: Job,
        *,
        step: str,
        unique: int,
        method: int = 1,
        late: int = 0,
        **more: Any,
    ) -> Outgoing:
        """A new row; ``unique`` tells its key from that of the same step at another time."""
        contact = notified.contact
        whom = notified.target if method == 1 else f"{notified.target}#{method}"
        if notified.place:
            whom = f"{whom} {notified.place}"  # no name holds a blank
        return Outgoing(
            key=idempotency_key(self.policy.instance, incident.id, incident.occurrence, unique, step, whom),
            incident_id=incident.id,
            occurrence=incident.occurrence,
            round=incident.round,
            step=step,
            target=notified.target,
            channel=contact.channel,
            destination=contact.destination,
            recipient=contact.recipient,
            job=job,
            severity=incident.severity,
            stranded=notified.stranded,
            late=late,
            received_at=self.now - late,
            not_before=self.now,
            overdue_at=self.now + incident.plan.fallback_after,
            created_at=self.now,
            **more,
        )

    def _supersede(self, incident: Incident, by: Until) -> None:
        """Withdraw what was not sent and waited for this; tell whoever was, or may have been, paged."""
        self.flush()
        job = Job.ACKNOWLEDGE if by is Until.ACKNOWLEDGED else Job.RESOLVE
        told: set[tuple[str, str, str]] = set()
        for row in self.tx.outbox_of(incident.id, incident.occurrence):
            if row.job not in (Job.PAGE, Job.UPDATE) or (by is Until.ACKNOWLEDGED and row.until is Until.RESOLVED):
                continue
            if stays_true(row.step):
                continue
            if row.state is RowState.PENDING and row.lease_until is None:
                self.tx.replace_row(msgspec.structs.replace(row, state=RowState.SUPERSEDED, done_at=self.now))
                self.count_page(row, RowState.SUPERSEDED)
            if row.job is Job.PAGE and _may_have_arrived(row):
                self._tell(incident, row, job, told)
        self._flush_rows()

    def _tell(self, incident: Incident, page: Outgoing, job: Job, told: set[tuple[str, str, str]]) -> None:
        channel = self.policy.channels.get(page.channel)
        if channel is None or job not in channel.handles:
            return
        place = (page.channel, page.destination, page.target)
        if not channel.keyed and place in told:
            return
        told.add(place)
        self._rows.append(
            anew(
                page,
                f"{page.key}:{job}",
                self.now,
                job=job,
                about=page.key,
                because="",
                until=Until.RESOLVED,
                severity=incident.severity,
                late=0,
                received_at=self.now,
            )
        )

    def count_page(self, row: Outgoing, outcome: RowState) -> None:
        """Count a page's final outcome."""
        if row.job is Job.PAGE:
            self.figures.count("pages_total", channel=row.channel, outcome=outcome)

    def _measure(self, incident: Incident, effect: Measured) -> None:
        if self._counts(incident):
            self.figures.observe(
                _HISTOGRAMS[effect.measure], effect.value, playbook=incident.plan.name, severity=incident.peak
            )
        if effect.measure == "acknowledge":
            self._put_occurrence(incident, "open")

    def _put_occurrence(self, incident: Incident, cause: str) -> None:
        self.tx.put_occurrence(
            Occurrence(
                incident_id=incident.id,
                occurrence=incident.occurrence,
                playbook=incident.plan.name,
                severity=incident.peak,
                service=incident.service,
                first_alert_at=incident.first_alert_at,
                opened_at=incident.opened_at,
                acknowledged_at=incident.person_acknowledged_at,
                resolved_at=incident.resolved_at,
                ended_at=incident.last_end_at if incident.resolved_at is not None else None,
                cause=cause,
                counted=self._counts(incident) and cause not in UNCOUNTED,
            )
        )

    def _counts(self, incident: Incident) -> bool:
        """Drills and tocsin's own incidents are left out of the measures."""
        return not incident.drill and incident.plan.name != self.policy.self_playbook.name


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


def _may_have_arrived(row: Outgoing) -> bool:
    """Sent, on its way, or tried without an answer."""
    return (
        row.state is RowState.SENT
        or row.possibly_delivered
        or (row.state is RowState.PENDING and row.lease_until is not None)
    )
