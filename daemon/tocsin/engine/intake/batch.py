"""A batch of alerts with their verdicts, in one transaction: it changes their episodes and their incidents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from tocsin.core.alerts.alert import DRILL_LABEL, Alert, AlertStatus, Episode
from tocsin.core.alerts.heartbeat import beaten, lost
from tocsin.core.alerts.subject import subject_of
from tocsin.core.duration import SECOND
from tocsin.core.incident.escalation import unopened
from tocsin.core.incident.event import AlertsChanged, CopiesHeld, Opened
from tocsin.core.incident.incident import Incident
from tocsin.core.matching.condition import Inhibition
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.dedup import Sighting, is_judged_by_other_rules, place
from tocsin.core.rules.verdict import Verdict, shortened
from tocsin.engine.change.merged import goes_on_in
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.change.window_judge import window_wait
from tocsin.engine.change.window_waits import judge_begun
from tocsin.engine.intake.conditions import BatchIncident, ConditionResults

Classified = tuple[Alert, Verdict]
Receipts = Sequence[tuple[int, int]]
"""(number of alerts, time of their receipt), in the order of the alerts."""

NOTICED = SECOND
"""Shorter waits for the commit are not looked at: no page mentions them."""


@dataclass(slots=True)
class _Group:
    """The alerts of one batch that belong to one incident."""

    incident: Incident | None
    plan: Playbook
    verdict: Verdict | None = None
    """The verdict on the alert that may open the incident."""
    drill: bool = True
    """True if every alert that began is a drill."""
    hold: int | None = None
    """The shortest hold that a new alert requests."""
    begun: list[tuple[str, str]] = field(default_factory=list)
    """The alerts that began."""
    fired: list[str] = field(default_factory=list)
    """The severities of the alerts that began."""
    ended: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    inhibitions: tuple[Inhibition, ...] | None = None
    """The inhibitions that apply to every new alert."""
    flags: dict[str, None] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    held_until: int | None = None
    received_at: int | None = None
    """The earliest receipt of the alerts for which it notifies anyone."""


class Batch:
    """The alerts of one transaction.

    Args:
        uow: The unit of work of the transaction.
        new_id: Returns a new incident's id; called once for each incident that the batch opens.
        reconciled: True if the alerts are ends found by reconciliation, not received in a webhook.
        received: Times of receipt, as (number of alerts, time) in the order of the batch; empty: the present time.
    """

    def __init__(
        self, uow: UnitOfWork, new_id: Callable[[], str], *, reconciled: bool = False, received: Receipts = ()
    ) -> None:
        self._uow = uow
        self._tx = uow.tx
        self._policy = uow.policy
        self._new_id = new_id
        self._reconciled = reconciled
        self._episodes: dict[tuple[str, str], Episode] = {}
        self._overtaken: list[tuple[Episode, _Group | None]] = []
        """Episodes that changed in this batch before a newer episode of the same alert began."""
        self._written: dict[tuple[str, str], None] = {}
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[tuple[str, str], _Group] = {}
        self._open_group: dict[str, _Group] = {}
        """The groups of new alerts, by dedup key."""
        self._latest: dict[str, Incident] = {}
        self._results = ConditionResults(uow.tx, uow.policy.former_keys)
        self._received = received
        self._received_at: dict[tuple[str, str], int] = {}
        """The earliest receipt of each alert; empty if all alerts were received just now (the usual, fast case)."""
        self._asks = False
        """True if rules have conditions that need the store."""

    def take(self, batch: Sequence[Classified]) -> list[Verdict]:
        """Compare each alert with its newest episode, and change the incidents; return the final verdicts."""
        self._note_receipts(batch)
        alerts = [pair for pair in batch if not pair[1].heartbeat]
        self._asks = any(verdict.asks for _, verdict in alerts)
        if self._asks:
            alerts = _with_conditions_last(alerts)
        self._beat(batch)
        self._episodes = self._tx.latest_episodes(list({alert.key: None for alert, _ in alerts}))
        keys = {verdict.dedup_key: None for alert, verdict in alerts if alert.status is AlertStatus.FIRING}
        self._latest = self._tx.latest_incidents(sorted(keys))
        verdicts = [verdict for _, verdict in batch if verdict.heartbeat]
        for alert, preliminary in alerts:
            verdict = self._decided(alert, preliminary) if preliminary.asks else preliminary
            verdicts.append(verdict)
            self._place_copy(alert, verdict)
        self._place()
        for group in self._in_order():
            if group.incident is not None:
                self._change_incident(group, group.incident)
        self._uow.behind = 0
        self._uow.flush()
        return verdicts

    def _note_receipts(self, batch: Sequence[Classified]) -> None:
        earliest = min((at for _, at in self._received), default=self._uow.now)
        if self._uow.now - earliest < NOTICED:
            return
        alerts = iter(batch)
        for count, at in self._received:
            for alert, _ in islice(alerts, count):
                self._received_at[alert.key] = min(at, self._received_at.get(alert.key, at))

    def _beat(self, batch: Sequence[Classified]) -> None:
        heartbeats = {alert.key: alert for alert, verdict in batch if verdict.heartbeat}
        if not heartbeats:
            return
        known = self._tx.heartbeats()
        firing = {alert.source for alert in heartbeats.values() if alert.status is AlertStatus.FIRING}
        for source in sorted({alert.source for alert in heartbeats.values()}):
            if source in firing:
                self._tx.put_heartbeat(beaten(source, known.get(source), self._uow.now))
            elif source in known:
                self._tx.put_heartbeat(lost(known[source], self._uow.now))

    def _decided(self, alert: Alert, verdict: Verdict) -> Verdict:
        """Evaluate a firing alert again, with the conditions that need the store; return the final verdict.

        A resolved alert needs no new verdict, because it keeps its episode's incident.
        """
        if alert.status is not AlertStatus.FIRING:
            return verdict
        groups = self._groups.values()
        batch_incidents = [
            self._batch_incident(group, group.verdict) for group in groups if group.fired and group.verdict
        ]
        decided = self._policy.rules.decide(
            alert, self._results.for_alert(self._episodes.get(alert.key), batch_incidents)
        )
        if decided.dedup_key not in self._latest:
            self._latest |= self._tx.latest_incidents([decided.dedup_key])
        # The incident keeps all inhibitions: a condition that is false now may be true at the next step.
        with_all_conditions = self._policy.rules.decide(alert, _EveryCondition())
        return msgspec.structs.replace(decided, inhibited_by=with_all_conditions.inhibited_by)

    def _batch_incident(self, group: _Group, verdict: Verdict) -> BatchIncident:
        """Return the incident that a group with a new alert opens or changes, in the form that conditions read."""
        incident = group.incident
        severities = [*group.fired, *([incident.severity] if incident is not None and incident.is_open else [])]
        return BatchIncident(
            service=incident.service if incident is not None else verdict.service,
            severity=group.plan.highest(severities),
            playbook=group.plan.name,
            team=incident.team if incident is not None else verdict.team,
            dedup_key=incident.dedup_key if incident is not None else verdict.dedup_key,
        )

    def _place_copy(self, alert: Alert, verdict: Verdict) -> None:
        key = alert.key
        last = self._episodes.get(key)
        placed = place(alert, verdict, last, self._uow.now)
        episode = placed.episode
        if episode is None:
            return
        if last is not None and episode.episode != last.episode and key in self._written:
            self._overtaken.append((last, self._group_of.get(key)))
        self._episodes[key] = episode
        self._written[key] = None
        match placed.sighting:
            case Sighting.BEGINS:
                self._begins(alert, verdict, episode)
            case Sighting.REPEATS:
                self._repeats(alert, verdict, episode, last)
            case Sighting.ENDS:
                self._ends(episode)
            case Sighting.HELD:
                group = self._group_by_id(episode)
                if group is not None and group.incident is not None:
                    group.held_until = episode.held_until
                    self._join(group, episode, _level_in_plan(group.incident.plan, episode.severity))
            case Sighting.NO_EVENT | Sighting.NOTHING:
                pass

    def _begins(self, alert: Alert, verdict: Verdict, episode: Episode) -> None:
        group = self._group_by_key(verdict)
        severity = _level_in_plan(group.plan, verdict.severity)
        group.begun.append(episode.key)
        group.fired.append(severity)
        self._note_receipt(group, alert)
        if self._asks and episode.first_seen_at == self._uow.now:
            self._results.begun(verdict.dedup_key)
        if group.drill and alert.labels.get(DRILL_LABEL, "") in ("", "false"):
            group.drill = False
        group.hold = verdict.hold if group.hold is None else min(group.hold, verdict.hold)
        if group.inhibitions is None:
            group.inhibitions = verdict.inhibited_by
        elif group.inhibitions:
            group.inhibitions = tuple(each for each in group.inhibitions if each in verdict.inhibited_by)
        if verdict.flags:
            group.flags.update(dict.fromkeys(verdict.flags))
        if episode.starts_at is not None:
            group.starts.append(episode.starts_at)
        self._join(group, episode, severity)

    def _note_receipt(self, group: _Group, alert: Alert) -> None:
        at = self._received_at.get(alert.key)
        if at is not None:
            group.received_at = at if group.received_at is None else min(at, group.received_at)

    def _repeats(self, alert: Alert, verdict: Verdict, episode: Episode, last: Episode | None) -> None:
        if last is None or (verdict.severity == last.severity and not verdict.flags):
            return
        if is_judged_by_other_rules(last, verdict):
            return
        group = self._group_by_id(episode) or self._group_of.get(episode.key)
        if group is None:
            return
        severity = _level_in_plan(group.plan, verdict.severity)
        self._note_receipt(group, alert)
        if severity != last.severity:
            group.moved.append((last.severity, severity))
        group.flags.update(dict.fromkeys(verdict.flags))
        self._join(group, episode, severity)

    def _ends(self, episode: Episode) -> None:
        group = self._group_of.get(episode.key) or self._group_by_id(episode)
        if group is None:
            return
        group.ended.append(episode.severity)
        group.ends.append(episode.ends_at or self._uow.now)
        self._join(group, episode, episode.severity)

    def _join(self, group: _Group, episode: Episode, severity: str) -> None:
        key = episode.key
        self._group_of[key] = group
        if episode.severity != severity:
            self._episodes[key] = msgspec.structs.replace(episode, severity=severity)

    def _group_by_key(self, verdict: Verdict) -> _Group:
        """Return the group for a new alert with this dedup key: its open incident, or a new one."""
        group = self._open_group.get(verdict.dedup_key)
        if group is not None:
            return group
        latest = self._latest.get(verdict.dedup_key)
        if latest is not None and latest.merged is not None:
            latest = goes_on_in(self._uow, latest)
        if latest is not None and not latest.goes_on(self._uow.now):
            latest = None
        if latest is None:
            latest = self._opened_under_another_key(verdict.dedup_key)
        name = latest.id if latest is not None else f"new {verdict.dedup_key}"
        group = self._groups.get(name)
        if group is None:
            plan = latest.plan if latest is not None else self._policy.plan(verdict.playbook)
            group = self._groups[name] = _Group(latest, plan, verdict)
        elif group.verdict is None:
            group.verdict = verdict
        self._open_group[verdict.dedup_key] = group
        return group

    def _opened_under_another_key(self, dedup_key: str) -> Incident | None:
        incident_id = self._policy.former_keys.incident_of(dedup_key)
        incident = self._uow.incident(incident_id) if incident_id is not None else None
        if incident is not None and incident.merged is not None:
            incident = goes_on_in(self._uow, incident)
        return incident if incident is not None and incident.goes_on(self._uow.now) else None

    def _group_by_id(self, episode: Episode) -> _Group | None:
        if episode.incident_id is None:
            return None
        group = self._groups.get(episode.incident_id)
        if group is None:
            incident = self._uow.incident(episode.incident_id)
            if incident is None:
                return None
            group = self._groups[incident.id] = _Group(incident, incident.plan)
        return group

    def _in_order(self) -> list[_Group]:
        """Return the groups in a fixed order, so that transactions of several nodes lock incidents in one order.

        Groups that may be inhibited come last: an incident of this batch may inhibit them.
        """
        return [group for _, group in sorted(self._groups.items(), key=lambda it: (bool(it[1].inhibitions), it[0]))]

    def _place(self) -> None:
        """Assign each episode its incident, and write the episodes: the judges of waits read them from the store."""
        new = sum(1 for group in self._groups.values() if group.incident is None)
        number = self._tx.next_numbers(new) if new else 0
        for group in self._in_order():
            incident = group.incident
            if incident is None and group.verdict is not None:
                incident = self._unopened(group.verdict, group.plan, number)
                number += 1
            if incident is not None:
                group.incident = incident
        group_of, latest = self._group_of.get, self._episodes
        written = [*self._overtaken, *((latest[key], group_of(key)) for key in self._written)]
        self._tx.put_episodes([_with_incident(group, episode) for episode, group in written])

    def _unopened(self, verdict: Verdict, plan: Playbook, number: int) -> Incident:
        earlier = self._latest.get(verdict.dedup_key)
        return unopened(
            incident_id=self._new_id(),
            number=number,
            dedup_key=verdict.dedup_key,
            plan=plan,
            subject=subject_of(verdict),
            resolve_after=verdict.resolve_after,
            now=self._uow.now,
            unrouted=verdict.unrouted,
            unplaced=shortened("; ".join(verdict.errors)),
            linked_to=earlier.id if earlier is not None else None,
        )

    def _change_incident(self, group: _Group, incident: Incident) -> None:
        began, waited = len(group.begun), window_wait(incident)
        self._uow.behind = max(0, self._uow.now - group.received_at) if group.received_at is not None else 0
        if not incident.is_open and group.fired:
            opened = Opened(
                fired=tuple(group.fired),
                first_alert_at=min(group.starts, default=None),
                hold=group.hold or 0,
                drill=group.drill,
                flags=tuple(flag for flag in group.flags if flag in incident.plan.flags),
                inhibitions=group.inhibitions or (),
            )
            incident = self._uow.change(incident, opened)
            group.fired = []
        if group.fired or group.ended or group.moved or (group.flags and incident.is_open):
            changed = AlertsChanged(
                fired=tuple(group.fired),
                ended=tuple(group.ended),
                moved=tuple(group.moved),
                reconciled=self._reconciled,
                hold=group.hold or 0,
                drill=group.drill,
                last_end_at=max(group.ends, default=None),
                flags=tuple(flag for flag in group.flags if flag in incident.plan.flags),
                inhibitions=group.inhibitions or (),
            )
            incident = self._uow.change(incident, changed)
        if began and waited is not None:
            # An alert outside every window ends the wait, and an alert in a shorter window ends the wait earlier.
            incident = judge_begun(self._uow, incident, (self._episodes[key] for key in group.begun))
        if began and window_wait(incident) is not None:
            self._uow.figures.count("alerts_hidden_by_windows_total", began)
        if group.held_until is not None:
            self._uow.change(incident, CopiesHeld(until=group.held_until))


class _EveryCondition:
    """A container that contains every condition, as if all conditions were true."""

    def __contains__(self, condition: object) -> bool:
        return True


def _with_conditions_last(pairs: list[Classified]) -> list[Classified]:
    """Return the alerts, those with conditions on open incidents last: the order within a webhook must not matter."""
    asking = {alert.key for alert, verdict in pairs if verdict.asks}
    return sorted(pairs, key=lambda pair: pair[0].key in asking)


def _level_in_plan(plan: Playbook, severity: str) -> str:
    """Return the severity; if the incident's plan has no such severity, a level that pages."""
    return severity if plan.has_level(severity) else plan.unrouted


def _with_incident(group: _Group | None, episode: Episode) -> Episode:
    """Return the episode with the group's incident; unchanged if it is already assigned (the usual, fast case)."""
    incident = group.incident if group is not None else None
    if incident is None or episode.incident_id == incident.id:
        return episode
    return msgspec.structs.replace(episode, incident_id=incident.id)
