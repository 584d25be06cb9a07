"""The ladder of an incident: which cells of the tier matrix are still to fire, and when.

Pure arithmetic on a level's cells; ``core/escalation`` decides when to ask for it.
A ladder is a tuple of `Planned`, the earliest first.
"""

from collections.abc import Iterable
from itertools import groupby

from tocsin.core.hours import BusinessHours
from tocsin.core.incident import Planned
from tocsin.core.playbook import MINUTE, Cell, Kind, Level, Playbook, Until

CATCH_UP = 1 * MINUTE
"""At the highest severity, overdue steps follow each other at this distance until caught up."""

Ladder = tuple[Planned, ...]


def planned(level: Level, clock_at: int) -> Ladder:
    """The whole ladder of a level, counted from ``clock_at``."""
    return _ordered(
        Planned(cell.key, cell.tier, clock_at + cell.after) for cell in level.cells if cell.after is not None
    )


def targets_at(plan: Playbook, level: Level, tier: int) -> tuple[str, ...]:
    """Whom a page to a tier goes to: those of its first step at this level, if that pages; else the tier's own."""
    first = level.cell(f"{tier}.1")
    pages = first is not None and first.after is not None and not first.when and first.kind is Kind.PAGE
    return first.targets if first is not None and pages else plan.tier(tier).targets


def fallback_tiers(level: Level, reached: tuple[int, ...], until: Until, *, is_open: bool) -> tuple[int, ...]:
    """Return the tiers that are paged once no further tier is left: the last one reached, and tier 1.

    While business hours are closed (``is_open`` is False), a tier that is paged
    in them only is left out, where it waits for an acknowledgment.
    """

    def rests(tier: int) -> bool:
        entry = level.entries.get(tier, ())
        return (
            not is_open
            and until is Until.ACKNOWLEDGED
            and bool(entry)
            and all(cell.key in level.business for cell in entry)
        )

    last = reached[-1] if reached else 1
    return tuple(tier for tier in dict.fromkeys((last, 1)) if tier == 1 or not rests(tier))


def climbs_on(level: Level, ladder: Ladder, reached: tuple[int, ...]) -> bool:
    """Whether steps are left that page because nobody has acknowledged, or that reach a further tier.

    What is left beyond them (a resolution target, hours away) tells those who have been told before.
    """
    cells = ((step, level.cell(step.cell)) for step in ladder)
    return any(
        cell is not None and cell.kind is Kind.PAGE and (cell.until is Until.ACKNOWLEDGED or step.tier not in reached)
        for step, cell in cells
    )


def after_rise(level: Level, now: int, old: Ladder, reached: tuple[int, ...]) -> Ladder:
    """The ladder after a rise in severity.

    The higher level's clock starts now; the first cell of a tier that was
    reached does not come again; a tier not yet reached is due at the earlier
    of its old time and its new one.
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
    """The ladder with the tiers that were reached due once more, now: for a rise while the ladder waits."""
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
    """Return the rest of a level's ladder for an incident that falls to that level on its running clock.

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
    """The steps that go on although somebody has acknowledged."""
    return tuple(step for step in ladder if _until(level.cell(step.cell)) is not Until.ACKNOWLEDGED)


def no_later(ladder: Ladder, level: Level, begun_at: int, now: int) -> Ladder:
    """The ladder with no step later than the plan has it, counted from ``begun_at``; what would be over is due now."""
    after = {cell.key: cell.after for cell in level.cells if cell.after is not None}
    return _ordered(
        Planned(step.cell, step.tier, min(step.due_at, max(now, begun_at + after[step.cell])))
        if step.cell in after
        else step
        for step in ladder
    )


def from_silence(level: Level, starts_at: int, left: Ladder) -> Ladder:
    """The whole ladder from ``starts_at`` on; what was planned anyhow comes no later for it."""
    old = {step.cell: step.due_at for step in left}
    return _ordered(
        Planned(step.cell, step.tier, min(step.due_at, old.get(step.cell, step.due_at)))
        for step in planned(level, starts_at)
    )


def resumed(level: Level, now: int, offset: int, left: Ladder, paused: int) -> Ladder:
    """The ladder after a snooze.

    What waits for an acknowledgment follows the tier that was reached, whose
    ``after`` is ``offset``, at the plan's distance; what goes on until
    resolved (``left``) stood still for as long as it was ``paused``.
    """
    waiting = (
        Planned(cell.key, cell.tier, now + cell.after - offset)
        for cell in level.cells
        if cell.after is not None and cell.after > offset and cell.until is Until.ACKNOWLEDGED
    )
    return _ordered((*waiting, *(Planned(step.cell, step.tier, step.due_at + paused) for step in left)))


def within_hours(ladder: Ladder, level: Level, hours: BusinessHours, now: int) -> Ladder:
    """The ladder with every step for business hours within them.

    A deferred step takes the later ones along, among those that wait for the acknowledgment. Steps until resolved
    count from the opening of the incident whatever is deferred: they neither move others nor are moved by them.
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
    """(what fires now, the rest): the earliest overdue step, with those planned for the same moment."""
    if not ladder or ladder[0].due_at > now:
        return (), ladder
    first = ladder[0].due_at
    count = sum(1 for step in ladder if step.due_at == first)
    return ladder[:count], ladder[count:]


def postponed(rest: Ladder, lateness: int, now: int, *, catch_up: bool) -> Ladder:
    """The rest of a ladder whose first step fired late: nobody is skipped, nothing collapses.

    Ordinarily the planned distances are kept. With ``catch_up`` (the highest
    severity) overdue steps come a minute apart until the plan is met again.
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
