"""A storm grows, is told of again, and is over."""

import msgspec

from tocsin.core import throttle
from tocsin.core.event import StormGrew, StormLooked
from tocsin.core.incident import State
from tocsin.core.playbook import Kind, Until
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import notify
from tocsin.core.transitions.relapse import uncover


def storm_grew(change: Change, event: StormGrew) -> None:
    """More members: counted at once, told in a new page when the last one is old enough."""
    storm = change.incident.storm
    change.quiet = True
    if storm is None:
        return
    members = storm.members + event.joined
    change.set(storm=msgspec.structs.replace(storm, members=members), title=throttle.title(storm.target, members))
    _tell_again(change)


def storm_looked(change: Change, event: StormLooked) -> None:
    """It was asked whether it goes on."""
    storm = change.incident.storm
    change.quiet = True
    if storm is None:
        return
    if event.look_at is None and storm.look_at is not None:
        change.record("storm_over", members=storm.members)
    change.quiet = storm.shown == storm.members
    change.set(storm=msgspec.structs.replace(storm, look_at=event.look_at, taken=event.taken, shown=storm.members))
    _tell_again(change)


def _tell_again(change: Change) -> None:
    incident = change.incident
    storm = incident.storm
    if storm is None or not throttle.is_told_again(incident, change.now):
        return
    because = f"{storm.members} incidents by now, {storm.members - storm.told} more than you were told of"
    change.quiet = False
    change.set(storm=msgspec.structs.replace(storm, told=storm.members, told_at=change.now, shown=storm.members))
    if incident.state is State.ACKNOWLEDGED:
        uncover(change, because)
        return
    first = change.level.first
    change.set(round=incident.round + 1)
    kind, targets = (first.kind, first.targets) if first is not None else (Kind.PAGE, incident.plan.tier(1).targets)
    notify(change, kind, "1.1", 1, targets, Until.ACKNOWLEDGED, because)
