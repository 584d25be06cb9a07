"""Tickets and automations, from what a playbook's actions ask for to rows of the outbox, and back."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tocsin.core.acting import TICKET, TicketState, about_of
from tocsin.core.effect import Automate, Effect, Record, Track
from tocsin.core.event import TicketSettled
from tocsin.core.incident import Incident
from tocsin.core.outbox import Job, Outgoing, RowState
from tocsin.core.people import Contact, Notified

if TYPE_CHECKING:
    from tocsin.engine.apply import Work


def follow(work: "Work", incident: Incident, effects: Iterable[Effect]) -> None:
    """What a change means for tickets and automations."""
    for effect in effects:
        if isinstance(effect, Track):
            _row(work, incident, effect)
        elif isinstance(effect, Automate):
            _automate(work, incident, effect)
        elif isinstance(effect, Record) and effect.kind == "severity" and incident.acting is not None:
            for ticket in incident.acting.tickets:
                if not ticket.about and ticket.state in (TicketState.ASKED, TicketState.OPEN):
                    step = f"{Job.TICKET_UPDATE}:{ticket.tracker}:{incident.version}"
                    _row(work, incident, Track(tracker=ticket.tracker, job=Job.TICKET_UPDATE, step=step, because=""))


def _row(work: "Work", incident: Incident, track: Track) -> None:
    if track.tracker in work.policy.trackers:  # else a reload has taken it away
        notified = Notified(track.about or TICKET, Contact(track.tracker, track.tracker))
        work.enqueue_for(incident, notified, track.job, step=track.step, because=track.because)


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
            tracker=row.channel,
            about=about_of(row.target),
            job=row.job,
            outcome=state,
            detail=detail,
            ref=name,
            shown=shown,
            url=url,
        )
        work.change(incident, event)
