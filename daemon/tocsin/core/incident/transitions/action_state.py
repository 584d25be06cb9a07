"""The state of an incident's actions and tickets: read, and stored."""

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.playbook.actions import NOTHING, Acting, Ticket, TicketState
from tocsin.core.playbook.playbook import Moment
from tocsin.core.typed_replace import replace

RECORDED = "recorded"
"""The moment at which a person records one of an action's facts."""
REVIEWED = "reviewed"
"""The moment at which a person reports that the postmortem is written."""


def acting_of(incident: Incident) -> Acting:
    """Return the state of an incident's actions and tickets."""
    return incident.acting or NOTHING


def hear_of_the_end(change: Change, targets: tuple[str, ...]) -> None:
    """Record that these targets have been told of the incident, and are to be told of its end."""
    acting = acting_of(change.incident)
    store(change, replace(acting, told=tuple(dict.fromkeys((*acting.told, *targets)))))


def put_ticket(change: Change, ticket: Ticket) -> None:
    """Store a ticket in place of its older state."""
    acting = acting_of(change.incident)
    others = tuple(other for other in acting.tickets if (other.tracker, other.about) != (ticket.tracker, ticket.about))
    store(change, replace(acting, tickets=(*others, ticket)))


def store(change: Change, acting: Acting) -> None:
    """Store the state of the actions."""
    assign(change.incident, acting=acting if acting != NOTHING else None)


def is_first(change: Change, key: str) -> bool:
    """Return whether something happens for the first time in this occurrence, and remember that it has."""
    acting = acting_of(change.incident)
    if key in acting.once:
        return False
    store(change, replace(acting, once=(*acting.once, key)))
    return True


def ticket_job(incident: Incident, tracker: str, moment: str, *, is_confirmed: bool = False) -> Job | None:
    """Return the ticket job for a moment of an incident; None: there is no ticket, and none is to be opened.

    A draft that a person confirms (``is_confirmed``) opens a ticket also after the resolve.
    """
    ticket = acting_of(incident).ticket(tracker)
    if ticket is None or ticket.state is TicketState.FAILED:
        is_pointless = moment == Moment.RESOLVED or (moment in (RECORDED, REVIEWED) and not incident.is_open)
        return None if is_pointless and not is_confirmed else Job.TICKET_OPEN
    jobs = {Moment.RESOLVED.value: Job.TICKET_CLOSE, Moment.OPENED.value: Job.TICKET_UPDATE}
    return jobs.get(moment, Job.TICKET_COMMENT)
