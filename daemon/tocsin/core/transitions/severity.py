"""An incident becomes worse, or less bad."""

from tocsin.core.event import TOCSIN, Actor, SetSeverity
from tocsin.core.incident import State, WaitReason
from tocsin.core.playbook import Kind, Until
from tocsin.core.throttle import is_top
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import climb, fire, fire_flags, notify
from tocsin.core.transitions.counting import above
from tocsin.core.transitions.flapping import forget
from tocsin.core.transitions.ladder import Ladder
from tocsin.core.transitions.waiting import break_off

OUTGROWN = 5
"""An acknowledgment covers fewer than this many times the alerts that fired when it was given."""


def reconsider(change: Change, raised: tuple[str, ...]) -> None:
    """Follow the highest firing alert; a pin yields only to what newly fires above it."""
    incident = change.incident
    highest = incident.plan.highest(list(incident.firing))
    if incident.pinned:
        newly = incident.plan.highest(list(raised)) if raised else incident.severity
        if above(incident.plan, newly, incident.severity):
            _move(change, newly, "an alert above it fires")
    elif highest != incident.severity:
        _move(change, highest, "its firing alerts")


def _move(change: Change, severity: str, because: str, by: Actor = TOCSIN) -> None:
    """Bring an open incident to another severity, with what follows for its ladder."""
    incident = change.incident
    old = incident.severity
    change.set(severity=severity)
    change.record("severity", by, **{"from": old, "to": severity, "because": because})
    if incident.state is State.PENDING:
        change.set(peak=severity)
        return
    plan = incident.plan
    covered = incident.acked_severity if incident.state is State.ACKNOWLEDGED else incident.peak
    rises = covered is None or above(plan, severity, covered)
    if rises:
        change.set(peak=plan.highest([severity, incident.peak]))
        break_off(change, WaitReason.FLAPPING)
        forget(change)
    if is_top(change.level):
        break_off(change, WaitReason.STORM)
        change.set(member_of=None)
    if rises and incident.state is State.ACKNOWLEDGED:
        uncover(change, f"raised from {old} to {severity}, above what was acknowledged")
    elif rises:
        _page_again(change, f"raised from {old} to {severity}")
    else:
        left = ladders.following(
            change.level,
            incident.clock_at,
            incident.fired,
            incident.reached,
            acknowledged=incident.state is State.ACKNOWLEDGED,
        )
        # What is overdue at this level comes at once, the rest at its distance: no step collapses into another.
        behind = max(0, change.now - left[0].due_at) if left else 0
        change.set(clock_at=incident.clock_at + behind)
        _restart(change, ladders.postponed(left, behind, change.now, catch_up=False))
    fire_flags(change)


def _page_again(change: Change, because: str) -> None:
    """A rise that nobody has acknowledged: whoever was reached is notified again at once."""
    incident = change.incident
    if incident.reached:
        left = ladders.after_rise(change.level, change.now, incident.ladder, incident.reached)
    else:  # it waited, and has notified nobody: there is no earlier time to keep
        left = ladders.planned(change.level, change.now)
    change.set(round=incident.round + 1, clock_at=change.now, fired=())
    if incident.waits:
        _restart(change, ladders.again_first(change.level, change.now, left, incident.reached))
        return
    for tier in incident.reached:
        first = change.level.cell(f"{tier}.1")
        if first is not None and first.after is not None:
            fire(change, first, because)
        else:  # a person had asked for it
            notify(
                change,
                Kind.PAGE,
                f"{tier}.1",
                tier,
                ladders.targets_at(incident.plan, change.level, tier),
                Until.ACKNOWLEDGED,
                because,
            )
    _restart(change, left)


def uncover(change: Change, because: str) -> None:
    """The acknowledgment does not cover this: the acknowledger and tier 1 at once, then the plan from now."""
    incident = change.incident
    acknowledger = (incident.acknowledged_by,) if incident.acknowledged_by else ()
    left = ladders.after_rise(change.level, change.now, incident.ladder, (1,))
    change.set(state=State.TRIGGERED, round=incident.round + 1, clock_at=change.now)
    change.record("unacknowledged", because=because)
    if incident.waits:  # then from the beginning
        change.set(reached=(), fired=())
        _restart(change, ladders.planned(change.level, change.now))
        return
    change.set(reached=(1,), fired=("1.1",))
    targets = tuple(dict.fromkeys((*acknowledger, *ladders.targets_at(incident.plan, change.level, 1))))
    first = change.level.cell("1.1")
    kind = first.kind if first is not None else Kind.PAGE
    notify(change, kind, "1.1", 1, targets, Until.ACKNOWLEDGED, because)
    _restart(change, left)


def _restart(change: Change, ladder: Ladder) -> None:
    """Go on with another ladder; a fallback that was due earlier stays, or changing severities would starve it."""
    fallback_at = change.incident.fallback_at
    change.set(ladder=ladder, fallback_at=None)
    if change.incident.resolve_at is None:
        climb(change)
    if fallback_at is not None and change.incident.fallback_at is not None:
        change.set(fallback_at=min(fallback_at, change.incident.fallback_at))


def outgrown(change: Change, fired: bool) -> None:
    """Grown beyond what was acknowledged, the incident goes back to triggered."""
    incident = change.incident
    if (
        fired
        and incident.state is State.ACKNOWLEDGED
        and incident.alerts_firing >= OUTGROWN * max(1, incident.firing_at_ack)
    ):
        uncover(change, f"{incident.alerts_firing} alerts fire; {incident.firing_at_ack} did when it was acknowledged")


def set_severity(change: Change, event: SetSeverity) -> None:
    """A person pins the severity, or unpins it."""
    incident = change.incident
    if event.severity is None:
        change.set(pinned=False)
        change.record("unpinned", event.by, reason=event.reason)
        if incident.alerts_firing:
            reconsider(change, ())
        return
    incident.plan.level(event.severity)
    change.set(pinned=True)
    if event.severity == incident.severity:
        change.record("pinned", event.by, severity=event.severity, reason=event.reason)
    else:
        _move(change, event.severity, event.reason or f"set by {event.by.name}", event.by)
