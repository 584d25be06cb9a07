"""Changes of an incident's severity."""

from tocsin.core.errors import IllegalTransition
from tocsin.core.incident.event import TOCSIN, Actor, Replan, SetSeverity
from tocsin.core.incident.incident import OPEN, TAKEN, State, WaitReason
from tocsin.core.incident.ladder_state import OwedTier
from tocsin.core.incident.response import DeclaredResponse
from tocsin.core.incident.throttle import is_top
from tocsin.core.incident.timeline.alerts import SeverityChanged
from tocsin.core.incident.timeline.responses import Pinned, Replanned, Unpinned
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions import promises
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import consider_anew, next_tier
from tocsin.core.incident.transitions.counting import above
from tocsin.core.incident.transitions.flapping import forget
from tocsin.core.incident.transitions.relapse import end_acknowledgment, notify_again, restart
from tocsin.core.incident.transitions.responder_timeout import adjust_timeout, restart_timeout
from tocsin.core.incident.transitions.waiting import break_off
from tocsin.core.incident.wording import RAISED
from tocsin.core.typed_replace import replace


def reconsider(change: Change, raised: tuple[str, ...]) -> None:
    """Set the severity of the highest firing alert; a pinned severity gives way only to a new alert above it."""
    incident = change.incident
    highest = incident.plan.highest(list(incident.firing))
    if incident.pinned:
        highest_raised = incident.plan.highest(list(raised)) if raised else incident.severity
        if above(incident.plan, highest_raised, incident.severity):
            _move(change, highest_raised, "by an alert above it")
    elif highest != incident.severity:
        _move(change, highest, "by its alerts")


def _move(change: Change, severity: str, because: str, by: Actor = TOCSIN) -> None:
    """Move an open incident to another severity, and adjust its ladder and promises."""
    incident = change.incident
    old, old_level, deadlines = incident.severity, change.level, promises.owed(incident)
    old_timeout = change.level.ack_timeout
    assign(change.incident, severity=severity)
    change.record(SeverityChanged(from_=old, to=severity, because=because), by)
    if incident.state is State.PENDING:
        assign(change.incident, peak=severity)
        return
    plan = incident.plan
    covered_severity = incident.acked_severity if incident.state in TAKEN else incident.peak
    rises = covered_severity is None or above(plan, severity, covered_severity)
    promises.moved(change, deadlines, old_level, rises=rises)
    if rises:
        assign(change.incident, peak=plan.highest([severity, incident.peak]))
        break_off(change, WaitReason.FLAPPING)
        forget(change)
    if is_top(change.level):
        break_off(change, WaitReason.STORM)
        assign(change.incident, member_of=None)
    firing = incident.firing.get(severity, 0)
    by_alerts = f"{firing} {'alert fires' if firing == 1 else 'alerts fire'} at {severity}"
    why = f"{RAISED}{old} to {severity}: {because if by is not TOCSIN else by_alerts}"
    if rises:
        _owe_next_tier(change, why)
    if rises and incident.state in TAKEN:
        end_acknowledgment(change, why)
    elif rises:
        _page_again(change, why)
    else:
        adjust_timeout(change, old_timeout)
        follow(change)
    consider_anew(change)


def _owe_next_tier(change: Change, because: str) -> None:
    """Have the ladder page the next tier not yet reached as well, if the playbook says so."""
    incident = change.incident
    tier = next_tier(incident) if incident.plan.next_tier_on_rise and incident.reached else None
    if tier is not None:
        change.set_ladder_state(replace(change.ladder_state, owed_tier=OwedTier(tier, because)))


def follow(change: Change) -> None:
    """Continue with the ladder of the current level; the ladder's clock continues."""
    incident = change.incident
    remaining = ladders.following(
        change.level,
        incident.clock_at,
        change.ladder_state.deferred_by,
        incident.fired,
        incident.reached,
        acknowledged=incident.state in TAKEN,
    )
    # The first overdue step fires at once, and later steps keep their distance, so that no two steps coincide.
    snoozed = change.ladder_state.snooze
    behind = max(0, (snoozed.at if snoozed is not None else change.now) - remaining[0].due_at) if remaining else 0
    assign(change.incident, clock_at=incident.clock_at + behind)
    restart(change, ladders.postponed(remaining, behind, change.now, catch_up=False))


def _page_again(change: Change, because: str) -> None:
    """Notify the reached tiers again at once, because of a rise that no one has acknowledged."""
    incident = change.incident
    if incident.reached:
        remaining = ladders.after_rise(change.level, change.now, incident.ladder, incident.reached)
    else:  # the ladder waited and has notified no one: there is no earlier time to keep
        remaining = ladders.planned(change.level, change.now)
    change.count_from(change.now)
    assign(change.incident, round=incident.round + 1, fired=())
    later = incident.reached
    if not incident.waits:
        later = tuple(tier for tier in incident.reached if not notify_again(change, tier, because))
    restart(change, ladders.again_first(change.level, change.now, remaining, later))


def set_severity(change: Change, event: SetSeverity) -> None:
    """Pin or unpin the severity for a person."""
    incident = change.incident
    if event.severity is None:
        assign(change.incident, pinned=False)
        change.record(Unpinned(reason=event.reason), event.by)
        if incident.alerts_firing:
            reconsider(change, ())
        return
    restart_timeout(change)
    incident.plan.level(event.severity)
    assign(change.incident, pinned=True)
    if event.severity == incident.severity:
        change.record(Pinned(severity=event.severity, reason=event.reason), event.by)
    else:
        _move(change, event.severity, event.reason or f"set by {event.by.name}", event.by)


def replan(change: Change, event: Replan) -> None:
    """Replace the playbook by its current version: the clock continues, and fired steps do not fire again."""
    incident, plan = change.incident, event.plan
    severities = [incident.severity, incident.peak, incident.acked_severity, *incident.firing]
    missing = next((name for name in severities if name is not None and not plan.has_level(name)), None)
    if missing is not None:
        raise IllegalTransition(
            f"playbook {plan.name} no longer has a severity {missing!r}; the incident keeps its plan"
        )
    if plan == incident.plan:
        return
    deadlines, old_level = promises.owed(incident), change.level
    assign(change.incident, plan=plan)
    change.record(Replanned(playbook=plan.name, sha=plan.sha), event.by)
    if incident.state is not State.PENDING:
        restart_timeout(change)
        promises.moved(change, deadlines, old_level, rises=False)
        follow(change)
        consider_anew(change)


RESPONSES = (
    DeclaredResponse(
        "severity",
        SetSeverity,
        ((OPEN, set_severity),),
        "Pin or unpin the severity.",
        cannot="change its severity",
    ),
    DeclaredResponse(
        "replan",
        Replan,
        ((OPEN, replan),),
        "Replace an incident's playbook with its current version.",
        cannot="replan it",
    ),
)
