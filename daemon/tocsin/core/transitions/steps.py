"""One step: who is notified, and what that means for the ladder. `climb` decides which."""

from tocsin.core.effect import Notify
from tocsin.core.incident import TAKEN, State
from tocsin.core.playbook import Cell, Kind, Level, Until
from tocsin.core.standing import Deferred
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions import rooms
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.ladder import Ladder


def plan(change: Change, ladder: Ladder) -> None:
    """What is still to come; what is for business hours, within them."""
    level = change.level
    if level.business:
        ladder = ladders.within_hours(ladder, level, change.incident.plan.business_hours, change.now)
    change.set(ladder=ladder)


def is_closed(change: Change, cell: Cell) -> bool:
    """Whether a cell has to wait for business hours now."""
    return cell.key in change.level.business and not change.incident.plan.business_hours.are_open(change.now)


def is_off_duty(change: Change) -> bool:
    """Whether this severity pages in business hours only, and they are closed."""
    return change.level.is_business and not change.incident.plan.business_hours.are_open(change.now)


def is_pointless(change: Change, cell: Cell) -> bool:
    """Whether what a cell waits for has happened."""
    return cell.until is Until.ACKNOWLEDGED and change.incident.state in TAKEN


def lacks_flag(change: Change, cell: Cell) -> bool:
    """Whether none of the flags is set that it wants."""
    return bool(cell.when) and not any(flag in change.incident.flags for flag in cell.when)


def fire(change: Change, cell: Cell, because: str, *, late: int = 0) -> None:
    """Carry out one cell of the ladder; where it wants a flag that is not set, it passes."""
    incident = change.incident
    change.set(fired=(*incident.fired, cell.key))
    if lacks_flag(change, cell):
        change.stand(passed=tuple(dict.fromkeys((*change.standing.passed, cell.key))))
        change.record("passed", step=cell.key, tier=cell.tier, because=f"not flagged {' or '.join(cell.when)}")
        return
    reach(change, cell.tier)
    notify(change, cell.kind, cell.key, cell.tier, cell.targets, cell.until, because, late=late)


def reach(change: Change, tier: int) -> None:
    """The ladder has notified a tier."""
    rooms.ask(change)
    incident = change.incident
    reached = incident.reached if tier in incident.reached else (*incident.reached, tier)
    change.set(notified=True, reached=reached)


def fire_now(change: Change, cell: Cell, step: str, because: str) -> None:
    """Carry out a cell that a flag or a moment has fired: at once, or at the opening."""
    if is_closed(change, cell):
        opening = change.incident.plan.business_hours.opening(change.now)
        change.stand(deferred=(*change.standing.deferred, Deferred(step, cell.key, opening)))
        change.record("deferred", step=step, tier=cell.tier, until=opening, because=because)
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
    """Ask for a notification, and put it into the timeline."""
    # Two reasons at one moment notify once.
    asked = [effect for effect in change.effects if isinstance(effect, Notify) and effect.round is None]
    if any((other.step, other.targets) == (step_, targets) for other in asked):
        return
    change.notify(Notify(kind=kind, step=step_, tier=tier, targets=targets, until=until, because=because, late=late))
    change.record(
        "escalated" if kind is Kind.PAGE else "informed", step=step_, tier=tier, targets=list(targets), because=because
    )


def arm_fallback(change: Change) -> None:
    """Once no step is left that goes further for want of an acknowledgment, the fallback takes over."""
    incident, level = change.incident, change.level
    if incident.is_held_back:
        return
    is_awaited = incident.state is State.TRIGGERED and level.pages
    if not is_awaited or ladders.climbs_on(level, incident.ladder, incident.reached):
        change.set(fallback_at=None)
    elif incident.fallback_at is None:
        at = change.now + max(level.respond_within, incident.plan.fallback_at_least)
        change.set(fallback_at=incident.plan.business_hours.opening(at) if level.is_business else at)


def fall_back(change: Change, because: str, until: Until = Until.ACKNOWLEDGED, *, late: int = 0) -> None:
    """Page the last tier reached and tier 1, as a new round."""
    incident = change.incident
    is_open = incident.plan.business_hours.are_open(change.now)
    tiers = ladders.fallback_tiers(change.level, incident.reached, until, is_open=is_open)
    targets = tuple(target for tier in tiers for target in targets_at(change, tier))
    change.set(round=incident.round + 1, fallback_at=None)
    notify(change, Kind.PAGE, "fallback", tiers[0], targets, until, because, late=late)
    arm_fallback(change)


def targets_at(change: Change, tier: int) -> tuple[str, ...]:
    """Whom a page to a tier goes to at the current severity."""
    return ladders.targets_at(change.incident.plan, change.level, tier)


def asked_step(level: Level, tier: int) -> str:
    """What a tier is paged as that no step of the matrix has brought in: never as a step that may still come."""
    entry = next((cell for cell in level.entries.get(tier, ()) if not cell.when), None)
    if entry is not None:
        return entry.key
    own = level.cell(f"{tier}.1")
    return f"{tier}.0" if own is not None and own.when else f"{tier}.1"


def page_next_tier(change: Change, until: Until, because: str, exhausted: str) -> None:
    """Page the lowest tier not yet reached, now; where all are, page as the fallback does."""
    incident = change.incident
    tier = next((tier for tier in incident.plan.tiers if tier.number not in incident.reached), None)
    if tier is None:
        fall_back(change, exhausted, until)
        return
    entry = [cell for cell in change.level.entries.get(tier.number, ()) if not cell.when]
    if entry and until is Until.ACKNOWLEDGED:
        until = entry[0].until
    keys = [cell.key for cell in entry]
    step = asked_step(change.level, tier.number)
    change.set(
        fired=(*incident.fired, *keys), ladder=tuple(planned for planned in incident.ladder if planned.cell not in keys)
    )
    reach(change, tier.number)
    notify(change, Kind.PAGE, step, tier.number, targets_at(change, tier.number), until, because)
    arm_fallback(change)
