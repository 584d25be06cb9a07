"""Outcomes of the jobs of trackers."""

from tocsin.core.incident.event import TicketSettled
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.incident.timeline.actions import TicketClosed, TicketOpened, TicketRefused, TicketReopened
from tocsin.core.incident.transitions.acting import expect_number, stop_waiting_for_number
from tocsin.core.incident.transitions.acting_state import acting_of, put_ticket
from tocsin.core.incident.transitions.change import Change
from tocsin.core.playbook.actions import TicketState
from tocsin.core.typed_replace import replace


def settled(change: Change, event: TicketSettled) -> None:
    """Record the outcome of a tracker's job."""
    ticket = acting_of(change.incident).ticket(event.tracker, event.about)
    change.quiet = True
    if ticket is None:
        return
    if event.outcome is RowState.DEAD:
        change.quiet = False  # the incident's own message reports that its ticket is not updated
        change.record(TicketRefused(tracker=event.tracker, job=event.job, detail=event.detail))
        if event.job is Job.TICKET_OPEN:
            put_ticket(change, replace(ticket, state=TicketState.FAILED))
            if not event.about and not _is_number_expected(change):
                stop_waiting_for_number(change)
    elif event.job is Job.TICKET_OPEN and event.ref:
        change.quiet = False
        opened = replace(ticket, state=TicketState.OPEN, ref=event.ref, shown=event.shown or event.ref, url=event.url)
        put_ticket(change, opened)
        change.record(TicketOpened(tracker=event.tracker, ticket=opened.shown, url=opened.url))
        if opened.about:
            change.quiet = True
            return
        expect_number(change, event.tracker)  # for a ticket that an older version has requested
        stop_waiting_for_number(change)
    elif event.job is Job.TICKET_CLOSE:
        put_ticket(change, replace(ticket, state=TicketState.CLOSED))
        change.record(TicketClosed(tracker=event.tracker, ticket=ticket.shown))
    elif event.job is Job.TICKET_UPDATE and ticket.state is TicketState.CLOSED and change.incident.is_open:
        put_ticket(change, replace(ticket, state=TicketState.OPEN))
        change.record(TicketReopened(tracker=event.tracker, ticket=ticket.shown))


def _is_number_expected(change: Change) -> bool:
    tickets = acting_of(change.incident).tickets
    return any(ticket.state is TicketState.ASKED and not ticket.about for ticket in tickets)
