"""Lanes of the outbox: rows that keep their order, and rows that have the same message."""

from tocsin.core.incident.outbox import Outgoing, RowState

Lane = tuple[str, str, str]
"""(incident id, channel, destination). The rows of a lane are sent one after the other."""

PAGES_AT_ONCE = 100
"""Maximum number of pages whose lanes one query returns, the earliest `overdue_at` first."""


def lane(row: Outgoing) -> Lane:
    """Return the lane of an outbox row."""
    return (row.incident_id, row.channel, row.destination)


def message_key(row: Outgoing) -> tuple[str, str, str, str]:
    """Return the lane and the job of a level-triggered row: rows with the same key have the same message."""
    return (*lane(row), str(row.job))


def is_free(row: Outgoing, now: int) -> bool:
    """Return whether a pending row has no valid lease: then its message will include every change up to now."""
    return row.state is RowState.PENDING and (row.lease_until is None or row.lease_until <= now)
