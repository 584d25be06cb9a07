"""A single step: its notification, and its effect on the ladder. `climb` decides which steps fire."""

from tocsin.core.incident.effect import Notify
from tocsin.core.incident.incident import TAKEN, Incident, State
from tocsin.core.incident.ladder_state import Deferred
from tocsin.core.incident.timeline.notifications import Escalated, Informed, StepDeferred, StepSkipped
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions import rooms
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.ladder import Ladder
from tocsin.core.playbook.playbook import Cell, Kind, Level, Until
from tocsin.core.typed_replace import replace


def plan(change: Change, ladder: Ladder) -> None:
    """Set the steps to come; steps for business hours are moved into these hours."""
    level = change.level
    if level.business:
        ladder = ladders.within_hours(ladder, level, change.incident.plan.business_hours, change.now)
    assign(change.incident, ladder=ladder)


def is_closed(change: Change, cell: Cell) -> bool:
    """Return whether a cell has to wait for business hours now."""
    return cell.key in change.level.business and not change.incident.plan.business_hours.are_open(change.now)


def is_outside_business_hours(change: Change) -> bool:
    """Return whether this severity pages only in business hours, and they are closed."""
    return change.level.is_business and not change.incident.plan.business_hours.are_open(change.now)


def is_pointless(change: Change, cell: Cell) -> bool:
    """Return whether a cell need not fire: it pages until acknowledged, and a responder has the incident."""
    return cell.until is Until.ACKNOWLEDGED and change.incident.state in TAKEN


def lacks_flag(change: Change, cell: Cell) -> bool:
    """Return whether a cell requires one of several flags and none is set."""
    return bool(cell.when) and not any(flag in change.incident.flags for flag in cell.when)


def fire(change: Change, cell: Cell, because: str, *, late: int = 0) -> None:
    """Fire one cell of the ladder; record it as passed if it requires a flag that is not set."""
    incident = change.incident
    assign(change.incident, fired=(*incident.fired, cell.key))
    if lacks_flag(change, cell):
        change.set_ladder_state(
            replace(change.ladder_state, passed=tuple(dict.fromkeys((*change.ladder_state.passed, cell.key))))
        )
        change.record(StepSkipped(step=cell.key, tier=cell.tier, because=f"not flagged {' or '.join(cell.when)}"))
        return
    reach(change, cell.tier)
    notify(change, cell.kind, cell.key, cell.tier, cell.targets, cell.until, because, late=late)


def reach(change: Change, tier: int) -> None:
    """Record that the ladder has notified a tier."""
    rooms.ask(change)
    incident = change.incident
    reached = incident.reached if tier in incident.reached else (*incident.reached, tier)
    assign(change.incident, notified=True, reached=reached)


def fire_now(change: Change, cell: Cell, step: str, because: str) -> None:
    """Carry out a cell that a flag or a moment has fired: at once, or when business hours open."""
    if is_closed(change, cell):
        opening = change.incident.plan.business_hours.opening(change.now)
        change.set_ladder_state(
            replace(change.ladder_state, deferred=(*change.ladder_state.deferred, Deferred(step, cell.key, opening)))
        )
        change.record(StepDeferred(step=step, tier=cell.tier, until=opening, because=because))
    else:
        notify(change, cell.kind, step, cell.tier, cell.targets, cell.until, because)


def notify(  # noqa: PLR0913 - the fields of one Notify and its timeline entry
    change: Change,
    kind: Kind,
    step_: str,
    tier: int,
    targets: tuple[str, ...],
    until: Until,
    because: str,
    *,
    late: int = 0,
) -> None:
    """Request a notification, and record it in the timeline."""
    # If one change has two reasons for the same notification, the targets are notified once.
    earlier = [effect for effect in change.effects if isinstance(effect, Notify) and effect.round is None]
    if any((other.step, other.targets) == (step_, targets) for other in earlier):
        return
    late = max(late, change.behind)
    change.notify(Notify(kind=kind, step=step_, tier=tier, targets=targets, until=until, because=because, late=late))
    entry = Escalated if kind is Kind.PAGE else Informed
    change.record(entry(step=step_, tier=tier, targets=targets, because=because))


def schedule_repeat(change: Change) -> None:
    """Set the time of the next page to tier 1 and the last tier, if no step is left that escalates."""
    incident, level = change.incident, change.level
    if incident.is_held_back:
        return
    is_unanswered = incident.state is State.TRIGGERED and level.pages and level.repeats
    if not is_unanswered or ladders.climbs_on(level, incident.ladder, incident.reached):
        assign(change.incident, fallback_at=None)
    elif incident.fallback_at is None:
        at = change.now + max(level.respond_within, incident.plan.fallback_at_least)
        assign(change.incident, fallback_at=incident.plan.business_hours.opening(at) if level.is_business else at)


def page_reached_again(change: Change, because: str, until: Until = Until.ACKNOWLEDGED, *, late: int = 0) -> None:
    """Page the last tier reached and tier 1 again, in a new round."""
    incident = change.incident
    is_open = incident.plan.business_hours.are_open(change.now)
    tiers = ladders.tiers_to_repeat(change.level, incident.reached, until, is_open=is_open)
    targets = tuple(target for tier in tiers for target in targets_at(change, tier))
    assign(change.incident, round=incident.round + 1, fallback_at=None)
    notify(change, Kind.PAGE, "fallback", tiers[0], targets, until, because, late=late)
    schedule_repeat(change)


def targets_at(change: Change, tier: int) -> tuple[str, ...]:
    """Return the targets of a page to a tier at the current severity."""
    return ladders.targets_at(change.incident.plan, change.level, tier)


def asked_step(level: Level, tier: int) -> str:
    """Return the key of a step outside the matrix for a page to a tier: never of a step that may still fire."""
    entry = next((cell for cell in level.entries.get(tier, ()) if not cell.when), None)
    if entry is not None:
        return entry.key
    first = level.cell(f"{tier}.1")
    return f"{tier}.0" if first is not None and first.when else f"{tier}.1"


def page_next_tier(change: Change, until: Until, because: str, exhausted: str) -> None:
    """Page the lowest tier not yet reached now; if all are reached, page the last one and tier 1 again."""
    tier = next_tier(change.incident)
    if tier is None:
        page_reached_again(change, exhausted, until)
    else:
        page_tier(change, tier, until, because)


def next_tier(incident: Incident) -> int | None:
    """Return the lowest tier that has not been reached; None if all are."""
    return next((tier.number for tier in incident.plan.tiers if tier.number not in incident.reached), None)


def page_tier(change: Change, tier: int, until: Until, because: str) -> None:
    """Page a tier now, in place of its first step of the ladder."""
    incident = change.incident
    entry = [cell for cell in change.level.entries.get(tier, ()) if not cell.when]
    if entry and until is Until.ACKNOWLEDGED:
        until = entry[0].until
    keys = [cell.key for cell in entry]
    step = asked_step(change.level, tier)
    assign(
        change.incident,
        fired=(*incident.fired, *keys),
        ladder=tuple(planned for planned in incident.ladder if planned.cell not in keys),
    )
    reach(change, tier)
    notify(change, Kind.PAGE, step, tier, targets_at(change, tier), until, because)
    schedule_repeat(change)
