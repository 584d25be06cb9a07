"""Tickets and automations, from what a playbook's actions ask for to rows of the outbox, and back."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tocsin.core.acting import TicketState
from tocsin.core.effect import Automate, Effect, Record, Track
from tocsin.core.event import TicketSettled
from tocsin.core.incident import Incident
from tocsin.core.outbox import Job, Outgoing, RowState
from tocsin.core.people import Contact, Notified

if TYPE_CHECKING:
    from tocsin.engine.apply import Work

TICKET = "ticket"
"""What the rows of the outbox call a ticket, as their target."""


def follow(work: "Work", incident: Incident, effects: Iterable[Effect]) -> None:
    """What a change means for tickets and automations."""
    for effect in effects:
        if isinstance(effect, Track):
            _row(work, incident, effect.tracker, effect.job, effect.step, effect.because)
        elif isinstance(effect, Automate):
            _automate(work, incident, effect)
        elif isinstance(effect, Record) and effect.kind == "severity" and incident.acting is not None:
            for ticket in incident.acting.tickets:
                if ticket.state in (TicketState.ASKED, TicketState.OPEN):
                    step = f"{Job.TICKET_UPDATE}:{ticket.tracker}:{incident.version}"
                    _row(work, incident, ticket.tracker, Job.TICKET_UPDATE, step)


def _row(work: "Work", incident: Incident, tracker: str, job: Job, step: str, because: str = "") -> None:
    if tracker in work.policy.trackers:  # else a reload has taken it away
        work.enqueue_for(incident, Notified(TICKET, Contact(tracker, tracker)), job, step=step, because=because)


def _automate(work: "Work", incident: Incident, effect: Automate) -> None:
    channels = work.policy.channels_for(Job.AUTOMATE)
    for notified in work.whom((effect.target,), channels):
        work.enqueue_for(incident, notified, Job.AUTOMATE, step=effect.step, because=effect.because)


def settled(work: "Work", row: Outgoing, state: RowState, detail: str, ref: str) -> None:
    """A row about a ticket has come to its end. ``ref``: what its tracker calls it, what people do, its link."""
    incident = work.incident(row.incident_id)
    if incident is not None:
        name, shown, url = [*ref.split(" "), "", "", ""][:3]
        event = TicketSettled(
            tracker=row.channel, job=row.job, outcome=state, detail=detail, ref=name, shown=shown, url=url
        )
        work.change(incident, event)
