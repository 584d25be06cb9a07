"""Explanation of an incident: how it got to its state, who was notified, and what comes next."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from msgspec import Struct

from tocsin.core.alerts.alert import Episode
from tocsin.core.duration import duration
from tocsin.core.incident.escalation import next_due
from tocsin.core.incident.event import TOCSIN, Entry
from tocsin.core.incident.incident import Incident, State, Wait
from tocsin.core.incident.next_step import next_step
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.core.incident.timeline.alerts import Held, Reopened, SeverityChanged, Triggered
from tocsin.core.incident.timeline.responses import Pinned
from tocsin.core.incident.wording import waits_for
from tocsin.core.playbook.playbook import Until
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.policy import Policy
from tocsin.engine.explain.delivery import DeliveryMade, delivery
from tocsin.engine.explain.ladder import PlannedStep, still_to_come
from tocsin.ports.store import WHOLE, Reader

SHOWN = 1000
"""Maximum number of an incident's alerts that are explained."""


class EpisodeTrace(Struct, frozen=True, kw_only=True):
    """The rules that decided about an alert when it was received."""

    source: str
    fingerprint: str
    episode: int
    status: str
    severity: str
    alertname: str
    labels: dict[str, str]
    annotations: dict[str, str]
    rules: tuple[str, ...]
    explain: str
    """The path in the API of the rule-by-rule explanation."""


class IncidentExplanation(Struct, frozen=True, kw_only=True):
    """An incident's path to its current state, and what comes next."""

    id: str
    number: int
    title: str
    service: str
    playbook: str
    state: str
    severity: str
    severity_because: str
    dedup_key: str
    opened_because: str
    storm: int | None
    """The number of the storm whose message covers the incident."""
    members: int | None
    """For a storm: the number of incidents that have joined it."""
    alerts: tuple[EpisodeTrace, ...]
    deliveries: tuple[DeliveryMade, ...]
    next: tuple[PlannedStep, ...]
    """The remaining steps, if nothing happens before."""
    due_at: int | None
    because: str
    """The next action, or the reason why no one is paged."""


def explain_incident(reader: Reader, policy: Policy, incident: Incident, *, shown: int = SHOWN) -> IncidentExplanation:
    """Return the stored trace of an incident's alerts, its deliveries with their receipts, and the next action."""
    rows = reader.outbox_of(incident.id)
    entries = reader.entries(incident.id, limit=WHOLE)
    return IncidentExplanation(
        id=incident.id,
        number=incident.number,
        title=incident.title,
        service=incident.service,
        playbook=incident.plan.name,
        state=incident.state.value,
        severity=incident.severity,
        severity_because=_severity_because(incident, entries),
        dedup_key=incident.dedup_key,
        opened_because=_opened_because(reader, incident),
        storm=incident.member_of,
        members=incident.storm.members if incident.storm is not None else None,
        alerts=tuple(trace(episode) for episode in reader.episodes_of(incident.id, shown)),
        deliveries=tuple(delivery(row, reader.attempts_of(row.key)) for row in rows),
        next=tuple(still_to_come(policy, incident, on_call_input(reader, policy.people))),
        due_at=next_due(incident),
        because=because(incident, rows, reader.now),
    )


def because(incident: Incident, rows: Sequence[Outgoing], now: int) -> str:
    """Return what happens next, or why nothing happens."""
    reason = _because(incident, rows, now)
    if incident.doubt is None:
        return reason
    return (
        f"{reason}; that its alerts have ended is not believed while the Watchdog of {incident.doubt.source} is missing"
    )


