"""Lanes of the outbox: which rows keep their order, and which rows have the same message."""

from tocsin.core.incident.outbox import Outgoing, RowState

Lane = tuple[str, str, str]
"""(incident, channel, destination). The rows of a lane are sent one after the other."""

PAGES_AT_ONCE = 100
"""Number of pages whose lanes are claimed at a time, the earliest `overdue_at` first."""


def lane(row: Outgoing) -> Lane:
    """Return the lane of an outbox row."""
    return (row.incident_id, row.channel, row.destination)


def says(row: Outgoing) -> tuple[str, str, str, str]:
    """Return the lane and the job of a level-triggered row: rows with both in common have the same message."""
    return (*lane(row), str(row.job))


def is_free(row: Outgoing, now: int) -> bool:
    """Return whether no worker has a lease on a row, so that its message will include every change up to now."""
    return row.state is RowState.PENDING and (row.lease_until is None or row.lease_until <= now)
