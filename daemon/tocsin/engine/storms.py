"""Storms: counts who begins to notify a target, opens a storm where they are too many, and ends it.

What is a storm, and when it is over, is decided in `core/throttle`; here it is
carried out on the rows of the transaction: the surge of each target, the storm,
and its members.
"""

from collections import Counter
from typing import TYPE_CHECKING

from tocsin.core import throttle
from tocsin.core.alert import Episode, EpisodeStatus, fingerprint
from tocsin.core.escalation import unopened
from tocsin.core.event import (
    Acknowledge,
    Actor,
    AlertsChanged,
    Opened,
    StormGrew,
    StormLooked,
    WaitBegan,
    WaitEnded,
)
from tocsin.core.incident import Incident, State, Storm, Taken, Wait, WaitReason
from tocsin.core.throttle import Surge
from tocsin.ports.store import IncidentFilter, Transaction

if TYPE_CHECKING:  # apply asks the judge, and hands itself to it
    from tocsin.engine.apply import Work

SOURCE = "tocsin/storm"
"""The source of the alert of a storm; no webhook can have it, because its path would be two."""
ALERT_NAME = "TocsinStorm"
AT_A_TIME = 200
"""Members that one transaction takes."""


class Surges:
    """The surges as one transaction has left them so far."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[str, Surge] = {}
        self._changed: dict[str, Surge] = {}
        self.joined: Counter[str] = Counter()
        """How many have joined each storm, by its id, without its knowing."""

    def of(self, target: str) -> Surge:
        """The surge of a target."""
        known = self._known.get(target)
        if known is None:
            known = self._known[target] = self._tx.surge(target) or Surge(target=target)
        return known

    def put(self, surge: Surge) -> None:
        """Remember how it stands now."""
        self._known[surge.target] = self._changed[surge.target] = surge

    def flush(self) -> None:
        """Write what has changed."""
        if self._changed:
            self._tx.put_surges([surge for _, surge in sorted(self._changed.items())])
            self._changed = {}


class StormJudge:
    """Whether an incident is one of too many."""

    def begins(self, work: "Work", before: Incident, incident: Incident) -> Wait | None:
        """A wait for the storm that the incident joins, or with which a storm begins; else it is only counted."""
        if incident.waits or throttle.is_exempt(incident) or not throttle.begins_to_notify(before, incident):
            return None
        for target in sorted(set(throttle.targets_of(incident))):
            storm = _counted(work, target, incident)
            if storm is not None:
                return _wait(work, storm)
        return None

    def goes_on(self, work: "Work", incident: Incident, wait: Wait) -> Wait | None:
        """For as long as its storm is open; only asked in case nobody has told the member of the end."""
        storm = work.incident(wait.by)
        is_on = storm is not None and storm.storm is not None and storm.storm.look_at is not None
        return _wait(work, storm) if is_on and storm is not None and not throttle.is_exempt(incident) else None


def _counted(work: "Work", target: str, incident: Incident) -> Incident | None:
    """Count an incident for a target; the storm that it becomes a member of, if there are too many just now."""
    before = work.surges.of(target)
    storm = work.incident(before.storm) if before.storm is not None else None
    if storm is None or not storm.is_open:
        before = _without(before, storm)
        storm = None
    limits = incident.plan.storm
    surge = throttle.counted(before, incident.id, work.now, limits)
    work.surges.put(surge)
    if not throttle.is_storm(surge, work.now, limits):
        return None
    rages = storm is not None and throttle.is_storm(before, work.now, limits)
    earlier = [] if rages else _earlier(work, surge, incident)
    if storm is None:
        storm = _open(work, surge, incident, earlier)
    else:
        _join(work, storm, [*earlier, incident])
    for member in earlier:
        work.change(member, WaitBegan(wait=_wait(work, storm)))
    return storm


def _without(surge: Surge, storm: Incident | None) -> Surge:
    """The surge after its storm: who belonged to a storm that a person has closed makes no new one."""
    if surge.storm is None:
        return surge
    closed_at = storm.resolved_at if storm is not None else None
    recent = tuple(began for began in surge.recent if closed_at is not None and began[0] > closed_at)
    return Surge(target=surge.target, recent=recent)


def _earlier(work: "Work", surge: Surge, incident: Incident) -> list[Incident]:
    """Those that were notified one by one before they were too many, and still want somebody."""
    known = (work.incident(id_) for _, id_ in surge.recent if id_ != incident.id)
    return [
        member
        for member in known
        if member is not None
        and member.state is State.TRIGGERED
        and not throttle.is_exempt(member)
        and not throttle.waits_for_storm(member)
    ]


def _open(work: "Work", surge: Surge, incident: Incident, earlier: list[Incident]) -> Incident:
    members = [*earlier, incident]
    chief = throttle.highest(members)
    storm = _unopened(work, surge.target, chief, incident, len(members))
    work.surges.put(Surge(target=surge.target, recent=surge.recent, storm=storm.id))
    first_alert_at = min(member.opened_at for member in members)
    storm = work.change(storm, Opened(fired=(chief.severity,), first_alert_at=first_alert_at))
    work.figures.count("storms_total", playbook=storm.plan.name)
    _put_alert(work, storm, EpisodeStatus.FIRING)
    return storm


def _unopened(work: "Work", target: str, chief: Incident, first: Incident, count: int) -> Incident:
    storm_id = throttle.storm_id(first)
    return unopened(
        incident_id=storm_id,
        number=work.tx.next_numbers(1),
        dedup_key=f"tocsin/storm/{target}/{storm_id}",
        plan=chief.plan,
        title=throttle.title(target, count),
        service="tocsin",
        now=work.now,
        storm=Storm(
            target=target,
            members=count,
            told=count,
            told_at=work.now,
            look_at=work.now + throttle.LOOK_EVERY,
            shown=count,
        ),
    )


def _join(work: "Work", storm: Incident, members: list[Incident]) -> None:
    """Count more members, and raise the storm to the highest of them."""
    work.surges.joined[storm.id] += len(members)
    now = _severity(storm)
    highest = storm.plan.highest([now, *(throttle.level_for(storm, member) for member in members)])
    if highest != now:
        raised = work.change(storm, AlertsChanged(moved=((now, highest),)))
        _put_alert(work, raised, EpisodeStatus.FIRING)


def _severity(storm: Incident) -> str:
    """What its alert fires at; a person may have pinned another one."""
    return next(iter(storm.firing), storm.severity)


def grow(work: "Work") -> None:
    """Tell each storm, once a transaction, how many have joined it."""
    joined, work.surges.joined = work.surges.joined, Counter()
    for storm_id, count in sorted(joined.items()):
        storm = work.incident(storm_id)
        if storm is not None and storm.is_open:
            work.change(storm, StormGrew(joined=count))


def look(work: "Work", storm: Incident) -> Incident:
    """Carry a person's word to some of its members; end it where it is over."""
    state = storm.storm
    if state is None or state.look_at is None or state.look_at > work.now:
        return storm
    if state.taken is not None:
        left = _take(work, storm.number, state.taken)
        look_at = work.now if left is not None else work.now + throttle.LOOK_EVERY
        return work.change(storm, StormLooked(look_at=look_at, taken=left))
    surge = work.surges.of(state.target)
    if surge.storm != storm.id or not storm.is_open:  # closed by a person: it grows no more
        surge = Surge(target=state.target)
    limits = storm.plan.storm
    waiting = _waiting(work, storm, limits.more_than + 1)
    if not throttle.is_over(surge, len(waiting), work.now, limits):
        return work.change(storm, StormLooked(look_at=work.now + throttle.LOOK_EVERY))
    return _end(work, storm, waiting)


