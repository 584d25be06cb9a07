"""The ladder of an incident: the cells of the tier matrix that are still to fire, with their times.

Pure arithmetic on a level's cells; ``core/incident/escalation`` decides when to use it.
A ladder is a tuple of `Planned`, earliest first.
"""

from collections.abc import Iterable
from itertools import groupby

from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import Planned
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Until
from tocsin.core.schedule.hours import BusinessHours

CATCH_UP = 1 * MINUTE
"""Distance between overdue steps at the highest severity, until the plan has caught up."""

Ladder = tuple[Planned, ...]


def planned(level: Level, clock_at: int) -> Ladder:
    """Return the whole ladder of a level, counted from ``clock_at``."""
    return _ordered(
        Planned(cell.key, cell.tier, clock_at + cell.after) for cell in level.cells if cell.after is not None
    )


def targets_at(plan: Playbook, level: Level, tier: int) -> tuple[str, ...]:
    """Return the targets of a page to a tier: those of its first step if this step pages, else the tier's own."""
    first = level.cell(f"{tier}.1")
    pages = first is not None and first.after is not None and not first.when and first.kind is Kind.PAGE
    return first.targets if first is not None and pages else plan.tier(tier).targets


def tiers_to_repeat(level: Level, reached: tuple[int, ...], until: Until, *, is_open: bool) -> tuple[int, ...]:
    """Return the tiers to page again when no step is left: the last tier reached, and tier 1.

    Outside business hours (``is_open`` is False), a tier is left out if it is paged only
    within business hours, and until acknowledged.
    """

    def is_off(tier: int) -> bool:
        entry = level.entries.get(tier, ())
        return (
            not is_open
            and until is Until.ACKNOWLEDGED
            and bool(entry)
            and all(cell.key in level.business for cell in entry)
        )

    last = reached[-1] if reached else 1
    return tuple(tier for tier in dict.fromkeys((last, 1)) if tier == 1 or not is_off(tier))


def climbs_on(level: Level, ladder: Ladder, reached: tuple[int, ...]) -> bool:
    """Return whether steps are left that page until acknowledged, or that reach a further tier.

    Other steps (a resolution target, hours away) only notify people who have been notified before.
    """
    cells = ((step, level.cell(step.cell)) for step in ladder)
    return any(
        cell is not None and cell.kind is Kind.PAGE and (cell.until is Until.ACKNOWLEDGED or step.tier not in reached)
        for step, cell in cells
    )


def after_rise(level: Level, now: int, old: Ladder, reached: tuple[int, ...]) -> Ladder:
    """Return the ladder after a rise in severity.

    The higher level's clock starts now; the first cell of a reached tier does not
    fire again; a tier not yet reached is due at the earlier of its old time and
    its new one.
    """
    earlier = {step.tier: step.due_at for step in reversed(old)}
    steps = []
    for cell in level.cells:
        if cell.after is None or (cell.tier in reached and cell in level.entries[cell.tier]):
            continue
        due_at = now + cell.after
        if cell.tier not in reached:
            due_at = min(due_at, earlier.get(cell.tier, due_at))
        steps.append(Planned(cell.key, cell.tier, due_at))
    return _ordered(steps)


def again_first(level: Level, now: int, ladder: Ladder, reached: tuple[int, ...]) -> Ladder:
    """Return the ladder with the first steps of the reached tiers due now, for tiers that could not be notified yet."""
    again = (Planned(cell.key, cell.tier, now) for tier in reached for cell in level.entries.get(tier, ()))
    return _ordered((*again, *ladder))


def following(
    level: Level,
    clock_at: int,
    deferred: int,
    fired: tuple[str, ...],
    reached: tuple[int, ...],
    *,
    acknowledged: bool,
) -> Ladder:
    """Return the rest of a level's ladder for an incident whose severity drops to that level; its clock continues.

    ``deferred`` is the part of ``clock_at`` that steps until resolved do not count.
    """
    return _ordered(
        Planned(cell.key, cell.tier, clock_at + cell.after - (deferred if cell.until is Until.RESOLVED else 0))
        for cell in level.cells
        if cell.after is not None
        and cell.key not in fired
        and not (cell.tier in reached and cell in level.entries[cell.tier])
        and not (acknowledged and cell.until is Until.ACKNOWLEDGED)
    )


