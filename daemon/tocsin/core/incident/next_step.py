"""The next step of an incident's ladder: the recipients and the time, if nothing happens before.

An incident's ``due_at`` is the earliest moment at which anything is due: a
target, a reminder, a contact method. Only what is here notifies a tier.
"""

from collections.abc import Iterator

import msgspec

from tocsin.core.incident.incident import TAKEN, Incident, State
from tocsin.core.incident.ladder_state import NOTHING
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.playbook.playbook import Cell, Kind, Level, Until


class NextStep(msgspec.Struct, frozen=True):
    """A future notification of a tier."""

    tier: int
    at: int
    targets: tuple[str, ...]
    """Targets as the playbook names them: people, groups, rotations, places."""
    kind: str
    """``page`` or ``update``."""
    until: str
    """The state that prevents the notification: ``acknowledged`` or ``resolved``."""


def next_step(incident: Incident) -> NextStep | None:
    """Return the earliest step that notifies a recipient; None while the ladder waits or rests, and after its end."""
    return min(steps_to_come(incident), key=lambda step: step.at, default=None)


def steps_to_come(incident: Incident) -> tuple[NextStep, ...]:
    """Return the steps that notify a recipient if nothing happens in between."""
    is_at_rest = incident.state in (State.PENDING, State.RESOLVED) or incident.resolve_at is not None
    if is_at_rest or incident.is_held_back or not incident.plan.has_level(incident.severity):
        return ()
    return tuple(_steps(incident, incident.plan.level(incident.severity)))


def _steps(incident: Incident, level: Level) -> Iterator[NextStep]:
    state = incident.ladder_state or NOTHING
    planned = [(step.cell, step.due_at) for step in incident.ladder]
    planned += [(deferred.cell, deferred.due_at) for deferred in state.deferred]
    for key, at in planned:
        cell = level.cell(key)
        if cell is None:
            continue
        # A round that began because the acknowledger fell silent ends with the next acknowledgment.
        until = Until.ACKNOWLEDGED if key in state.again else cell.until
        if not _passes(incident, cell, until):
            yield NextStep(cell.tier, at, cell.targets, cell.kind.value, until.value)
    if state.silent_at is not None and incident.acknowledged_by and level.ack_timeout is not None:
        at = incident.plan.business_hours.opening(state.silent_at) if level.is_business else state.silent_at
        yield NextStep(1, at, (incident.acknowledged_by,), Kind.PAGE.value, Until.ACKNOWLEDGED.value)
    if incident.fallback_at is not None:
        is_open = incident.plan.business_hours.are_open(incident.fallback_at)
        tiers = ladders.tiers_to_repeat(level, incident.reached, Until.ACKNOWLEDGED, is_open=is_open)
        targets = tuple(target for tier in tiers for target in ladders.targets_at(incident.plan, level, tier))
        yield NextStep(tiers[0], incident.fallback_at, targets, Kind.PAGE.value, Until.ACKNOWLEDGED.value)


def _passes(incident: Incident, cell: Cell, until: Until) -> bool:
    """Return whether a cell will notify no one: a flag that it requires is not set, or a responder has the incident."""
    is_flagged = not cell.when or any(flag in incident.flags for flag in cell.when)
    return not is_flagged or (until is Until.ACKNOWLEDGED and incident.state in TAKEN)
