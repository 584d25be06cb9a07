"""An incident becomes worse, or less bad."""

from tocsin.core.errors import UnknownLevel
from tocsin.core.event import TOCSIN, Actor, Replan, SetSeverity
from tocsin.core.incident import TAKEN, State, WaitReason
from tocsin.core.throttle import is_top
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions import promises
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import consider_anew
from tocsin.core.transitions.counting import above
from tocsin.core.transitions.flapping import forget
from tocsin.core.transitions.hearing import heard, retime
from tocsin.core.transitions.relapse import notify_again, restart, uncover
from tocsin.core.transitions.waiting import break_off


def reconsider(change: Change, raised: tuple[str, ...]) -> None:
    """Follow the highest firing alert; a pin yields only to what newly fires above it."""
    incident = change.incident
    highest = incident.plan.highest(list(incident.firing))
    if incident.pinned:
        newly = incident.plan.highest(list(raised)) if raised else incident.severity
        if above(incident.plan, newly, incident.severity):
            _move(change, newly, "by an alert above it")
    elif highest != incident.severity:
        _move(change, highest, "by its alerts")


def _move(change: Change, severity: str, because: str, by: Actor = TOCSIN) -> None:
    """Bring an open incident to another severity, with what follows for its ladder."""
    incident = change.incident
    old, was_level, owed = incident.severity, change.level, promises.owed(incident)
    before = change.level.ack_timeout
    change.set(severity=severity)
    change.record("severity", by, **{"from": old, "to": severity, "because": because})
    if incident.state is State.PENDING:
        change.set(peak=severity)
        return
    plan = incident.plan
    covered = incident.acked_severity if incident.state in TAKEN else incident.peak
    rises = covered is None or above(plan, severity, covered)
    promises.moved(change, owed, was_level, rises=rises)
    if rises:
        change.set(peak=plan.highest([severity, incident.peak]))
        break_off(change, WaitReason.FLAPPING)
        forget(change)
    if is_top(change.level):
        break_off(change, WaitReason.STORM)
        change.set(member_of=None)
    if rises and incident.state in TAKEN:
        uncover(change, f"raised from {old} to {severity}")
    elif rises:
        _page_again(change, f"raised from {old} to {severity}")
    else:
        retime(change, before)
        follow(change)
    consider_anew(change)


def follow(change: Change) -> None:
    """Go on with the ladder of the level as it is now, on the running clock."""
    incident = change.incident
    left = ladders.following(
        change.level,
        incident.clock_at,
        change.standing.deferred_by,
        incident.fired,
        incident.reached,
        acknowledged=incident.state in TAKEN,
    )
    # What is overdue at this level comes at once, the rest at its distance: no step collapses into another.
    snoozed = change.standing.snooze
    behind = max(0, (snoozed.at if snoozed is not None else change.now) - left[0].due_at) if left else 0
    change.set(clock_at=incident.clock_at + behind)
    restart(change, ladders.postponed(left, behind, change.now, catch_up=False))


def _page_again(change: Change, because: str) -> None:
    """A rise that nobody has acknowledged: whoever was reached is notified again at once."""
    incident = change.incident
    if incident.reached:
        left = ladders.after_rise(change.level, change.now, incident.ladder, incident.reached)
    else:  # it waited, and has notified nobody: there is no earlier time to keep
        left = ladders.planned(change.level, change.now)
    change.count_from(change.now)
    change.set(round=incident.round + 1, fired=())
    later = incident.reached
    if not incident.waits:
        later = tuple(tier for tier in incident.reached if not notify_again(change, tier, because))
    restart(change, ladders.again_first(change.level, change.now, left, later))


def set_severity(change: Change, event: SetSeverity) -> None:
    """A person pins the severity, or unpins it."""
    incident = change.incident
    if event.severity is None:
        change.set(pinned=False)
        change.record("unpinned", event.by, reason=event.reason)
        if incident.alerts_firing:
            reconsider(change, ())
        return
    heard(change)
    incident.plan.level(event.severity)
    change.set(pinned=True)
    if event.severity == incident.severity:
        change.record("pinned", event.by, severity=event.severity, reason=event.reason)
    else:
        _move(change, event.severity, event.reason or f"set by {event.by.name}", event.by)


def replan(change: Change, event: Replan) -> None:
    """Go on by the playbook as it is now: its steps on the clock that runs, those that have fired not again."""
    incident, plan = change.incident, event.plan
    wanted = [incident.severity, incident.peak, incident.acked_severity, *incident.firing]
    gone = next((name for name in wanted if name is not None and not plan.has_level(name)), None)
    if gone is not None:
        raise UnknownLevel(f"playbook {plan.name} has no severity {gone!r} any more: the incident keeps its plan")
    if plan == incident.plan:
        return
    owed, was_level = promises.owed(incident), change.level
    change.set(plan=plan)
    change.record("replanned", event.by, playbook=plan.name, sha=plan.sha)
    if incident.state is not State.PENDING:
        heard(change)
        promises.moved(change, owed, was_level, rises=False)
        follow(change)
        consider_anew(change)
