"""A batch of classified alerts in one transaction: which episode, which incident, what happens to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from tocsin.core.alert import DRILL_LABEL, Alert, AlertStatus, Episode
from tocsin.core.condition import Inhibition
from tocsin.core.dedup import Sighting, place
from tocsin.core.escalation import unopened
from tocsin.core.event import AlertsChanged, CopiesHeld, Opened
from tocsin.core.heartbeat import beaten, lost
from tocsin.core.incident import Incident
from tocsin.core.playbook import Playbook
from tocsin.core.verdict import Verdict
from tocsin.engine.apply import Work
from tocsin.engine.conditions import Answers, Beginning
from tocsin.engine.merging import goes_on_in
from tocsin.engine.window_judge import judge_again, window_wait

Classified = tuple[Alert, Verdict]


@dataclass(slots=True)
class _Group:
    """What one batch brings to one incident."""

    incident: Incident | None
    plan: Playbook
    verdict: Verdict | None = None
    """Of the alert that may open it."""
    drill: bool = True
    """Every alert that began is a drill."""
    hold: int | None = None
    """The shortest that an alert that began asks for."""
    fired: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    inhibitions: tuple[Inhibition, ...] | None = None
    """What inhibits every alert that began."""
    flags: dict[str, None] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    held_until: int | None = None


class Batch:
    """One transaction's worth of alerts.

    ``new_id`` makes an incident's id; it is called once for each incident that
    the batch opens. ``reconciled``: nobody has sent these alerts, they were found to be gone.
    """

    def __init__(self, work: Work, new_id: Callable[[], str], *, reconciled: bool = False) -> None:
        self._work = work
        self._tx = work.tx
        self._policy = work.policy
        self._new_id = new_id
        self._reconciled = reconciled
        self._episodes: dict[tuple[str, str], Episode] = {}
        self._overtaken: list[tuple[Episode, _Group | None]] = []
        """Episodes that changed in this batch and have a newer one."""
        self._written: dict[tuple[str, str], None] = {}
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[tuple[str, str], _Group] = {}
        self._open_group: dict[str, _Group] = {}
        """By the dedup key of alerts that begin."""
        self._latest: dict[str, Incident] = {}
        self._answers = Answers(work.tx, work.policy.former_keys)
        self._asks = False
        """Rules ask of the store what only it knows."""

    def take(self, batch: Sequence[Classified]) -> list[Verdict]:
        """Place each alert, let their incidents change, and write it all; returns the last word about each."""
        told = [pair for pair in batch if not pair[1].heartbeat]
        self._asks = any(verdict.asks for _, verdict in told)
        if self._asks:
            told = _askers_last(told)
        self._beat(batch)
        self._episodes = self._tx.latest_episodes(list({alert.key: None for alert, _ in told}))
        keys = {verdict.dedup_key: None for alert, verdict in told if alert.status is AlertStatus.FIRING}
        self._latest = self._tx.latest_incidents(sorted(keys))
        verdicts = [verdict for _, verdict in batch if verdict.heartbeat]
        for alert, preliminary in told:
            verdict = self._decided(alert, preliminary) if preliminary.asks else preliminary
            verdicts.append(verdict)
            self._sight(alert, verdict)
        self._place()
        for group in self._in_order():
            if group.incident is not None:
                self._happen(group, group.incident)
        self._work.flush()
        return verdicts

    def _beat(self, batch: Sequence[Classified]) -> None:
        told = {alert.key: alert for alert, verdict in batch if verdict.heartbeat}
        if not told:
            return
        known = self._tx.heartbeats()
        firing = {alert.source for alert in told.values() if alert.status is AlertStatus.FIRING}
        for source in sorted({alert.source for alert in told.values()}):
            if source in firing:
                self._tx.put_heartbeat(beaten(source, known.get(source), self._work.now))
            elif source in known:
                self._tx.put_heartbeat(lost(known[source], self._work.now))

    def _decided(self, alert: Alert, verdict: Verdict) -> Verdict:
        """The verdict with what the rows answer; a resolved alert belongs where its episode is."""
        if alert.status is not AlertStatus.FIRING:
            return verdict
        groups = self._groups.values()
        beginnings = [self._beginning(group, group.verdict) for group in groups if group.fired and group.verdict]
        decided = self._policy.rules.decide(alert, self._answers.for_alert(self._episodes.get(alert.key), beginnings))
        if decided.dedup_key not in self._latest:
            self._latest |= self._tx.latest_incidents([decided.dedup_key])
        # What does not hold now may hold at the next step: the incident keeps all that can.
        whatever_holds = self._policy.rules.decide(alert, _Everything())
        return msgspec.structs.replace(decided, inhibited_by=whatever_holds.inhibited_by)

    def _beginning(self, group: _Group, verdict: Verdict) -> Beginning:
        """A group in which an alert has begun, as the incident that it is about to be."""
        incident = group.incident
        severities = [*group.fired, *([incident.severity] if incident is not None and incident.is_open else [])]
        return Beginning(
            service=incident.service if incident is not None else verdict.service,
            severity=group.plan.highest(severities),
            playbook=group.plan.name,
            team=incident.team if incident is not None else verdict.team,
            dedup_key=incident.dedup_key if incident is not None else verdict.dedup_key,
        )

    def _sight(self, alert: Alert, verdict: Verdict) -> None:
        key = alert.key
        last = self._episodes.get(key)
        placed = place(alert, verdict, last, self._work.now)
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
                self._repeats(verdict, episode, last)
            case Sighting.ENDS:
                self._ends(episode)
            case Sighting.HELD:
                group = self._group_by_id(episode)
                if group is not None and group.incident is not None:
                    group.held_until = episode.held_until
                    self._join(group, episode, _level(group.incident.plan, episode.severity))
            case Sighting.UNTOLD | Sighting.NOTHING:
                pass

    def _begins(self, alert: Alert, verdict: Verdict, episode: Episode) -> None:
        group = self._group_by_key(verdict)
        severity = _level(group.plan, verdict.severity)
        group.fired.append(severity)
        if self._asks and episode.first_seen_at == self._work.now:
            self._answers.begun(verdict.dedup_key)
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

    def _repeats(self, verdict: Verdict, episode: Episode, last: Episode | None) -> None:
        if last is None or (verdict.severity == last.severity and not verdict.flags):
            return
        group = self._group_by_id(episode) or self._group_of.get(episode.key)
        if group is None:
            return
        severity = _level(group.plan, verdict.severity)
        if severity != last.severity:
            group.moved.append((last.severity, severity))
        group.flags.update(dict.fromkeys(verdict.flags))
        self._join(group, episode, severity)

    def _ends(self, episode: Episode) -> None:
        group = self._group_of.get(episode.key) or self._group_by_id(episode)
        if group is None:
            return
        group.ended.append(episode.severity)
        group.ends.append(episode.ends_at or self._work.now)
        self._join(group, episode, episode.severity)

    def _join(self, group: _Group, episode: Episode, severity: str) -> None:
        key = episode.key
        self._group_of[key] = group
        if episode.severity != severity:
            self._episodes[key] = msgspec.structs.replace(episode, severity=severity)

    def _group_by_key(self, verdict: Verdict) -> _Group:
        """The incident that an alert with this dedup key belongs to: the open one, or the one it opens."""
        group = self._open_group.get(verdict.dedup_key)
        if group is not None:
            return group
        latest = self._latest.get(verdict.dedup_key)
        if latest is not None and latest.merged is not None:
            latest = goes_on_in(self._work, latest)
        if latest is not None and not latest.goes_on(self._work.now):
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
        incident = self._work.incident(incident_id) if incident_id is not None else None
        if incident is not None and incident.merged is not None:
            incident = goes_on_in(self._work, incident)
        return incident if incident is not None and incident.goes_on(self._work.now) else None

    def _group_by_id(self, episode: Episode) -> _Group | None:
        if episode.incident_id is None:
            return None
        group = self._groups.get(episode.incident_id)
        if group is None:
            incident = self._work.incident(episode.incident_id)
            if incident is None:
                return None
            group = self._groups[incident.id] = _Group(incident, incident.plan)
        return group

    def _in_order(self) -> list[_Group]:
        """Sorted, so that transactions of several nodes lock incidents in one order.

        What may be inhibited comes last: it may be by an incident that opens here.
        """
        return [group for _, group in sorted(self._groups.items(), key=lambda it: (bool(it[1].inhibitions), it[0]))]

    def _place(self) -> None:
        """Give each episode its incident, and write it: whoever judges whether somebody is paged reads it there."""
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
        self._tx.put_episodes([_of(group, episode) for episode, group in written])

    def _unopened(self, verdict: Verdict, plan: Playbook, number: int) -> Incident:
        earlier = self._latest.get(verdict.dedup_key)
        return unopened(
            incident_id=self._new_id(),
            number=number,
            dedup_key=verdict.dedup_key,
            plan=plan,
            title=verdict.title,
            service=verdict.service,
            team=verdict.team,
            summary=verdict.summary,
            runbook=verdict.runbook,
            automation=verdict.automation,
            resolve_after=verdict.resolve_after,
            now=self._work.now,
            unrouted=verdict.unrouted,
            linked_to=earlier.id if earlier is not None else None,
        )

    def _happen(self, group: _Group, incident: Incident) -> None:
        began, waited = len(group.fired), window_wait(incident)
        if not incident.is_open and group.fired:
            opened = Opened(
                fired=tuple(group.fired),
                first_alert_at=min(group.starts, default=None),
                hold=group.hold or 0,
                drill=group.drill,
                flags=tuple(flag for flag in group.flags if flag in incident.plan.flags),
                inhibitions=group.inhibitions or (),
            )
            incident = self._work.change(incident, opened)
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
            incident = self._work.change(incident, changed)
        if began and waited is not None:
            # One alert outside of every window is enough, and one that is in a shorter one ends the wait sooner.
            incident = judge_again(self._work, incident)
        if began and window_wait(incident) is not None:
            self._work.figures.count("alerts_hidden_by_windows_total", began)
        if group.held_until is not None:
            self._work.change(incident, CopiesHeld(until=group.held_until))


class _Everything:
    """As a container of conditions: all of them hold."""

    def __contains__(self, condition: object) -> bool:
        return True


def _askers_last(pairs: list[Classified]) -> list[Classified]:
    """Alerts whose rules ask what is open come last, so that the order within a webhook decides nothing."""
    asking = {alert.key for alert, verdict in pairs if verdict.asks}
    return sorted(pairs, key=lambda pair: pair[0].key in asking)


def _level(plan: Playbook, severity: str) -> str:
    """The severity, or the level that pages where the incident's plan has no such severity."""
    return severity if plan.has_level(severity) else plan.unrouted


def _of(group: _Group | None, episode: Episode) -> Episode:
    """The episode as one of the group's incident; itself where it is (the usual case, and the quick one)."""
    incident = group.incident if group is not None else None
    if incident is None or episode.incident_id == incident.id:
        return episode
    return msgspec.structs.replace(episode, incident_id=incident.id)
