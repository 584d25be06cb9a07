"""Incidents that people merge, split again, and link. Alerts go with their incident."""

import msgspec

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.errors import IllegalTransition, InvalidValue
from tocsin.core.event import Actor, AlertsChanged, Linked, MergedInto, MergedWith, Opened
from tocsin.core.incident import OPEN, Incident, Merged
from tocsin.engine.apply import Work
from tocsin.ports.store import WHOLE

FARTHEST = 8
"""How many incidents that were merged one into the other are followed."""


def goes_on_in(work: Work, incident: Incident) -> Incident:
    """The incident in which this one goes on, while that is open; itself where there is none."""
    for _ in range(FARTHEST):
        other = work.incident(incident.merged.into) if incident.merged is not None else None
        if other is None or not (other.is_open or other.merged is not None):
            break
        incident = other
    return incident


def merge(work: Work, child: Incident, parent: Incident, by: Actor) -> Incident:
    """Let an incident, with its firing alerts, go on in another one.

    Raises:
        IllegalTransition: One of them is not open, is a storm, or both are the same.
    """
    if child.id == parent.id:
        raise InvalidValue(f"incident {child.number} is itself: name another one")
    for one in (child, parent):
        if one.state not in OPEN:
            raise IllegalTransition(f"incident {one.number} is {one.state}: only open ones can be merged")
        if one.storm is not None:
            raise IllegalTransition(f"incident {one.number} is a storm, which has members: merge those")
    firing = _firing(work, child)
    keys = tuple(episode.key for episode in firing)
    moved = _move(work, firing, parent)
    child = work.change(child, MergedInto(by=by, merged=Merged(into=parent.id, number=parent.number, alerts=keys)))
    parent = work.change(parent, MergedWith(by=by, number=child.number))
    if moved:
        flags = tuple(flag for flag in child.flags if flag in parent.plan.flags)
        starts = [episode.starts_at for episode in moved if episode.starts_at is not None]
        changed = AlertsChanged(
            fired=tuple(episode.severity for episode in moved), flags=flags, first_alert_at=min(starts, default=None)
        )
        work.change(parent, changed)
    return child


def split(work: Work, child: Incident, by: Actor) -> Incident:
    """Let it go on by itself again, as its next occurrence, with those of its alerts that still fire.

    Raises:
        IllegalTransition: It goes on in no other one, or none of its alerts fires any more.
    """
    merged = child.merged
    parent = work.incident(merged.into) if merged is not None else None
    if merged is None or parent is None:
        raise IllegalTransition(f"incident {child.number} goes on in no other one")
    own = set(merged.alerts)
    firing = [episode for episode in _firing(work, parent) if episode.key in own]
    if not firing:
        raise IllegalTransition(f"none of the alerts that incident {child.number} had fires any more")
    left = tuple(episode.severity for episode in firing)
    moved = _move(work, firing, child)
    parent = work.change(parent, MergedWith(by=by, number=child.number, joins=False))
    if parent.is_open:
        work.change(parent, AlertsChanged(ended=left, last_end_at=work.now))
    starts = [episode.starts_at for episode in moved if episode.starts_at is not None]
    fired = tuple(episode.severity for episode in moved)
    return work.change(child, Opened(fired=fired, first_alert_at=min(starts, default=None), flags=child.flags))


def link(work: Work, one: Incident, other: Incident, by: Actor) -> Incident:
    """Say in both timelines that they have to do with each other.

    Raises:
        IllegalTransition: Both are the same.
    """
    if one.id == other.id:
        raise InvalidValue(f"incident {one.number} is itself: name another one")
    work.change(other, Linked(by=by, number=one.number))
    return work.change(one, Linked(by=by, number=other.number))


def _firing(work: Work, incident: Incident) -> list[Episode]:
    episodes = work.tx.episodes_of(incident.id, WHOLE)
    return [episode for episode in episodes if episode.status is EpisodeStatus.FIRING]


def _move(work: Work, episodes: list[Episode], to: Incident) -> list[Episode]:
    """Give alerts to another incident, each at its severity, or where that has none such, at what is unrouted."""
    plan = to.plan
    moved = [
        msgspec.structs.replace(
            episode,
            incident_id=to.id,
            severity=episode.severity if plan.has_level(episode.severity) else plan.unrouted,
        )
        for episode in episodes
    ]
    work.tx.put_episodes(moved)
    return moved
