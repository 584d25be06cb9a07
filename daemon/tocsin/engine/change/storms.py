"""Storms: opening a storm, adding members, checking whether it continues, and ending it.

`storm_judge` decides whether there are too many incidents. This module carries the decision out: on the surge of each
target, the storm and its members.
"""

from collections import Counter
from collections.abc import Sequence

from tocsin.core.alerts.alert import Episode, EpisodeStatus, fingerprint
from tocsin.core.alerts.subject import Subject
from tocsin.core.incident import throttle
from tocsin.core.incident.escalation import unopened
from tocsin.core.incident.event import (
    Acknowledge,
    Actor,
    AlertsChanged,
    Opened,
    StormGrew,
    StormLooked,
    WaitBegan,
    WaitEnded,
)
from tocsin.core.incident.incident import Incident, State, Storm, Taken, Wait, WaitReason
from tocsin.core.incident.throttle import Surge
from tocsin.engine.change.changes import Changes
from tocsin.engine.change.storm_judge import Count, OpenStorm, Storming, storm_wait
from tocsin.ports.store import IncidentFilter

SOURCE = "tocsin/storm"
"""The source of a storm's alert. No webhook can have this source: the slash would make two path segments."""
ALERT_NAME = "TocsinStorm"
AT_A_TIME = 200
"""Maximum number of members that one transaction changes."""


def carry_out(changes: Changes, decision: Storming) -> Wait | None:
    """Count the incident, and open its storm or let it join; return its wait, if any."""
    for surge in decision.surges:
        changes.surges.put(surge)
    if isinstance(decision, Count):
        return None
    if isinstance(decision, OpenStorm):
        storm = _open(changes, decision.surges[-1], decision.members)
    else:
        storm = decision.storm
        _join(changes, storm, decision.members)
    wait = storm_wait(storm, changes.now)
    for member in decision.members[:-1]:
        changes.change(member, WaitBegan(wait=wait))
    return wait


def _open(changes: Changes, surge: Surge, members: Sequence[Incident]) -> Incident:
    chief = throttle.highest(members)
    storm = _unopened(changes, surge.target, chief, members)
    changes.surges.put(Surge(target=surge.target, recent=surge.recent, storm=storm.id))
    first_alert_at = min(member.opened_at for member in members)
    storm = changes.change(storm, Opened(fired=(chief.severity,), first_alert_at=first_alert_at))
    changes.figures.count("storms_total", playbook=storm.plan.name)
    _put_alert(changes, storm, EpisodeStatus.FIRING)
    return storm


def _unopened(changes: Changes, target: str, chief: Incident, members: Sequence[Incident]) -> Incident:
    storm_id, count = throttle.storm_id(members[-1]), len(members)
    return unopened(
        incident_id=storm_id,
        number=changes.tx.next_numbers(1),
        dedup_key=f"tocsin/storm/{target}/{storm_id}",
        plan=chief.plan,
        subject=Subject(title=throttle.title(target, count), service="tocsin"),
        now=changes.now,
        storm=Storm(
            target=target,
            members=count,
            told=count,
            told_at=changes.now,
            look_at=changes.now + throttle.LOOK_EVERY,
            shown=count,
        ),
    )


def _join(changes: Changes, storm: Incident, members: Sequence[Incident]) -> None:
    """Count more members, and raise the storm to their highest severity."""
    changes.surges.joined[storm.id] += len(members)
    now = _severity(storm)
    highest = storm.plan.highest([now, *(throttle.level_for(storm, member) for member in members)])
    if highest != now:
        raised = changes.change(storm, AlertsChanged(moved=((now, highest),)))
        _put_alert(changes, raised, EpisodeStatus.FIRING)


def _severity(storm: Incident) -> str:
    """Return the severity of the storm's alert, even if a person has pinned the storm to another one."""
    return next(iter(storm.firing), storm.severity)


