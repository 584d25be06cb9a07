"""Deliveries of an incident: recipients, channels and the providers' receipts."""

from collections.abc import Sequence

from msgspec import Struct

from tocsin.core.incident.outbox import Outgoing, RowState
from tocsin.ports.store import Attempt


class AttemptMade(Struct, frozen=True, kw_only=True):
    """One attempt at a delivery."""

    attempt: int
    started_at: int
    finished_at: int | None
    outcome: str
    reason: str
    http_status: int | None
    detail: str
    ref: str


class DeliveryMade(Struct, frozen=True, kw_only=True):
    """One outbox row with its receipts."""

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
    """The time of the next attempt, while the row is pending."""
    done_at: int | None
    possibly_delivered: bool
    stranded: bool
    fell_back: bool
    attempts: tuple[AttemptMade, ...]


def delivery(row: Outgoing, attempts: Sequence[Attempt]) -> DeliveryMade:
    """Return a row with its attempts."""
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
        attempts=tuple(_attempt(made) for made in attempts),
    )


def _attempt(made: Attempt) -> AttemptMade:
    return AttemptMade(
        attempt=made.attempt,
        started_at=made.started_at,
        finished_at=made.finished_at,
        outcome=made.outcome,
        reason=made.reason,
        http_status=made.http_status,
        detail=made.detail,
        ref=made.ref,
    )
