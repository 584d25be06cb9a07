"""From a row of the outbox to the content that its channel sends: always of the incident as it is now."""

from tocsin.core.acting import Ticket, about_of
from tocsin.core.clock import is_beside_the_ladder
from tocsin.core.incident import Incident, State
from tocsin.core.naming import name_of
from tocsin.core.outbox import TICKET_JOBS, Job, Outgoing
from tocsin.core.page import Content
from tocsin.core.transitions.acting import acting_of
from tocsin.core.transitions.rooms import room_of
from tocsin.core.wording import waits_for
from tocsin.engine.policy import Policy
from tocsin.engine.sample import sample
from tocsin.engine.saying import said_by, url_of
from tocsin.ports.store import Reader


def render(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> Content:
    """The content of one attempt at a row."""
    plan = incident.plan
    saying = said_by(tx, row, incident, policy)
    room = room_of(incident)
    told = tx.message_ref(incident.id, row.channel, row.destination)
    history = tx.entries(incident.id, after_seq=told.seq if told else 0) if row.job is Job.HISTORY else []
    return Content(
        job=row.job,
        key=row.key,
        about=row.about,
        target=row.target,
        destination=row.destination,
        recipient=row.recipient,
        because=row.because,
        beside_the_ladder=is_beside_the_ladder(row.step),
        late=_lateness(row, tx.now),
        stranded=row.stranded,
        possible_duplicate=row.possibly_delivered,
        ref=told.ref if told else "",
        incident_id=incident.id,
        number=incident.number,
        name=name_of(incident),
        occurrence=incident.occurrence,
        title=incident.title,
        playbook=plan.name,
        playbook_title=plan.title,
        severity=incident.severity,
        rank=plan.level(incident.severity).rank,
        ranks=len(plan.levels),
        service=incident.service,
        team=incident.team,
        summary=incident.summary,
        runbook=incident.runbook,
        automation=incident.automation,
        state=incident.state,
        status=incident.work.status if incident.work is not None else "",
        severities=tuple(level.name for level in plan.levels),
        flags=incident.flags,
        waits=tuple(map(waits_for, incident.waits)) if incident.state is State.TRIGGERED else (),
        dedup_key=incident.dedup_key,
        drill=incident.drill,
        unrouted=incident.unrouted,
        opened_at=incident.opened_at,
        acknowledged_at=incident.acknowledged_at,
        acknowledged_by=incident.acknowledged_by,
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
        recovering=incident.resolve_at is not None,
        doubted=incident.doubt.source if incident.doubt is not None else "",
        alerts_firing=incident.alerts_firing,
        alerts_total=incident.alerts_total,
        alerts=sample(tx, incident),
        members=incident.storm.members if incident.storm is not None else None,
        history=tuple(history),
        url=url_of(incident, policy.external_url),
        bridge=plan.texts.bridge_at(incident.severity),
        subject=saying.subject if saying is not None else "",
        text=saying.text if saying is not None else None,
        failure=saying.failure if saying is not None else "",
        links=(*plan.texts.links.values(), *(ticket.url for ticket in acting_of(incident).tickets if ticket.url)),
        room=room,
        in_room=room is not None and (room.channel, room.id) == (row.channel, row.destination),
        ticket=_ticket(row, incident),
        external_url=policy.external_url.rstrip("/"),
        now=tx.now,
    )


def _lateness(row: Outgoing, now: int) -> int:
    """Return how long after its moment a notification goes out, in microseconds, whatever has kept it.

    The step may have fired late, and what it wrote may have waited since: for a provider, a free connection, a restart.
    """
    return max(row.late, now - row.received_at) if row.job in (Job.PAGE, Job.UPDATE) else row.late


def _ticket(row: Outgoing, incident: Incident) -> Ticket | None:
    return acting_of(incident).ticket(row.channel, about_of(row.target)) if row.job in TICKET_JOBS else None
