"""The steps of a plan: times, and the people and channels behind their targets."""

from collections.abc import Iterator
from dataclasses import replace

from msgspec import Struct

from tocsin.core.duration import SECOND
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import JOB_OF, LEVEL_TRIGGERED, Job
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.playbook.playbook import Cell, Level, Playbook
from tocsin.engine.change.policy import Policy


class StepRecipient(Struct, frozen=True, kw_only=True):
    """A recipient of a target, and the channel that reaches them."""

    target: str
    channel: str
    destination: str
    recipient: str = ""
    stranded: bool = False
    """True if no contact method carries this kind of message: it goes to another target, or to the console."""


class PlannedStep(Struct, frozen=True, kw_only=True):
    """One cell of the tier matrix."""

    step: str
    tier: int
    tier_name: str
    kind: str
    until: str
    after_seconds: float | None
    """The time since the opening; None for a step that waits for a flag."""
    flags: tuple[str, ...]
    due_at: int | None = None
    """The due time of a step of an incident; None for a step of a plan."""
    tells: tuple[StepRecipient, ...]


def ladder(policy: Policy, plan: Playbook, level: Level, hold: int, inputs: OnCallInput) -> Iterator[PlannedStep]:
    """Return the steps of a level in order, those that wait for a flag last; the first comes after ``hold``."""
    timed = sorted((cell for cell in level.cells if cell.after is not None), key=lambda cell: cell.after or 0)
    for cell in (*timed, *(cell for cell in level.cells if cell.after is None)):
        after = None if cell.after is None else hold + cell.after
        then = replace(inputs, now=inputs.now + (after or 0))
        yield _step(policy, plan, cell, None if after is None else after / SECOND, None, then)


def still_to_come(policy: Policy, incident: Incident, inputs: OnCallInput) -> Iterator[PlannedStep]:
    """Yield the steps of an incident that are still to fire."""
    if not incident.is_open:
        return
    level = incident.plan.level(incident.severity)
    for planned in incident.ladder:
        cell = level.cell(planned.cell)
        if cell is not None:
            after = None if cell.after is None else cell.after / SECOND
            then = replace(inputs, now=max(inputs.now, planned.due_at))
            yield _step(policy, incident.plan, cell, after, planned.due_at, then)


def notified(
    policy: Policy, plan: Playbook, targets: tuple[str, ...], inputs: OnCallInput, job: Job
) -> tuple[StepRecipient, ...]:
    """Return the recipients of targets at that time, each with the first contact that carries this kind of message."""
    channels = policy.channel_names if job in LEVEL_TRIGGERED else policy.channels_for(job)
    return tuple(
        StepRecipient(
            target=notified.target,
            channel=notified.contact.channel,
            destination=notified.contact.destination,
            recipient=notified.contact.recipient,
            stranded=notified.stranded,
        )
        for notified in policy.people.resolve(targets, channels, policy.console, inputs, policy.instead(plan))
    )


def _step(
    policy: Policy, plan: Playbook, cell: Cell, after_seconds: float | None, due_at: int | None, inputs: OnCallInput
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
        tells=notified(policy, plan, cell.targets, inputs, JOB_OF[cell.kind]),
    )
