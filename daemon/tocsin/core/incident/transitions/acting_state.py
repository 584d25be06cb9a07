"""State of an incident's actions: its tickets, its drafts, and who was told of it."""

from collections.abc import Callable

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.throttle import is_told_by_its_storm
from tocsin.core.incident.timeline.actions import DraftDropped
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.playbook.actions import NOTHING, Acting, Draft, Ticket, TicketState
from tocsin.core.playbook.playbook import Moment
from tocsin.core.typed_replace import replace

RECORDED = "recorded"
"""The moment at which a person records one of an action's facts."""
REVIEWED = "reviewed"
"""The moment at which a person reports that the postmortem is written."""


def is_under_way(incident: Incident) -> bool:
    """Return whether an incident has notified people, or a person has acknowledged or declared it before that.

    As long as its ladder waits, a person's response does not count. A drill and what only its storm shows never are.
    """
    if incident.drill or is_told_by_its_storm(incident):
        return False
    if incident.reached:
        return True
    is_declared = incident.work is not None and incident.work.declared_at is not None
    return incident.is_open and not incident.waits and (is_declared or incident.acked_severity is not None)


def acting_of(incident: Incident) -> Acting:
    """Return the state of an incident's actions and tickets."""
    return incident.acting or NOTHING


def hear_of_the_end(change: Change, targets: tuple[str, ...]) -> None:
    """Record that these targets have been told of the incident, and are to be told of its end."""
    acting = acting_of(change.incident)
    put_acting(change, replace(acting, told=tuple(dict.fromkeys((*acting.told, *targets)))))


def put_ticket(change: Change, ticket: Ticket) -> None:
    """Store a ticket in place of its older state."""
    acting = acting_of(change.incident)
    others = tuple(other for other in acting.tickets if (other.tracker, other.about) != (ticket.tracker, ticket.about))
    put_acting(change, replace(acting, tickets=(*others, ticket)))


def drop_drafts(change: Change, keeps: Callable[[Draft], bool], because: str) -> None:
    """Drop drafts that no person has decided on; the timeline says which, and why."""
    for draft in acting_of(change.incident).drafts:
        if not keeps(draft):
            change.record(DraftDropped(draft=draft.number, what=draft.action.what, because=because))
    forget_drafts(change, keeps)


def forget_drafts(change: Change, keeps: Callable[[Draft], bool]) -> None:
    """Remove drafts that are decided on."""
    acting = acting_of(change.incident)
    kept = tuple(draft for draft in acting.drafts if keeps(draft))
    if kept != acting.drafts:
        put_acting(change, replace(acting, drafts=kept))


def put_acting(change: Change, acting: Acting) -> None:
    """Store the state of the actions."""
    assign(change.incident, acting=acting if acting != NOTHING else None)


def is_first(change: Change, key: str) -> bool:
    """Return whether something happens for the first time in this occurrence, and remember that it has."""
    acting = acting_of(change.incident)
    if key in acting.once:
        return False
    put_acting(change, replace(acting, once=(*acting.once, key)))
    return True


def forget_recorded(change: Change) -> None:
    """Forget the facts whose actions were to wait: a new occurrence begins."""
    acting = acting_of(change.incident)
    if acting.recorded:
        put_acting(change, replace(acting, recorded=()))


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
