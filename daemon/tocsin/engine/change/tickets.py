"""Tickets and automations: a playbook's actions become outbox rows, and the outcome of a row changes the incident."""

from collections.abc import Iterable

from tocsin.core.incident.effect import Automate, Effect, Record, Track
from tocsin.core.incident.event import TicketSettled
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.core.incident.timeline.alerts import SeverityChanged
from tocsin.core.oncall.people import Contact, Notified
from tocsin.core.playbook.actions import TICKET, TicketState, about_of
from tocsin.engine.change.changes import Changes
from tocsin.engine.change.outgoing import row_for


def follow(changes: Changes, incident: Incident, effects: Iterable[Effect]) -> None:
    """Carry out what a change means for tickets and automations."""
    if incident.acting is None and not incident.plan.actions:
        return
    for effect in effects:
        if isinstance(effect, Track):
            _row(changes, incident, effect)
        elif isinstance(effect, Automate):
            _automate(changes, incident, effect)
        elif isinstance(effect, Record) and isinstance(effect.entry, SeverityChanged) and incident.acting is not None:
            for ticket in incident.acting.tickets:
                if not ticket.about and ticket.state in (TicketState.ASKED, TicketState.OPEN):
                    step = f"{Job.TICKET_UPDATE}:{ticket.tracker}:{incident.version}"
                    _row(changes, incident, Track(tracker=ticket.tracker, job=Job.TICKET_UPDATE, step=step, because=""))


def _row(changes: Changes, incident: Incident, track: Track) -> None:
    if track.tracker in changes.policy.trackers:  # else a reload has taken it away
        notified = Notified(track.about or TICKET, Contact(track.tracker, track.tracker))
        changes.enqueue(row_for(changes, incident, notified, track.job, step=track.step, because=track.because))


def _automate(changes: Changes, incident: Incident, effect: Automate) -> None:
    channels = changes.policy.channels_for(Job.AUTOMATE)
    for notified in changes.oncall.recipients((effect.target,), channels):
        row = row_for(changes, incident, notified, Job.AUTOMATE, step=effect.step, because=effect.because)
        changes.enqueue(row)


def settled(changes: Changes, row: Outgoing, state: RowState, detail: str, ref: str) -> None:
    """Record the outcome of a row about a ticket. ``ref``: its id, its name for people, and its link."""
    incident = changes.incident(row.incident_id)
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
        changes.change(incident, event)
