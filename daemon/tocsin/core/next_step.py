"""The step that an incident's ladder takes next: whom it notifies, and when, if nothing happens in between.

An incident's ``due_at`` is the earliest moment at which anything is due: a
target, a reminder, a contact method. Only what is here notifies a tier.
"""

from collections.abc import Iterator

import msgspec

from tocsin.core.incident import Incident, State
from tocsin.core.playbook import Cell, Kind, Level, Until
from tocsin.core.standing import NOTHING
from tocsin.core.transitions import ladder as ladders


class NextStep(msgspec.Struct, frozen=True):
    """One notification of a tier that is still to come."""

    tier: int
    at: int
    targets: tuple[str, ...]
    """As the playbook names them: people, groups, rotations, places."""
    kind: str
    """``page`` or ``update``."""


def next_step(incident: Incident) -> NextStep | None:
    """Return the earliest step that notifies a recipient; None while the ladder waits or rests, and after its end."""
    return next(iter(next_steps(incident)), None)


def next_steps(incident: Incident) -> tuple[NextStep, ...]:
    """Return the steps of the earliest moment that notifies a recipient."""
    is_at_rest = incident.state in (State.PENDING, State.RESOLVED) or incident.resolve_at is not None
    if is_at_rest or incident.is_held_back or not incident.plan.has_level(incident.severity):
        return ()
    steps = tuple(_steps(incident, incident.plan.level(incident.severity)))
    first_at = min((step.at for step in steps), default=0)
    return tuple(step for step in steps if step.at == first_at)


def _steps(incident: Incident, level: Level) -> Iterator[NextStep]:
    standing = incident.standing or NOTHING
    planned = [(step.cell, step.due_at) for step in incident.ladder]
    planned += [(deferred.cell, deferred.due_at) for deferred in standing.deferred]
    for key, at in planned:
        cell = level.cell(key)
        if cell is not None and not _passes(incident, cell):
            yield NextStep(cell.tier, at, cell.targets, cell.kind.value)
    if standing.silent_at is not None and incident.acknowledged_by and level.ack_timeout is not None:
        at = incident.plan.business_hours.opening(standing.silent_at) if level.is_business else standing.silent_at
        yield NextStep(1, at, (incident.acknowledged_by,), Kind.PAGE.value)
    if incident.fallback_at is not None:
        is_open = incident.plan.business_hours.are_open(incident.fallback_at)
        tiers = ladders.fallback_tiers(level, incident.reached, Until.ACKNOWLEDGED, is_open=is_open)
        targets = tuple(target for tier in tiers for target in ladders.targets_at(incident.plan, level, tier))
        yield NextStep(tiers[0], incident.fallback_at, targets, Kind.PAGE.value)


def _passes(incident: Incident, cell: Cell) -> bool:
    """Return whether the cell wants a flag that is not set, so that its time passes without a notification."""
    return bool(cell.when) and not any(flag in incident.flags for flag in cell.when)
