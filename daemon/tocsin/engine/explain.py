"""Why somebody was, or was not, paged: the whole way of an alert or an incident, told without changing anything."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from tocsin.core.action import ACTIONS, Form
from tocsin.core.alert import Alert, Episode
from tocsin.core.duration import duration
from tocsin.core.escalation import next_due
from tocsin.core.incident import Incident, State, Wait
from tocsin.core.outbox import Job, Outgoing, RowState
from tocsin.core.playbook import Cell, Level, Playbook
from tocsin.core.verdict import Step
from tocsin.core.wording import waits_for
from tocsin.engine.policy import Policy
from tocsin.ports.store import Attempt, Reader

_SECOND = 1_000_000


class Told(Struct, frozen=True, kw_only=True):
    """Whom a target stands for, and through what they are told."""

    target: str
    channel: str
    destination: str
    recipient: str = ""
    stranded: bool = False
    """Nothing else works, so the console has it."""


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


class RuleStep(Struct, frozen=True, kw_only=True):
    """One rule that was looked at."""

    rule: str
    path: str
    line: int
    matched: bool
    failed: str
    """The first matcher that did not match."""
    sets: dict[str, Any]
    stopped: bool


class AlertExplanation(Struct, frozen=True, kw_only=True):
    """What would become of an alert."""

    outcome: str
    """``pages``, ``waits`` (in a maintenance window), ``held``, ``suppressed``, ``heartbeat`` or ``informs`` (its
    severity pages nobody)."""
    because: str
    playbook: str
    severity: str
    service: str
    title: str
    dedup_key: str
    labels: dict[str, str]
    flags: tuple[str, ...]
    unrouted: bool
    errors: tuple[str, ...]
    rules: tuple[RuleStep, ...]
    ladder: tuple[PlannedStep, ...]
    announces: tuple[Told, ...]
    """Where the incident's own message would stand."""


class AttemptMade(Struct, frozen=True, kw_only=True):
    """One try at a delivery."""

    attempt: int
    started_at: int
    finished_at: int | None
    outcome: str
    reason: str
    http_status: int | None
    detail: str
    ref: str


class DeliveryMade(Struct, frozen=True, kw_only=True):
    """One row of the outbox, with its receipts."""

    key: str
    job: str
    step: str
    tier: int
    occurrence: int
    round: int
    target: str
    channel: str
    destination: str
    state: str
    because: str
    created_at: int
    not_before_at: int | None
    """While it waits: the next attempt."""
    done_at: int | None
    possibly_delivered: bool
    stranded: bool
    fell_back: bool
    attempts: tuple[AttemptMade, ...]


class EpisodeTrace(Struct, frozen=True, kw_only=True):
    """Which rules placed an alert, as they were when it came."""

    source: str
    fingerprint: str
    episode: int
    status: str
    severity: str
    rules: tuple[str, ...]


class IncidentExplanation(Struct, frozen=True, kw_only=True):
    """How an incident came to where it is, and what comes next."""

    id: str
    number: int
    state: str
    severity: str
    alerts: tuple[EpisodeTrace, ...]
    deliveries: tuple[DeliveryMade, ...]
    next: tuple[PlannedStep, ...]
    """The steps still to come, if nothing happens in between."""
    due_at: int | None
    because: str
    """What happens next, or why nobody is paged."""


def explain_alert(policy: Policy, alert: Alert) -> AlertExplanation:
    """What the running rules would make of an alert that fires now, and who would be told.

    Playbooks and people are asked as they are; suppressing states of the
    store (an open incident with this key) are not looked at.
    """
    verdict = policy.rules.explain(alert)
    plan = policy.plan(verdict.playbook)
    level = plan.level(verdict.severity)
    is_silent = verdict.suppress or verdict.heartbeat
    if verdict.heartbeat:
        outcome, because = "heartbeat", f"it is recorded as the sign of life of the source {alert.source!r}"
    elif verdict.suppress:
        outcome, because = "suppressed", f"suppressed by {verdict.trace[-1]}" if verdict.trace else "suppressed"
    elif not level.pages:
        outcome, because = "informs", f"{verdict.severity} of {plan.name} pages nobody"
    elif verdict.hold:
        outcome, because = "held", f"automation has {duration(verdict.hold)} to heal it; then the ladder starts"
    else:
        outcome, because = "pages", f"{verdict.severity} of {plan.name}"
    if verdict.unrouted:
        because += f"; no rule could place it ({'; '.join(verdict.errors)})"
    return AlertExplanation(
        outcome=outcome,
        because=because,
        playbook=plan.name,
        severity=verdict.severity,
        service=verdict.service,
        title=verdict.title,
        dedup_key=verdict.dedup_key,
        labels=verdict.labels,
        flags=verdict.flags,
        unrouted=verdict.unrouted,
        errors=verdict.errors,
        rules=tuple(_rule(step) for step in verdict.steps),
        ladder=() if is_silent else tuple(_ladder(policy, plan, level, verdict.hold)),
        announces=() if is_silent else _told(policy, plan.announce),
    )


def explain_incident(reader: Reader, policy: Policy, incident: Incident) -> IncidentExplanation:
    """The stored trace of an incident's alerts, its deliveries with their receipts, and what is next."""
    rows = reader.outbox_of(incident.id)
    return IncidentExplanation(
        id=incident.id,
        number=incident.number,
        state=incident.state.value,
        severity=incident.severity,
        alerts=tuple(_episode(episode) for episode in reader.episodes_of(incident.id)),
        deliveries=tuple(_delivery(row, reader.attempts_of(row.key)) for row in rows),
        next=tuple(_next(policy, incident)),
        due_at=next_due(incident),
        because=_because(incident, rows, reader.now),
    )


