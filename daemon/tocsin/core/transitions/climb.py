"""Going up the ladder: the steps that are due, and those that flags and moments fire."""

from tocsin.core.incident import State
from tocsin.core.playbook import Kind, Moment, Until
from tocsin.core.standing import Deferred
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions.change import PAGED, Change
from tocsin.core.transitions.ladder import Ladder
from tocsin.core.transitions.steps import (
    arm_fallback,
    fall_back,
    fire,
    fire_now,
    is_off_duty,
    is_pointless,
    lacks_flag,
    notify,
    page_next_tier,
    plan,
    reach,
)
from tocsin.core.wording import because_exhausted, because_flagged, because_moment, because_planned


def climb(change: Change, waited: str = "") -> None:
    """Fire the steps that are due: the earliest overdue one, with its equals; later ones keep their distance.

    ``waited`` is what has kept them back until now, for those who are notified.
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
        is_anew = incident.state is State.TRIGGERED and not incident.reached
        deferred = _deferral(change, due)
        for planned in due:
            cell = change.level.cell(planned.cell)
            if cell is not None:
                because = because_planned(incident, cell)
                fire(change, cell, f"{because}; {waited}" if waited else because, late=late)
        change.set(clock_at=incident.clock_at + deferred + (0 if catch_up else late))
        change.stand(deferred_by=change.standing.deferred_by + deferred)
        plan(change, ladders.postponed(rest, late, change.now, catch_up=catch_up))
        if is_anew:
            _tell_acknowledger(change, waited)
    _fire_deferred(change)
    arm_fallback(change)


def _deferral(change: Change, due: Ladder) -> int:
    """Return by how much these steps waited for business hours.

    Later steps that wait for the acknowledgment as well count from when they are carried out.
    """
    deferred = 0
    for planned in due:
        cell = change.level.cell(planned.cell)
        if cell is not None and cell.key in change.level.business and cell.until is Until.ACKNOWLEDGED:
            deferred = max(deferred, planned.due_at - change.incident.clock_at - (cell.after or 0))
    return deferred


def _tell_acknowledger(change: Change, waited: str) -> None:
    """Somebody had it before its ladder began: the acknowledgment does not cover what has come since."""
    who, first = change.incident.acknowledged_by, change.level.first
    if who and who not in (first.targets if first is not None else ()):
        because = f"you had acknowledged it; {waited}" if waited else "you had acknowledged it"
        notify(change, Kind.PAGE, "1.1", 1, (who,), Until.ACKNOWLEDGED, because)


def _fire_deferred(change: Change) -> None:
    """Carry out what flags and moments have fired outside of business hours."""
    incident = change.incident
    hours = incident.plan.business_hours
    left: list[Deferred] = []
    for deferred in change.standing.deferred:
        cell = change.level.cell(deferred.cell)
        if deferred.due_at > change.now or not hours.are_open(change.now):
            opening = hours.opening(change.now)
            left.append(deferred if deferred.due_at > change.now else Deferred(deferred.key, deferred.cell, opening))
        elif cell is not None and not is_pointless(change, cell):
            notify(change, cell.kind, deferred.key, cell.tier, cell.targets, cell.until, "it waited for business hours")
    if left != list(change.standing.deferred):
        change.stand(deferred=tuple(left))


def fallback_due(change: Change) -> None:
    """Nobody is left to page and nobody has acknowledged: the last tier reached and tier 1 again."""
    fallback_at = change.incident.fallback_at
    if fallback_at is None or fallback_at > change.now:
        return
    if is_off_duty(change):
        change.set(fallback_at=change.incident.plan.business_hours.opening(change.now))
    else:
        fall_back(change, because_exhausted(change.incident), late=change.now - fallback_at)


def fire_on(change: Change, moment: Moment, *, asked: bool = True) -> None:
    """Something has happened that steps may wait for: those fire, once an occurrence.

    Once for each acknowledgment, where that is the moment. ``asked``: a person's
    word, which notifies even while the ladder waits.
    """
    change.stand(moments=tuple(dict.fromkeys((*change.standing.moments, moment))))
    if change.incident.state in PAGED:
        _fire_moments(change, (moment,) if asked else ())


def _fire_moments(change: Change, asked: tuple[Moment, ...] = ()) -> None:
    happened = asked if change.incident.is_held_back else change.standing.moments
    for cell in change.level.cells if happened else ():
        key = f"{cell.key}@{cell.on}"
        if cell.on not in happened or key in change.incident.flagged:
            continue
        if is_pointless(change, cell) or lacks_flag(change, cell):
            continue
        change.set(flagged=(*change.incident.flagged, key))
        reach(change, cell.tier)
        fire_now(change, cell, key, because_moment(cell.on))


def take_back(change: Change, moment: Moment) -> None:
    """It holds no more: the next time is another one."""
    if moment in change.standing.moments:
        change.stand(moments=tuple(other for other in change.standing.moments if other is not moment))
        flagged = change.incident.flagged
        change.set(flagged=tuple(key for key in flagged if not key.endswith(f"@{moment}")))


def fire_flags(change: Change, asked: tuple[str, ...] = ()) -> None:
    """Fire all that waits for flags, once for each; while the ladder is held back only for ``asked`` ones."""
    flags = asked if change.incident.is_held_back else change.incident.flags
    _fire_flagged(change, flags)
    for flag in change.incident.plan.next_tier_on:
        key = f"next:{flag}"
        if flag in flags and key not in change.incident.flagged:
            change.set(flagged=(*change.incident.flagged, key))
            because = because_flagged((flag,))
            page_next_tier(change, Until.RESOLVED, because, f"{because}: every tier has been paged")
    _fire_passed(change, flags)
    _fire_moments(change, change.standing.moments if asked else ())


def _fire_flagged(change: Change, flags: tuple[str, ...]) -> None:
    for cell in change.level.cells:
        keys = {f"{cell.key}:{flag}": flag for flag in cell.flags if flag in flags}
        new = {key: flag for key, flag in keys.items() if key not in change.incident.flagged}
        if new and not is_pointless(change, cell) and not lacks_flag(change, cell):
            change.set(flagged=(*change.incident.flagged, *new))
            fire_now(change, cell, next(iter(new)), because_flagged(tuple(new.values())))


def _fire_passed(change: Change, flags: tuple[str, ...]) -> None:
    """Steps whose time had come while no flag wanted them: a flag that is set now does."""
    for key in change.standing.passed:
        cell = change.level.cell(key)
        if cell is None or key not in change.incident.fired or is_pointless(change, cell):
            continue
        wanted = tuple(flag for flag in cell.when if flag in flags)
        if wanted:
            change.stand(passed=tuple(other for other in change.standing.passed if other != key))
            reach(change, cell.tier)
            fire_now(change, cell, key, because_flagged(wanted))


def reacts_to(change: Change, flags: tuple[str, ...]) -> bool:
    """Whether any of these flags may make anything fire."""
    cells = change.level.cells
    awaited = {*change.incident.plan.next_tier_on, *(flag for cell in cells for flag in (*cell.flags, *cell.when))}
    return not awaited.isdisjoint(flags)


def consider_anew(change: Change) -> None:
    """Another severity: what waits for business hours at the old one is fired as the new one says."""
    waiting = [deferred.key for deferred in change.standing.deferred]
    if waiting:
        passed = [key for key in waiting if change.level.cell(key) is not None]
        change.stand(deferred=(), passed=(*change.standing.passed, *passed))
        change.set(flagged=tuple(key for key in change.incident.flagged if key not in waiting))
    fire_flags(change)


__all__ = [
    "arm_fallback",
    "climb",
    "consider_anew",
    "fall_back",
    "fallback_due",
    "fire",
    "fire_flags",
    "fire_on",
    "is_off_duty",
    "notify",
    "page_next_tier",
    "plan",
    "reach",
    "reacts_to",
    "take_back",
]