def _waiting(work: "Work", storm: Incident, limit: int) -> list[Incident]:
    wanted = IncidentFilter(storm=storm.number, waiting=True, limit=limit)
    return [member for member in work.tx.incidents(wanted) if throttle.waits_for_storm(member)]


def _end(work: "Work", storm: Incident, waiting: list[Incident]) -> Incident:
    """It is over: it recovers as any incident whose alerts have resolved, and the members that wait go on."""
    if storm.storm is not None:
        surge = work.surges.of(storm.storm.target)
        if surge.storm == storm.id:
            work.surges.put(Surge(target=surge.target, recent=surge.recent))
    storm = work.change(storm, StormLooked(look_at=None))
    severity = _severity(storm)
    ended = work.change(storm, AlertsChanged(ended=(severity,), last_end_at=work.now))
    _put_alert(work, ended, EpisodeStatus.RESOLVED, severity)
    for member in waiting:
        work.change(member, WaitEnded(reason=WaitReason.STORM, by=str(storm.number)))
    return work.change(ended, StormLooked(look_at=None))


def _take(work: "Work", number: int, taken: Taken) -> Taken | None:
    """Acknowledge some members in a person's name; what is left to be done, if anything."""
    wanted = IncidentFilter(storm=number, states=(State.TRIGGERED,), before_number=taken.before, limit=AT_A_TIME)
    found = work.tx.incidents(wanted)
    by = Actor(taken.name, taken.via, taken.is_person)
    for member in found:
        if member.opened_at <= taken.at:
            work.change(member, Acknowledge(by=by))
    if len(found) < AT_A_TIME:
        return None
    return Taken(name=taken.name, via=taken.via, is_person=taken.is_person, at=taken.at, before=found[-1].number)


def _wait(work: "Work", storm: Incident) -> Wait:
    return Wait(WaitReason.STORM, str(storm.number), work.now + throttle.MEMBER_LOOKS_AFTER)


def _put_alert(work: "Work", storm: Incident, status: EpisodeStatus, severity: str = "") -> None:
    """The one alert of a storm: it fires for as long as the storm goes on."""
    labels = {"alertname": ALERT_NAME, "target": storm.storm.target if storm.storm else "", "storm": str(storm.number)}
    work.tx.put_episodes(
        [
            Episode(
                source=SOURCE,
                fingerprint=fingerprint(labels),
                episode=1,
                status=status,
                starts_at=storm.opened_at,
                ends_at=work.now if status is EpisodeStatus.RESOLVED else None,
                first_seen_at=storm.opened_at,
                last_seen_at=work.now,
                labels=labels,
                annotations={"summary": f"Its incidents: tocsin incidents list --storm {storm.number}"},
                incident_id=storm.id,
                severity=severity or _severity(storm),
            )
        ]
    )
