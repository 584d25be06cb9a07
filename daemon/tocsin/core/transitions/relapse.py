"""An acknowledgment that holds no longer: outgrown, risen above, silent for too long, or its snooze is over."""

from tocsin.core.duration import duration
from tocsin.core.effect import Notify
from tocsin.core.incident import TAKEN, State
from tocsin.core.playbook import MINUTE, Kind, Moment, Until
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions import promises
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import climb, consider_anew, fire, is_off_duty, notify, plan, take_back
from tocsin.core.transitions.ladder import Ladder
from tocsin.core.transitions.steps import asked_step, is_closed, targets_at
from tocsin.core.wording import because_silent

TIER_1_AFTER = 5 * MINUTE
"""Whoever acknowledged has so long to answer after having been silent for too long."""
OUTGROWN = 5
"""An acknowledgment covers fewer than this many times the alerts that fired when it was given."""


def snooze_due(change: Change) -> None:
    """The time is over: it asks for somebody again, as far up as it had come."""
    snoozed = change.standing.snooze
    if snoozed is not None and snoozed.until <= change.now:
        resume(change, f"{snoozed.by} had snoozed it until now")


def silence_due(change: Change) -> None:
    """It is acknowledged, it fires, and nobody has said anything for as long as the playbook allows."""
    incident, silent_at, timeout = change.incident, change.standing.silent_at, change.level.ack_timeout
    if silent_at is None or silent_at > change.now:
        return
    if incident.state is not State.ACKNOWLEDGED or timeout is None:
        change.stand(silent_at=None)
    elif is_off_duty(change):
        change.stand(silent_at=incident.plan.business_hours.opening(change.now))
    else:
        fall_silent(change, because_silent(incident, timeout))


def resume(change: Change, because: str) -> None:
    """After a snooze: the tier that was reached last is notified again, and the plan goes on from there."""
    incident, level = change.incident, change.level
    snoozed = change.standing.snooze
    paused = change.now - snoozed.at if snoozed is not None else 0
    _take_back(change, because, "unsnoozed")
    entries = [level.entries[tier][0].after or 0 for tier in incident.reached if tier in level.entries]
    offset = max(entries, default=0)
    left = ladders.resumed(level, change.now, offset, incident.ladder, paused)
    if not incident.reached:
        change.count_from(change.now)
        change.set(fired=())
        restart(change, ladders.planned(level, change.now))
    else:
        to_come = {planned.cell for planned in left}
        over = (cell.key for cell in level.cells if cell.after is not None and cell.key not in to_come)
        resolved_from = incident.clock_at - change.standing.deferred_by + paused
        change.set(clock_at=change.now - offset, fired=tuple(dict.fromkeys((*incident.fired, *over))))
        change.stand(deferred_by=incident.clock_at - resolved_from)
        last = incident.reached[-1:]
        later = last if incident.waits or not notify_again(change, last[0], because) else ()
        restart(change, ladders.again_first(level, change.now, left, later))
    consider_anew(change)


def fall_silent(change: Change, because: str) -> None:
    """Nobody has said anything for too long: whoever acknowledged is paged, then tier 1, then the plan again."""
    incident = change.incident
    starts_at = change.now + TIER_1_AFTER
    fired = incident.fired
    late = change.now - (change.standing.silent_at or change.now)
    _take_back(change, because)
    if incident.acknowledged_by:
        to, told = (incident.acknowledged_by,), f"{because}; tier 1 is paged in {duration(TIER_1_AFTER)}"
        notify(change, Kind.PAGE, "silent", 1, to, Until.ACKNOWLEDGED, told, late=late)
    again = tuple(key for key in fired if (cell := change.level.cell(key)) is not None and cell.after is not None)
    change.stand(again=tuple(dict.fromkeys(again)))
    change.count_from(starts_at)
    change.set(fired=())
    restart(change, ladders.from_silence(change.level, starts_at, incident.ladder))


def uncover(change: Change, because: str) -> None:
    """The acknowledgment does not cover this: the acknowledger and tier 1 at once, then the plan from now."""
    incident = change.incident
    acknowledger = (incident.acknowledged_by,) if incident.acknowledged_by else ()
    left = ladders.after_rise(change.level, change.now, incident.ladder, (1,))
    _take_back(change, because)
    change.count_from(change.now)
    if incident.waits or is_off_duty(change):  # then from the beginning
        change.set(reached=(), fired=())
        restart(change, ladders.planned(change.level, change.now))
        return
    first = change.level.first
    kind, step = (first.kind, first.key) if first is not None else (Kind.PAGE, "1.1")
    # What has fired in this very change belongs to the new round: it does not come again.
    fresh = [effect for effect in change.effects if isinstance(effect, Notify) and effect.step != step]
    just_now = tuple(effect.step for effect in fresh)
    change.set(reached=tuple(dict.fromkeys((1, *(effect.tier for effect in fresh)))), fired=(step, *just_now))
    targets = tuple(dict.fromkeys((*acknowledger, *targets_at(change, 1))))
    notify(change, kind, step, 1, targets, Until.ACKNOWLEDGED, because)
    for cell in change.level.entries.get(1, ()):
        if cell is not first:
            fire(change, cell, because)
    restart(change, tuple(planned for planned in left if planned.cell not in just_now))


def outgrown(change: Change, fired: bool) -> None:
    """Grown beyond what was acknowledged, the incident goes back to triggered."""
    incident = change.incident
    if fired and incident.state in TAKEN and incident.alerts_firing >= OUTGROWN * max(1, incident.firing_at_ack):
        uncover(change, f"{incident.alerts_firing} alerts fire; {incident.firing_at_ack} did when it was acknowledged")


def _take_back(change: Change, because: str, said: str = "unacknowledged") -> None:
    """Back to triggered, as another round."""
    take_back(change, Moment.ACKNOWLEDGED)
    promises.uncovered(change)
    change.stand(snooze=None, silent_at=None, again=())
    change.set(state=State.TRIGGERED, round=change.incident.round + 1)
    change.record(said, because=because)


def notify_again(change: Change, tier: int, because: str) -> bool:
    """Notify a tier once more, unless it has to wait for business hours: False."""
    entry = change.level.entries.get(tier, ())
    if any(is_closed(change, cell) for cell in entry) or (not entry and is_off_duty(change)):
        return False
    for cell in entry:
        fire(change, cell, because)
    if not entry:  # a person, a flag or a moment had brought it in
        step, targets = asked_step(change.level, tier), targets_at(change, tier)
        notify(change, Kind.PAGE, step, tier, targets, Until.ACKNOWLEDGED, because)
    return True


def restart(change: Change, ladder: Ladder) -> None:
    """Go on with another ladder; a fallback that was due earlier stays, or changing severities would starve it."""
    fallback_at = change.incident.fallback_at
    change.set(fallback_at=None)
    plan(change, ladder)
    if change.incident.resolve_at is None:
        climb(change)
    if fallback_at is not None and change.incident.fallback_at is not None:
        change.set(fallback_at=min(fallback_at, change.incident.fallback_at))