def _ladder(policy: Policy, plan: Playbook, level: Level, hold: int) -> Iterator[PlannedStep]:
    timed = sorted((cell for cell in level.cells if cell.after is not None), key=lambda cell: cell.after or 0)
    for cell in (*timed, *(cell for cell in level.cells if cell.after is None)):
        yield _step(policy, plan, cell, None if cell.after is None else (hold + cell.after) / _SECOND, None)


def _next(policy: Policy, incident: Incident) -> Iterator[PlannedStep]:
    if not incident.is_open:
        return
    level = incident.plan.level(incident.severity)
    for planned in incident.ladder:
        cell = level.cell(planned.cell)
        if cell is not None:
            after = None if cell.after is None else cell.after / _SECOND
            yield _step(policy, incident.plan, cell, after, planned.due_at)


def _step(policy: Policy, plan: Playbook, cell: Cell, after_seconds: float | None, due_at: int | None) -> PlannedStep:
    return PlannedStep(
        step=cell.key,
        tier=cell.tier,
        tier_name=plan.tier(cell.tier).name,
        kind=cell.kind.value,
        until=cell.until.value,
        after_seconds=after_seconds,
        flags=cell.flags,
        due_at=due_at,
        tells=_told(policy, cell.targets),
    )


def _told(policy: Policy, targets: tuple[str, ...]) -> tuple[Told, ...]:
    return tuple(
        Told(
            target=notified.target,
            channel=notified.contact.channel,
            destination=notified.contact.destination,
            recipient=notified.contact.recipient,
            stranded=notified.stranded,
        )
        for notified in policy.people.resolve(targets, policy.channel_names, policy.console)
    )


def _rule(step: Step) -> RuleStep:
    return RuleStep(
        rule=step.rule,
        path=step.path,
        line=step.line,
        matched=step.matched,
        failed=step.failed,
        sets={name: _set(name, value) for name, value in step.sets.items()},
        stopped=step.stopped,
    )


def _set(action: str, value: Any) -> Any:
    return duration(value) if ACTIONS[action].form is Form.DURATION else value


def _episode(episode: Episode) -> EpisodeTrace:
    return EpisodeTrace(
        source=episode.source,
        fingerprint=episode.fingerprint,
        episode=episode.episode,
        status=episode.status.value,
        severity=episode.severity,
        rules=episode.trace,
    )


def _delivery(row: Outgoing, attempts: Sequence[Attempt]) -> DeliveryMade:
    return DeliveryMade(
        key=row.key,
        job=row.job.value,
        step=row.step,
        tier=row.tier,
        occurrence=row.occurrence,
        round=row.round,
        target=row.target,
        channel=row.channel,
        destination=row.destination,
        state=row.state.value,
        because=row.because,
        created_at=row.created_at,
        not_before_at=row.not_before if row.state is RowState.PENDING else None,
        done_at=row.done_at,
        possibly_delivered=row.possibly_delivered,
        stranded=row.stranded,
        fell_back=row.fell_back,
        attempts=tuple(
            AttemptMade(
                attempt=made.attempt,
                started_at=made.started_at,
                finished_at=made.finished_at,
                outcome=made.outcome,
                reason=made.reason,
                http_status=made.http_status,
                detail=made.detail,
                ref=made.ref,
            )
            for made in attempts
        ),
    )


def _because(  # noqa: PLR0911 - one return for each state of affairs
    incident: Incident, rows: Sequence[Outgoing], now: int
) -> str:
    """What happens next, or why nothing does; the first that holds."""
    waiting = [row for row in rows if row.job is Job.PAGE and row.state is RowState.PENDING]
    if waiting and incident.is_open:
        retried = sum(1 for row in waiting if row.attempts)
        return f"{len(waiting)} pages are on their way" + (f", {retried} of them tried before" if retried else "")
    if incident.state is State.RESOLVED:
        who = f"by {incident.resolved_by}" if incident.resolved_by else "because its alerts did"
        again = f"; looked at again in {_until(incident.grace_until, now)}" if incident.grace_until else ""
        return f"nobody is paged: resolved {who}{again}"
    if incident.state is State.PENDING:
        return f"nobody is paged yet: automation has {_until(incident.pending_until, now)} left to heal it"
    if incident.resolve_at is not None:
        left = _until(incident.resolve_at, now)
        return f"nobody is paged: all its alerts have resolved; closed in {left} if they stay so"
    if incident.waits and incident.state is State.TRIGGERED:
        return f"nobody is paged: it waits: {'; '.join(_wait(wait, now) for wait in incident.waits)}"
    if incident.ladder and not incident.waits:
        step = incident.ladder[0]
        tier = incident.plan.tier(step.tier)
        held = f"{incident.acknowledged_by} has it; " if incident.state is State.ACKNOWLEDGED else ""
        return f"{held}tier {step.tier} ({tier.name}) is next, in {_until(step.due_at, now)}"
    if incident.state is State.ACKNOWLEDGED:
        return f"nobody is paged: {incident.acknowledged_by} has acknowledged it"
    if incident.fallback_at is not None:
        return f"every tier has been paged; the last one and tier 1 again in {_until(incident.fallback_at, now)}"
    return f"nobody is paged: {incident.severity} of {incident.plan.name} has no step left"


def _wait(wait: Wait, now: int) -> str:
    looked = f"; looked at again in {_until(wait.until, now)}" if wait.until is not None else ""
    return f"{waits_for(wait)}{looked}"


def _until(at: int | None, now: int) -> str:
    return duration(max(0, (at or now) - now))
