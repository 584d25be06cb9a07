"""Merging, unmerging and linking of incidents; alerts move with their incident."""

import msgspec

from tocsin.core.alerts.alert import Episode
from tocsin.core.errors import IllegalTransition, InvalidValue
from tocsin.core.incident.event import Actor, AlertsChanged, Linked, MergedInto, MergedWith, Opened
from tocsin.core.incident.incident import OPEN, Incident, Merged
from tocsin.core.incident.transitions.acting_state import acting_of
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.change.window_judge import firing_episodes
from tocsin.engine.change.window_waits import judge_begun


def merge(uow: UnitOfWork, child: Incident, parent: Incident, by: Actor) -> Incident:
    """Merge an incident into another one, which gets its firing alerts.

    Raises:
        IllegalTransition: One of the incidents is not open, or is a storm.
        InvalidValue: Both are the same incident.
    """
    if child.id == parent.id:
        raise InvalidValue(f"incident {child.number} cannot be merged into itself; name another one")
    for one in (child, parent):
        if one.state not in OPEN:
            raise IllegalTransition(f"incident {one.number} is {one.state}: only open ones can be merged")
        if one.storm is not None:
            raise IllegalTransition(f"incident {one.number} is a storm, which has members: merge those")
    firing = list(firing_episodes(uow.tx, child.id))
    keys = tuple(episode.key for episode in firing)
    moved = _move(uow, firing, parent)
    child = uow.change(child, MergedInto(by=by, merged=Merged(into=parent.id, number=parent.number, alerts=keys)))
    parent = uow.change(parent, MergedWith(by=by, number=child.number, told=acting_of(child).told))
    if moved:
        flags = tuple(flag for flag in child.flags if flag in parent.plan.flags)
        starts = [episode.starts_at for episode in moved if episode.starts_at is not None]
        changed = AlertsChanged(
            fired=tuple(episode.severity for episode in moved), flags=flags, first_alert_at=min(starts, default=None)
        )
        judge_begun(uow, uow.change(parent, changed), moved)
    return child


def split(uow: UnitOfWork, child: Incident, by: Actor) -> Incident:
    """Unmerge an incident: its alerts that still fire open its next occurrence.

    Raises:
        IllegalTransition: The incident is not merged, or none of its alerts still fires.
    """
    merged = child.merged
    parent = uow.incident(merged.into) if merged is not None else None
    if merged is None or parent is None:
        raise IllegalTransition(f"incident {child.number} is not merged into another one")
    own = set(merged.alerts)
    firing = [episode for episode in firing_episodes(uow.tx, parent.id) if episode.key in own]
    if not firing:
        raise IllegalTransition(f"none of the alerts of incident {child.number} still fires")
    left = tuple(episode.severity for episode in firing)
    moved = _move(uow, firing, child)
    parent = uow.change(parent, MergedWith(by=by, number=child.number, joins=False))
    if parent.is_open:
        uow.change(parent, AlertsChanged(ended=left, last_end_at=uow.now))
    starts = [episode.starts_at for episode in moved if episode.starts_at is not None]
    fired = tuple(episode.severity for episode in moved)
    opened = Opened(fired=fired, first_alert_at=min(starts, default=None), flags=child.flags, split_from=parent.number)
    return uow.change(child, opened)


def link(uow: UnitOfWork, one: Incident, other: Incident, by: Actor) -> Incident:
    """Link two related incidents in both timelines.

    Raises:
        InvalidValue: Both are the same incident.
    """
    if one.id == other.id:
        raise InvalidValue(f"incident {one.number} cannot be linked to itself; name another one")
    uow.change(other, Linked(by=by, number=one.number))
    return uow.change(one, Linked(by=by, number=other.number))


def _move(uow: UnitOfWork, episodes: list[Episode], to: Incident) -> list[Episode]:
    """Move alerts to another incident; a severity that its plan lacks becomes the one for unrouted alerts."""
    plan = to.plan
    moved = [
        msgspec.structs.replace(
            episode,
            incident_id=to.id,
            severity=episode.severity if plan.has_level(episode.severity) else plan.unrouted,
        )
        for episode in episodes
    ]
    uow.tx.put_episodes(moved)
    return moved
