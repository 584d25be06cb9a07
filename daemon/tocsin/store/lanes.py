"""What is kept in order, and what need not be said twice."""

from tocsin.core.outbox import Outgoing, RowState

Lane = tuple[str, str, str]
"""(incident, channel, destination): its rows go out one after the other."""

PAGES_AT_ONCE = 100
"""For how many pages rows are claimed at a time; those that are overdue first, first."""


def lane(row: Outgoing) -> Lane:
    """The lane of a row of the outbox."""
    return (row.incident_id, row.channel, row.destination)


def says(row: Outgoing) -> tuple[str, str, str, str]:
    """What a level-triggered row says: whatever is true then, to this destination, by this job."""
    return (*lane(row), str(row.job))


def is_free(row: Outgoing, now: int) -> bool:
    """Whether a row is yet to be claimed, so that what it will say includes everything up to now."""
    return row.state is RowState.PENDING and (row.lease_until is None or row.lease_until <= now)
