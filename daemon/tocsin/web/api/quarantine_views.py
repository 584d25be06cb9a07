"""The JSON objects of the quarantine in the API."""

from msgspec import Struct

from tocsin.core.alerts.quarantine import Quarantined


class QuarantinedView(Struct, frozen=True, kw_only=True):
    """An entry of the quarantine: alerts of a webhook without labels."""

    id: str
    at: int
    """Time at which the entry was first received."""
    last_at: int
    source: str
    error: str
    """The error of each alert in ``body`` with its position in the webhook, one per line."""
    body: str
    """The first few alerts as JSON, one per line; very long ones are cut."""
    sha256: str
    """Hash of all inspected alerts."""
    alerts: int
    """The number of alerts without labels in the webhook."""
    seen: int
    """The number of times that the same alerts were received."""


class QuarantinePage(Struct, frozen=True):
    """Entries of the quarantine, newest first."""

    quarantined: list[QuarantinedView]


def quarantined_view(item: Quarantined) -> QuarantinedView:
    """Return an entry of the quarantine."""
    return QuarantinedView(
        id=item.id,
        at=item.at,
        last_at=item.last_at,
        source=item.source,
        error=item.error,
        body=item.body,
        sha256=item.sha256,
        alerts=item.alerts,
        seen=item.seen,
    )
