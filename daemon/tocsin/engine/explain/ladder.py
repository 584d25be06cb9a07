"""Who is told when: the steps of a plan, with the people and channels behind their targets."""

from collections.abc import Iterator
from dataclasses import replace

from msgspec import Struct

from tocsin.core.incident import Incident
from tocsin.core.outbox import JOB_OF, LEVEL_TRIGGERED, Job
from tocsin.core.playbook import SECOND, Cell, Level, Playbook
from tocsin.core.rotation import Duty
from tocsin.engine.policy import Policy


class Told(Struct, frozen=True, kw_only=True):
    """Whom a target stands for, and through what they are told."""

    target: str
    channel: str
    destination: str
    recipient: str = ""
    stranded: bool = False
    """No contact method works for this, so another target, or the console, gets it."""


class PlannedStep(Struct, frozen=True, kw_only=True):
    """One cell of the tier matrix."""

    step: str
    tier: int
    tier_name: str
    kind: str
    until: str
    after_seconds: float | None
    """Counted from the opening; None for a step that waits for a flag."""
    flags: tuple[str, ...]
    due_at: int | None = None
    """Of an incident: when it is due."""
    tells: tuple[Told, ...]


def ladder(policy: Policy, plan: Playbook, level: Level, hold: int, duty: Duty) -> Iterator[PlannedStep]:
    """The steps of a level in their order, those that wait for a flag last; ``hold`` passes before the first."""
    timed = sorted((cell for cell in level.cells if cell.after is not None), key=lambda cell: cell.after or 0)
    for cell in (*timed, *(cell for cell in level.cells if cell.after is None)):
        after = None if cell.after is None else hold + cell.after
        then = replace(duty, now=duty.now + (after or 0))
        yield _step(policy, plan, cell, None if after is None else after / SECOND, None, then)


def still_to_come(policy: Policy, incident: Incident, duty: Duty) -> Iterator[PlannedStep]:
    """An incident's own steps that have not fired."""
    if not incident.is_open:
        return
    level = incident.plan.level(incident.severity)
    for planned in incident.ladder:
        cell = level.cell(planned.cell)
        if cell is not None:
            after = None if cell.after is None else cell.after / SECOND
            then = replace(duty, now=max(duty.now, planned.due_at))
            yield _step(policy, incident.plan, cell, after, planned.due_at, then)


def told(policy: Policy, plan: Playbook, targets: tuple[str, ...], duty: Duty, job: Job) -> tuple[Told, ...]:
    """Return whom targets stand for at that moment, and the first way to each that carries this kind of message."""
    channels = policy.channel_names if job in LEVEL_TRIGGERED else policy.channels_for(job)
    return tuple(
        Told(
            target=notified.target,
            channel=notified.contact.channel,
            destination=notified.contact.destination,
            recipient=notified.contact.recipient,
            stranded=notified.stranded,
        )
        for notified in policy.people.resolve(targets, channels, policy.console, duty, policy.instead(plan))
    )


def _step(
    policy: Policy, plan: Playbook, cell: Cell, after_seconds: float | None, due_at: int | None, duty: Duty
) -> PlannedStep:
    return PlannedStep(
        step=cell.key,
        tier=cell.tier,
        tier_name=plan.tier(cell.tier).name,
        kind=cell.kind.value,
        until=cell.until.value,
        after_seconds=after_seconds,
        flags=cell.flags,
        due_at=due_at,
        tells=told(policy, plan, cell.targets, duty, JOB_OF[cell.kind]),
    )
