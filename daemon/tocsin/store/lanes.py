"""What is kept in order, and what need not be said twice."""

from tocsin.core.outbox import Outgoing

Lane = tuple[str, str, str]
"""(incident, channel, destination): its rows go out one after the other."""


def lane(row: Outgoing) -> Lane:
    """The lane of a row of the outbox."""
    return (row.incident_id, row.channel, row.destination)


def says(row: Outgoing) -> tuple[str, str, str, str]:
    """What a level-triggered row says: whatever is true then, to this destination, by this job."""
    return (*lane(row), str(row.job))
