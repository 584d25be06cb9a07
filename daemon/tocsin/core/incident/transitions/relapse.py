"""The end of an acknowledgment: a snooze is over, the responder is silent, or the incident has grown worse.

The incident is then triggered again, a new round begins, and people are paged again.
"""

from tocsin.core.duration import MINUTE, duration
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.incident import TAKEN, State
from tocsin.core.incident.timeline.responses import SnoozeOver, Unacknowledged
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions import promises
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import (
    climb,
    consider_anew,
    fire,
    is_outside_business_hours,
    notify,
    plan,
    take_back,
)
from tocsin.core.incident.transitions.ladder import Ladder
from tocsin.core.incident.transitions.steps import asked_step, is_closed, targets_at
from tocsin.core.incident.wording import because_silent
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.typed_replace import replace

TIER_1_AFTER = 5 * MINUTE
"""Time between the page to a silent acknowledger and the page to tier 1."""
OUTGROWN = 5
"""An acknowledgment ends when so many times as many alerts fire as at the acknowledgment."""


def snooze_due(change: Change) -> None:
    """End a snooze whose time is over, and notify the tier that was reached last."""
    snoozed = change.ladder_state.snooze
    if snoozed is not None and snoozed.until <= change.now:
        change.behind = max(change.behind, change.now - snoozed.until)
        resume(change, f"{snoozed.by} had snoozed it until now")


def silence_due(change: Change) -> None:
    """Page again if the responder of a firing incident has been silent for longer than the playbook allows."""
    incident, silent_at, timeout = change.incident, change.ladder_state.silent_at, change.level.ack_timeout
    if silent_at is None or silent_at > change.now:
        return
    if incident.state is not State.ACKNOWLEDGED or timeout is None:
        change.set_ladder_state(replace(change.ladder_state, silent_at=None))
    elif is_outside_business_hours(change):
        change.set_ladder_state(
            replace(change.ladder_state, silent_at=incident.plan.business_hours.opening(change.now))
        )
    else:
        change.behind = max(change.behind, change.now - silent_at)
        fall_silent(change, because_silent(incident, timeout))


def resume(change: Change, because: str) -> None:
    """End a snooze: trigger the incident again, notify the last reached tier, and continue with later steps.

    ``because`` is the reason that the page gives.
    """
    incident, level = change.incident, change.level
    snoozed = change.ladder_state.snooze
    paused = change.now - snoozed.at if snoozed is not None else 0
    _unacknowledge(change, because, SnoozeOver)
    first_steps = [level.entries[tier][0].after or 0 for tier in incident.reached if tier in level.entries]
    offset = max(first_steps, default=0)
    remaining = ladders.resumed(level, change.now, offset, incident.ladder, paused)
    if not incident.reached:
        change.count_from(change.now)
        assign(change.incident, fired=())
        restart(change, ladders.planned(level, change.now))
    else:
        to_come = {planned.cell for planned in remaining}
        passed = (cell.key for cell in level.cells if cell.after is not None and cell.key not in to_come)
        until_resolved_clock = incident.clock_at - change.ladder_state.deferred_by + paused
        assign(change.incident, clock_at=change.now - offset, fired=tuple(dict.fromkeys((*incident.fired, *passed))))
        change.set_ladder_state(replace(change.ladder_state, deferred_by=incident.clock_at - until_resolved_clock))
        last_tier = incident.reached[-1]
        # A flag or a moment may have notified the last tier before the tier's planned first step was due.
        # `notify_again` fires that step now, so the planned one is dropped: otherwise it would fire twice.
        repeated = {cell.key for cell in level.entries.get(last_tier, ())}
        remaining = tuple(planned for planned in remaining if planned.cell not in repeated)
        later = () if not incident.waits and notify_again(change, last_tier, because) else (last_tier,)
        restart(change, ladders.again_first(level, change.now, remaining, later))
    consider_anew(change)


def fall_silent(change: Change, because: str) -> None:
    """Page the silent acknowledger now, tier 1 after `TIER_1_AFTER`, and then restart the ladder."""
    incident = change.incident
    starts_at = change.now + TIER_1_AFTER
    fired = incident.fired
    late = change.now - (change.ladder_state.silent_at or change.now)
    _unacknowledge(change, because)
    if incident.acknowledged_by:
        acknowledger, text = (incident.acknowledged_by,), f"{because}; tier 1 is paged in {duration(TIER_1_AFTER)}"
        notify(change, Kind.PAGE, "silent", 1, acknowledger, Until.ACKNOWLEDGED, text, late=late)
    again = tuple(key for key in fired if (cell := change.level.cell(key)) is not None and cell.after is not None)
    change.set_ladder_state(replace(change.ladder_state, again=tuple(dict.fromkeys(again))))
    change.count_from(starts_at)
    assign(change.incident, fired=())
    restart(change, ladders.from_silence(change.level, starts_at, incident.ladder))


