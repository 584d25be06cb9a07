"""A storm's growth, its further pages and its end."""

from tocsin.core.incident import throttle
from tocsin.core.incident.event import StormGrew, StormLooked
from tocsin.core.incident.incident import State
from tocsin.core.incident.timeline.alerts import StormOver
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import notify
from tocsin.core.incident.transitions.relapse import end_acknowledgment
from tocsin.core.playbook.playbook import Kind, Until
from tocsin.core.typed_replace import replace


def storm_grew(change: Change, event: StormGrew) -> None:
    """Count new members now, and page again when the last page is old enough."""
    storm = change.incident.storm
    change.quiet = True
    if storm is None:
        return
    members = storm.members + event.joined
    assign(change.incident, storm=replace(storm, members=members), title=throttle.title(storm.target, members))
    _tell_again(change)


def storm_looked(change: Change, event: StormLooked) -> None:
    """Store the result of the check whether the storm continues."""
    storm = change.incident.storm
    change.quiet = True
    if storm is None:
        return
    if event.look_at is None and storm.look_at is not None:
        change.record(StormOver(members=storm.members))
    change.quiet = storm.shown == storm.members
    assign(change.incident, storm=replace(storm, look_at=event.look_at, taken=event.taken, shown=storm.members))
    _tell_again(change)


def _tell_again(change: Change) -> None:
    incident = change.incident
    storm = incident.storm
    if storm is None or not throttle.is_told_again(incident, change.now):
        return
    because = f"{storm.members} incidents by now, {storm.members - storm.told} more than you were told of"
    change.quiet = False
    assign(change.incident, storm=replace(storm, told=storm.members, told_at=change.now, shown=storm.members))
    if incident.state is State.ACKNOWLEDGED:
        end_acknowledgment(change, because)
        return
    first = change.level.first
    assign(change.incident, round=incident.round + 1)
    kind, targets = (first.kind, first.targets) if first is not None else (Kind.PAGE, incident.plan.tier(1).targets)
    notify(change, kind, "1.1", 1, targets, Until.ACKNOWLEDGED, because)