def _because(  # noqa: PLR0911 - one return for each state of affairs
    incident: Incident, rows: Sequence[Outgoing], now: int
) -> str:
    """Return the first reason that applies."""
    waiting = [row for row in rows if row.job is Job.PAGE and row.state is RowState.PENDING]
    if waiting and incident.is_open:
        retried = sum(1 for row in waiting if row.attempts)
        return f"{len(waiting)} pages are on their way" + (f", {retried} of them tried before" if retried else "")
    if incident.state is State.RESOLVED:
        who = f"by {incident.resolved_by}" if incident.resolved_by else "because its alerts did"
        again = f"; looked at again in {_until(incident.grace_until, now)}" if incident.grace_until else ""
        return f"no one is paged: resolved {who}{again}"
    if incident.state is State.PENDING:
        return f"no one is paged yet: automation has {_until(incident.pending_until, now)} left to heal it"
    if incident.resolve_at is not None:
        left = _until(incident.resolve_at, now)
        return f"no one is paged: all its alerts have resolved; closed in {left} if they stay so"
    if (
        incident.state is State.SNOOZED
        and incident.ladder_state is not None
        and incident.ladder_state.snooze is not None
    ):
        snooze = incident.ladder_state.snooze
        return f"no one is paged: {snooze.by} has snoozed it; paged again in {_until(snooze.until, now)}"
    if incident.waits and incident.state is State.TRIGGERED:
        return f"no one is paged: it waits: {'; '.join(_wait(wait, now) for wait in incident.waits)}"
    step = next_step(incident) if incident.ladder else None
    if step is not None:
        tier = incident.plan.tier(step.tier)
        held = f"{incident.acknowledged_by} has it; " if incident.state is State.ACKNOWLEDGED else ""
        unless = "" if held and step.until == Until.ACKNOWLEDGED else f", unless it is {step.until}"
        return f"{held}tier {step.tier} ({tier.name}) is next, in {_until(step.at, now)}{unless}"
    if incident.state is State.ACKNOWLEDGED:
        return f"no one is paged: {incident.acknowledged_by} has acknowledged it"
    if incident.fallback_at is not None:
        return f"every tier has been paged; the last one and tier 1 again in {_until(incident.fallback_at, now)}"
    return f"no one is paged: {incident.severity} of {incident.plan.name} has no step left"


def beginnings(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Return the timeline entries that begin the incident's occurrences."""
    return (entry for entry in entries if entry.kind in (Held.kind, Triggered.kind, Reopened.kind))


def _severity_because(incident: Incident, entries: Sequence[Entry]) -> str:
    if incident.pinned:
        pin = next((entry for entry in reversed(entries) if _is_pin(entry)), None)
        return f"pinned by {pin.actor}{_reason(pin)}" if pin is not None else "pinned by a person"
    if incident.storm is not None:
        return "the highest of its members"
    if incident.unrouted:
        default = f"{incident.plan.name} has {incident.plan.unrouted} for that"
        return f"no rule placed it: {incident.unplaced or default}"
    moved = next((entry for entry in reversed(entries) if entry.kind == SeverityChanged.kind), None)
    counted = ", ".join(f"{count} at {level}" for level, count in incident.firing.items() if count)
    firing = f"the highest of its firing alerts ({counted})" if counted else "the last that fired had it"
    return f"{firing}; {moved.data['from']} before" if moved is not None else firing


def _is_pin(entry: Entry) -> bool:
    """Return whether an entry is a person's choice of the severity: a pin, or a change."""
    return entry.kind == Pinned.kind or (entry.kind == SeverityChanged.kind and entry.actor != TOCSIN.name)


def _reason(pin: Entry) -> str:
    reason = pin.data.get("reason") or pin.data.get("because", "")
    return f": {reason}" if reason and reason != f"set by {pin.actor}" else ""


def _opened_because(reader: Reader, incident: Incident) -> str:
    if incident.storm is not None:
        return "many incidents for one target opened within a short time"
    if incident.linked_to is None:
        return "no incident with this key was open"
    earlier = reader.incident(incident.linked_to)
    name = f"#{earlier.number}" if earlier is not None else incident.linked_to
    within = duration(incident.plan.reopen_within)
    return f"the last one with this key, {name}, had been resolved for longer than reopen_within ({within})"


def trace(episode: Episode) -> EpisodeTrace:
    """Return the rules that decided about an episode, and the path of the full explanation."""
    source, fingerprint = quote(episode.source, safe=""), quote(episode.fingerprint, safe="")
    return EpisodeTrace(
        source=episode.source,
        fingerprint=episode.fingerprint,
        episode=episode.episode,
        status=episode.status.value,
        severity=episode.severity,
        alertname=episode.labels.get("alertname", ""),
        labels=episode.labels,
        annotations=episode.annotations,
        rules=episode.trace,
        explain=f"/api/v1/alerts/{source}/{fingerprint}/explain?episode={episode.episode}",
    )


def _wait(wait: Wait, now: int) -> str:
    looked = f"; looked at again in {_until(wait.until, now)}" if wait.until is not None else ""
    return f"{waits_for(wait)}{looked}"


def _until(at: int | None, now: int) -> str:
    return duration(max(0, (at or now) - now))
