"""Progress on the ladder: the steps that are due, and those that flags and moments fire."""

from tocsin.core.incident.incident import State
from tocsin.core.incident.ladder_state import Deferred
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions.change import PAGED, Change, assign
from tocsin.core.incident.transitions.ladder import Ladder
from tocsin.core.incident.transitions.steps import (
    fire,
    fire_now,
    is_outside_business_hours,
    is_pointless,
    lacks_flag,
    next_tier,
    notify,
    page_next_tier,
    page_reached_again,
    page_tier,
    plan,
    reach,
    schedule_repeat,
)
from tocsin.core.incident.wording import because_exhausted, because_flagged, because_moment, because_planned
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.typed_replace import replace


def climb(change: Change, waited: str = "") -> None:
    """Fire the earliest overdue step, with those planned for the same time.

    Later steps, even overdue ones, are postponed by the same delay. At the highest severity they catch up: see
    `ladders.postponed`.

    ``waited`` tells the recipients why the steps come only now.
    """
    incident = change.incident
    if incident.is_held_back:
        return
    if incident.ladder and incident.ladder[0].due_at <= change.now and change.level.business:
        plan(change, incident.ladder)
    due, rest = ladders.split_due(incident.ladder, change.now)
    if due:
        late = change.now - due[0].due_at
        catch_up = change.level.rank == 0
        is_start = incident.state is State.TRIGGERED and not incident.reached
        deferred = _deferral(change, due)
        for planned in due:
            cell = change.level.cell(planned.cell)
            if cell is not None:
                because = because_planned(incident, cell)
                fire(change, cell, f"{because}; {waited}" if waited else because, late=late)
        assign(change.incident, clock_at=incident.clock_at + deferred + (0 if catch_up else late))
        change.set_ladder_state(replace(change.ladder_state, deferred_by=change.ladder_state.deferred_by + deferred))
        plan(change, ladders.postponed(rest, late, change.now, catch_up=catch_up))
        if is_start:
            _tell_acknowledger(change, waited)
    _fire_deferred(change)
    _page_owed_tier(change)
    schedule_repeat(change)


def _page_owed_tier(change: Change) -> None:
    """Page the tier that a rise in severity brings in, unless it was reached or the incident was taken meanwhile."""
    owed = change.ladder_state.owed_tier
    if owed is None or is_outside_business_hours(change):
        return
    change.set_ladder_state(replace(change.ladder_state, owed_tier=None))
    if change.incident.state is State.TRIGGERED and owed.tier not in change.incident.reached:
        page_tier(change, owed.tier, Until.ACKNOWLEDGED, owed.because)


def _deferral(change: Change, due: Ladder) -> int:
    """Return the time for which the due steps waited for business hours.

    Later steps with `Until.ACKNOWLEDGED` are postponed by as much.
    """
    deferred = 0
    for planned in due:
        cell = change.level.cell(planned.cell)
        if cell is not None and cell.key in change.level.business and cell.until is Until.ACKNOWLEDGED:
            deferred = max(deferred, planned.due_at - change.incident.clock_at - (cell.after or 0))
    return deferred


def _tell_acknowledger(change: Change, waited: str) -> None:
    """Page a person who acknowledged before the ladder began: the acknowledgment does not cover later alerts."""
    acknowledger, first = change.incident.acknowledged_by, change.level.first
    if acknowledger and acknowledger not in (first.targets if first is not None else ()):
        because = f"you had acknowledged it; {waited}" if waited else "you had acknowledged it"
        notify(change, Kind.PAGE, "1.1", 1, (acknowledger,), Until.ACKNOWLEDGED, because)


def _fire_deferred(change: Change) -> None:
    """Carry out the steps that flags and moments fired outside business hours."""
    incident = change.incident
    hours = incident.plan.business_hours
    remaining: list[Deferred] = []
    for deferred in change.ladder_state.deferred:
        cell = change.level.cell(deferred.cell)
        if deferred.due_at > change.now or not hours.are_open(change.now):
            opening = hours.opening(change.now)
            remaining.append(
                deferred if deferred.due_at > change.now else Deferred(deferred.key, deferred.cell, opening)
            )
        elif cell is not None and not is_pointless(change, cell):
            late, because = change.now - deferred.due_at, "it waited for business hours"
            notify(change, cell.kind, deferred.key, cell.tier, cell.targets, cell.until, because, late=late)
    if remaining != list(change.ladder_state.deferred):
        change.set_ladder_state(replace(change.ladder_state, deferred=tuple(remaining)))


def repeat_due(change: Change) -> None:
    """Page the last tier reached and tier 1 again, if the time for this has come."""
    fallback_at = change.incident.fallback_at
    if fallback_at is None or fallback_at > change.now:
        return
    if is_outside_business_hours(change):
        assign(change.incident, fallback_at=change.incident.plan.business_hours.opening(change.now))
    else:
        page_reached_again(change, because_exhausted(change.incident), late=change.now - fallback_at)