def grow(changes: Changes) -> None:
    """Record the number of new members in each storm, once per transaction."""
    joined, changes.surges.joined = changes.surges.joined, Counter()
    for storm_id, count in sorted(joined.items()):
        storm = changes.incident(storm_id)
        if storm is not None and storm.is_open:
            changes.change(storm, StormGrew(joined=count))


def look(changes: Changes, storm: Incident) -> Incident:
    """Apply a person's response to some of a storm's members; end the storm if it is over."""
    state = storm.storm
    if state is None or state.look_at is None or state.look_at > changes.now:
        return storm
    if state.taken is not None:
        left = _take(changes, storm.number, state.taken)
        look_at = changes.now if left is not None else changes.now + throttle.LOOK_EVERY
        return changes.change(storm, StormLooked(look_at=look_at, taken=left))
    surge = changes.surges.of(state.target)
    if surge.storm != storm.id or not storm.is_open:  # a person closed it, so it gets no more members
        surge = Surge(target=state.target)
    limits = storm.plan.storm
    waiting = _waiting(changes, storm, limits.more_than + 1)
    if not throttle.is_over(surge, len(waiting), changes.now, limits):
        return changes.change(storm, StormLooked(look_at=changes.now + throttle.LOOK_EVERY))
    return _end(changes, storm, waiting)


def _waiting(changes: Changes, storm: Incident, limit: int) -> list[Incident]:
    wanted = IncidentFilter(storm=storm.number, waiting=True, limit=limit)
    return [member for member in changes.tx.incidents(wanted) if throttle.waits_for_storm(member)]


def _end(changes: Changes, storm: Incident, waiting: list[Incident]) -> Incident:
    """End a storm: its own alert ends, so that it resolves like any incident, and the waiting members continue."""
    if storm.storm is not None:
        surge = changes.surges.of(storm.storm.target)
        if surge.storm == storm.id:
            changes.surges.put(Surge(target=surge.target, recent=surge.recent))
    storm = changes.change(storm, StormLooked(look_at=None))
    severity = _severity(storm)
    ended = changes.change(storm, AlertsChanged(ended=(severity,), last_end_at=changes.now))
    _put_alert(changes, ended, EpisodeStatus.RESOLVED, severity)
    for member in waiting:
        changes.change(member, WaitEnded(reason=WaitReason.STORM, by=str(storm.number)))
    return changes.change(ended, StormLooked(look_at=None))


def _take(changes: Changes, number: int, taken: Taken) -> Taken | None:
    """Acknowledge some members for a person; return the response for the other members, None if there are none."""
    wanted = IncidentFilter(storm=number, states=(State.TRIGGERED,), before_number=taken.before, limit=AT_A_TIME)
    members = changes.tx.incidents(wanted)
    by = Actor(taken.name, taken.via, taken.is_person)
    for member in members:
        if member.opened_at <= taken.at:
            changes.change(member, Acknowledge(by=by))
    if len(members) < AT_A_TIME:
        return None
    return Taken(name=taken.name, via=taken.via, is_person=taken.is_person, at=taken.at, before=members[-1].number)


def _put_alert(changes: Changes, storm: Incident, status: EpisodeStatus, severity: str = "") -> None:
    """Store the one alert of a storm, which fires for as long as the storm continues."""
    labels = {"alertname": ALERT_NAME, "target": storm.storm.target if storm.storm else "", "storm": str(storm.number)}
    changes.tx.put_episodes(
        [
            Episode(
                source=SOURCE,
                fingerprint=fingerprint(labels),
                episode=1,
                status=status,
                starts_at=storm.opened_at,
                ends_at=changes.now if status is EpisodeStatus.RESOLVED else None,
                first_seen_at=storm.opened_at,
                last_seen_at=changes.now,
                labels=labels,
                annotations={"summary": f"Its incidents: tocsin incidents list --storm {storm.number}"},
                incident_id=storm.id,
                severity=severity or _severity(storm),
            )
        ]
    )