def end_acknowledgment(change: Change, because: str) -> None:
    """End an acknowledgment: page the acknowledger and tier 1 at once, and restart the ladder now."""
    incident = change.incident
    acknowledger = (incident.acknowledged_by,) if incident.acknowledged_by else ()
    remaining = ladders.after_rise(change.level, change.now, incident.ladder, (1,))
    _unacknowledge(change, because)
    change.count_from(change.now)
    reached = tuple(dict.fromkeys((*change.ladder_state.reached_before, *incident.reached)))
    change.set_ladder_state(replace(change.ladder_state, reached_before=reached))
    if incident.waits or is_outside_business_hours(change):  # no page now: the ladder starts over after the wait
        assign(change.incident, reached=(), fired=())
        restart(change, ladders.planned(change.level, change.now))
        return
    first = change.level.first
    kind, step = (first.kind, first.key) if first is not None else (Kind.PAGE, "1.1")
    # Steps that fired earlier in this same change count for the new round, so they do not fire again.
    notifications = [effect for effect in change.effects if isinstance(effect, Notify) and effect.step != step]
    just_now = tuple(effect.step for effect in notifications)
    assign(
        change.incident,
        reached=tuple(dict.fromkeys((1, *(effect.tier for effect in notifications)))),
        fired=(step, *just_now),
    )
    targets = tuple(dict.fromkeys((*acknowledger, *targets_at(change, 1))))
    notify(change, kind, step, 1, targets, Until.ACKNOWLEDGED, because)
    for cell in change.level.entries.get(1, ()):
        if cell is not first:
            fire(change, cell, because)
    restart(change, tuple(planned for planned in remaining if planned.cell not in just_now))


def end_if_outgrown(change: Change, alerts_began: bool) -> None:
    """End the acknowledgment if alerts began and many more alerts fire than when it was given (`OUTGROWN`)."""
    incident = change.incident
    now_firing, before = incident.alerts_firing, incident.firing_at_ack
    if alerts_began and incident.state in TAKEN and now_firing >= OUTGROWN * max(1, before):
        end_acknowledgment(change, f"{now_firing} alerts fire; {before} did when it was acknowledged")


def _unacknowledge(change: Change, because: str, kind: type[SnoozeOver | Unacknowledged] = Unacknowledged) -> None:
    """Set the state to triggered, and begin the next round, whose pages have keys of their own."""
    take_back(change, Moment.ACKNOWLEDGED)
    promises.uncovered(change)
    change.set_ladder_state(replace(change.ladder_state, snooze=None, silent_at=None, again=()))
    assign(change.incident, state=State.TRIGGERED, round=change.incident.round + 1)
    change.record(kind(because=because))


def notify_again(change: Change, tier: int, because: str) -> bool:
    """Notify a tier again; return False if it has to wait for business hours."""
    first_steps = change.level.entries.get(tier, ())
    if any(is_closed(change, cell) for cell in first_steps) or (not first_steps and is_outside_business_hours(change)):
        return False
    for cell in first_steps:
        fire(change, cell, because)
    if not first_steps:  # no timed step notifies this tier: a person, a flag or a moment had caused the page
        step, targets = asked_step(change.level, tier), targets_at(change, tier)
        notify(change, Kind.PAGE, step, tier, targets, Until.ACKNOWLEDGED, because)
    return True


def restart(change: Change, ladder: Ladder) -> None:
    """Continue with another ladder.

    If the page after the end of the old ladder (`fallback_at`) was due earlier, keep that time: otherwise repeated
    changes of the severity would postpone this page forever.
    """
    fallback_at = change.incident.fallback_at
    assign(change.incident, fallback_at=None)
    plan(change, ladder)
    if change.incident.resolve_at is None:
        climb(change)
    if fallback_at is not None and change.incident.fallback_at is not None:
        assign(change.incident, fallback_at=min(fallback_at, change.incident.fallback_at))
