"""Going up the ladder: steps, flags, and the fallback once nobody is left to escalate to."""

from tocsin.core.effect import Notify
from tocsin.core.incident import State
from tocsin.core.playbook import Cell, Kind, Until
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions import rooms
from tocsin.core.transitions.change import Change
from tocsin.core.wording import because_flagged, because_planned


def climb(change: Change, waited: str = "") -> None:
    """Fire the steps that are due: the earliest overdue one, with its equals; later ones keep their distance.

    ``waited`` is what has kept them back until now, for those who are notified.
    """
    incident = change.incident
    if incident.waits:
        return
    due, rest = ladders.split_due(incident.ladder, change.now)
    if due:
        late = change.now - due[0].due_at
        catch_up = change.level.rank == 0
        for planned in due:
            cell = change.level.cell(planned.cell)
            if cell is not None:
                because = because_planned(incident, cell)
                fire(change, cell, f"{because}; {waited}" if waited else because, late=late)
        change.set(
            ladder=ladders.postponed(rest, late, change.now, catch_up=catch_up),
            clock_at=incident.clock_at if catch_up else incident.clock_at + late,
        )
    arm_fallback(change)


def fire(change: Change, cell: Cell, because: str, *, late: int = 0) -> None:
    """Carry out one cell of the ladder."""
    incident = change.incident
    rooms.ask(change)
    change.set(
        notified=True,
        fired=(*incident.fired, cell.key),
        reached=incident.reached if cell.tier in incident.reached else (*incident.reached, cell.tier),
    )
    notify(change, cell.kind, cell.key, cell.tier, cell.targets, cell.until, because, late=late)


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
    change.notify(Notify(kind=kind, step=step_, tier=tier, targets=targets, until=until, because=because, late=late))
    change.record(
        "escalated" if kind is Kind.PAGE else "informed", step=step_, tier=tier, targets=list(targets), because=because
    )


def arm_fallback(change: Change) -> None:
    """Once no step is left that would page, the fallback takes over; before that there is none."""
    incident, level = change.incident, change.level
    if incident.waits:
        return
    is_awaited = incident.state is State.TRIGGERED and level.pages
    if not is_awaited or any(planned.cell in level.paging for planned in incident.ladder):
        change.set(fallback_at=None)
    elif incident.fallback_at is None:
        change.set(fallback_at=change.now + max(level.respond_within, incident.plan.fallback_at_least))


def fall_back(change: Change, because: str, until: Until = Until.ACKNOWLEDGED, *, late: int = 0) -> None:
    """Page the last tier reached and tier 1, as a new round."""
    incident = change.incident
    last = incident.reached[-1] if incident.reached else 1
    tiers = (last, 1) if last != 1 else (1,)
    targets = tuple(target for tier in tiers for target in incident.plan.tier(tier).targets)
    change.set(round=incident.round + 1, fallback_at=None)
    notify(change, Kind.PAGE, "fallback", last, targets, until, because, late=late)
    arm_fallback(change)


def fire_flags(change: Change, asked: tuple[str, ...] = ()) -> None:
    """Fire each flag cell once for each of its flags that is set; while the ladder waits only for ``asked`` ones."""
    incident = change.incident
    set_now = asked if incident.waits else incident.flags
    for cell in change.level.cells:
        keys = {f"{cell.key}:{flag}": flag for flag in cell.flags if flag in set_now}
        new = {key: flag for key, flag in keys.items() if key not in incident.flagged}
        if new:
            change.set(flagged=(*incident.flagged, *new))
            because = because_flagged(tuple(new.values()))
            notify(change, cell.kind, next(iter(new)), cell.tier, cell.targets, cell.until, because)