def fire_on(change: Change, moment: Moment, *, asked: bool = True) -> None:
    """Fire the steps that wait for this moment, once per occurrence.

    Steps for an acknowledgment fire for each acknowledgment. ``asked``: a person caused the
    moment, so steps fire even while the ladder waits.
    """
    change.set_ladder_state(
        replace(change.ladder_state, moments=tuple(dict.fromkeys((*change.ladder_state.moments, moment))))
    )
    if change.incident.state in PAGED:
        _fire_moments(change, (moment,) if asked else ())


def _fire_moments(change: Change, asked: tuple[Moment, ...] = ()) -> None:
    happened = asked if change.incident.is_held_back else change.ladder_state.moments
    for cell in change.level.cells if happened else ():
        key = f"{cell.key}@{cell.on}"
        if cell.on not in happened or key in change.incident.flagged:
            continue
        if is_pointless(change, cell) or lacks_flag(change, cell):
            continue
        assign(change.incident, flagged=(*change.incident.flagged, key))
        reach(change, cell.tier)
        flags = tuple(flag for flag in cell.when if flag in change.new_flags)  # set only now, after the moment
        fire_now(change, cell, key, because_flagged(flags) if flags else because_moment(cell.on))


def take_back(change: Change, moment: Moment) -> None:
    """Withdraw a moment, so that its steps fire again the next time."""
    if moment in change.ladder_state.moments:
        change.set_ladder_state(
            replace(
                change.ladder_state,
                moments=tuple(other for other in change.ladder_state.moments if other is not moment),
            )
        )
        flagged = change.incident.flagged
        assign(change.incident, flagged=tuple(key for key in flagged if not key.endswith(f"@{moment}")))


def fire_flags(change: Change, asked: tuple[str, ...] = ()) -> None:
    """Fire all steps that wait for flags, once for each; while the ladder is held back, only for ``asked`` flags."""
    flags = asked if change.incident.is_held_back else change.incident.flags
    _fire_flagged(change, flags)
    for flag in change.incident.plan.next_tier_on:
        key = f"next:{flag}"
        if flag in flags and key not in change.incident.flagged:
            assign(change.incident, flagged=(*change.incident.flagged, key))
            because = because_flagged((flag,))
            page_next_tier(change, Until.RESOLVED, because, f"{because}: every tier has been paged")
    _fire_passed(change, flags)
    _fire_moments(change, change.ladder_state.moments if asked else ())


def _fire_flagged(change: Change, flags: tuple[str, ...]) -> None:
    for cell in change.level.cells:
        keys = {f"{cell.key}:{flag}": flag for flag in cell.flags if flag in flags}
        new = {key: flag for key, flag in keys.items() if key not in change.incident.flagged}
        if new and not is_pointless(change, cell) and not lacks_flag(change, cell):
            assign(change.incident, flagged=(*change.incident.flagged, *new))
            fire_now(change, cell, next(iter(new)), because_flagged(tuple(new.values())))


def _fire_passed(change: Change, flags: tuple[str, ...]) -> None:
    """Fire steps that came due while none of their flags was set, now that a flag is set."""
    for key in change.ladder_state.passed:
        cell = change.level.cell(key)
        if cell is None or key not in change.incident.fired or is_pointless(change, cell):
            continue
        new_flags = tuple(flag for flag in cell.when if flag in flags)
        if new_flags:
            change.set_ladder_state(
                replace(
                    change.ladder_state, passed=tuple(other for other in change.ladder_state.passed if other != key)
                )
            )
            reach(change, cell.tier)
            fire_now(change, cell, key, because_flagged(new_flags))


def reacts_to(change: Change, flags: tuple[str, ...]) -> bool:
    """Return whether any of these flags can make a step fire."""
    cells = change.level.cells
    awaited = {*change.incident.plan.next_tier_on, *(flag for cell in cells for flag in (*cell.flags, *cell.when))}
    return not awaited.isdisjoint(flags)


def consider_anew(change: Change) -> None:
    """Fire the steps for flags at a new severity, including those that waited for business hours at the old one."""
    waiting = [deferred.key for deferred in change.ladder_state.deferred]
    if waiting:
        passed = [key for key in waiting if change.level.cell(key) is not None]
        change.set_ladder_state(
            replace(change.ladder_state, deferred=(), passed=(*change.ladder_state.passed, *passed))
        )
        assign(change.incident, flagged=tuple(key for key in change.incident.flagged if key not in waiting))
    fire_flags(change)


__all__ = [
    "climb",
    "consider_anew",
    "fire",
    "fire_flags",
    "fire_on",
    "is_outside_business_hours",
    "next_tier",
    "notify",
    "page_next_tier",
    "page_reached_again",
    "plan",
    "reach",
    "reacts_to",
    "repeat_due",
    "schedule_repeat",
    "take_back",
]
