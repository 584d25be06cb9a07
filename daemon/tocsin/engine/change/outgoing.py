"""Outbox rows of an incident: their creation and the metrics of their outcome."""

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, Outgoing, RowState, idempotency_key
from tocsin.core.oncall.people import Notified
from tocsin.core.playbook.playbook import Until
from tocsin.engine.change.changes import View
from tocsin.engine.change.figures import Figures


def row_for(  # noqa: PLR0913 - the fields of a row
    view: View,
    incident: Incident,
    notified: Notified,
    job: Job,
    *,
    step: str,
    unique: int = 0,
    because: str = "",
    tier: int = 0,
    method: int = 1,
    until: Until = Until.RESOLVED,
    late: int = 0,
) -> Outgoing:
    """Return a row for one notification, sent once for each (occurrence, ``unique``, step, target, method)."""
    contact = notified.contact
    addressee = notified.target if method == 1 else f"{notified.target}#{method}"
    if notified.place:
        addressee = f"{addressee} {notified.place}"  # unambiguous: names contain no spaces
    now = view.now
    return Outgoing(
        key=idempotency_key(view.policy.instance, incident.id, incident.occurrence, unique, step, addressee),
        incident_id=incident.id,
        occurrence=incident.occurrence,
        round=incident.round,
        step=step,
        tier=tier,
        target=notified.target,
        channel=contact.channel,
        destination=contact.destination,
        recipient=contact.recipient,
        job=job,
        until=until,
        severity=incident.severity,
        because=because,
        stranded=notified.stranded,
        late=late,
        received_at=now - late,
        not_before=now,
        overdue_at=now + incident.plan.fallback_after,
        created_at=now,
    )


def count_page(figures: Figures, row: Outgoing, outcome: RowState) -> None:
    """Count a page's final outcome."""
    if row.job is Job.PAGE:
        figures.count("pages_total", channel=row.channel, outcome=outcome)


def may_have_arrived(row: Outgoing) -> bool:
    """Return whether a row was sent, is being sent, or was tried without a response."""
    return (
        row.state is RowState.SENT
        or row.possibly_delivered
        or (row.state is RowState.PENDING and row.lease_until is not None)
    )