def without_acknowledged(ladder: Ladder, level: Level) -> Ladder:
    """Return the steps that continue after an acknowledgment."""
    return tuple(step for step in ladder if _until(level.cell(step.cell)) is not Until.ACKNOWLEDGED)


def no_later(ladder: Ladder, level: Level, begun_at: int, now: int) -> Ladder:
    """Return the ladder with each step at the latest as planned from ``begun_at``; overdue steps are due now."""
    after = {cell.key: cell.after for cell in level.cells if cell.after is not None}
    return _ordered(
        Planned(step.cell, step.tier, min(step.due_at, max(now, begun_at + after[step.cell])))
        if step.cell in after
        else step
        for step in ladder
    )


def from_silence(level: Level, starts_at: int, remaining: Ladder) -> Ladder:
    """Return the whole ladder from ``starts_at`` on; a step already planned is not postponed."""
    old = {step.cell: step.due_at for step in remaining}
    return _ordered(
        Planned(step.cell, step.tier, min(step.due_at, old.get(step.cell, step.due_at)))
        for step in planned(level, starts_at)
    )


def resumed(level: Level, now: int, offset: int, remaining: Ladder, paused: int) -> Ladder:
    """Return the ladder after a snooze.

    Steps until acknowledged follow the reached tier, whose ``after`` is ``offset``,
    at the planned distance. Steps until resolved (``remaining``) are postponed by the
    ``paused`` time.
    """
    waiting = (
        Planned(cell.key, cell.tier, now + cell.after - offset)
        for cell in level.cells
        if cell.after is not None and cell.after > offset and cell.until is Until.ACKNOWLEDGED
    )
    return _ordered((*waiting, *(Planned(step.cell, step.tier, step.due_at + paused) for step in remaining)))


def within_hours(ladder: Ladder, level: Level, hours: BusinessHours, now: int) -> Ladder:
    """Return the ladder with every step for business hours moved into these hours.

    A deferred step postpones the later steps until acknowledged as well. Steps until resolved
    count from the opening of the incident in any case: they neither move others nor are moved by them.
    """
    shift = 0
    moved: list[Planned] = []
    for due_at, together in groupby(ladder, key=lambda step: step.due_at):
        deferred = 0
        for step in together:
            is_bound = _until(level.cell(step.cell)) is not Until.RESOLVED
            moment = due_at + shift if is_bound else due_at
            if step.cell in level.business and not hours.are_open(max(moment, now)):
                opening = hours.opening(max(moment, now))
                deferred = max(deferred, opening - moment if is_bound else 0)
                moment = opening
            moved.append(Planned(step.cell, step.tier, moment))
        shift += deferred
    return _ordered(moved)


def split_due(ladder: Ladder, now: int) -> tuple[Ladder, Ladder]:
    """Return (due steps, the rest): the earliest overdue step, with those planned for the same time."""
    if not ladder or ladder[0].due_at > now:
        return (), ladder
    first = ladder[0].due_at
    count = sum(1 for step in ladder if step.due_at == first)
    return ladder[:count], ladder[count:]


def postponed(rest: Ladder, lateness: int, now: int, *, catch_up: bool) -> Ladder:
    """Return the rest of a ladder after a step that fired late: no step is skipped, and no two steps coincide.

    Normally the planned distances are kept. With ``catch_up`` (the highest
    severity) overdue steps follow a minute apart until the plan is met again.
    """
    if lateness <= 0:
        return rest
    if not catch_up:
        return tuple(Planned(step.cell, step.tier, step.due_at + lateness) for step in rest)
    moments = sorted({step.due_at for step in rest})
    moved = {due_at: max(due_at, now + CATCH_UP * place) for place, due_at in enumerate(moments, start=1)}
    return tuple(Planned(step.cell, step.tier, moved[step.due_at]) for step in rest)


def _until(cell: Cell | None) -> Until | None:
    return cell.until if cell is not None else None


def _ordered(steps: Iterable[Planned]) -> Ladder:
    return tuple(sorted(steps, key=lambda step: (step.due_at, step.tier, step.cell)))
