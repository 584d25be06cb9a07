"""From a row of the outbox to the content that its channel sends: always of the incident as it is now."""

from tocsin.core.acting import Ticket, about_of
from tocsin.core.clock import is_beside_the_ladder
from tocsin.core.incident import Incident, State
from tocsin.core.moments import in_zone
from tocsin.core.naming import name_of
from tocsin.core.next_step import next_steps
from tocsin.core.outbox import TICKET_JOBS, Job, Outgoing
from tocsin.core.page import Content, Upcoming
from tocsin.core.playbook import Kind, Until
from tocsin.core.transitions.acting import acting_of
from tocsin.core.transitions.rooms import room_of
from tocsin.core.wording import waits_for
from tocsin.engine.policy import Policy
from tocsin.engine.sample import sample
from tocsin.engine.saying import said_by
from tocsin.ports.store import Reader

_CARRIED = {Job.PAGE: "pages", Job.UPDATE: "updates and reminders"}


def render(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> Content:
    """Return the content of one attempt at a row."""
    plan, zone = incident.plan, _time_zone(row, incident, policy)
    saying = said_by(tx, row, incident, policy, zone)
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
        time_zone=zone,
        because=in_zone(row.because, zone),
        step=row.step,
        beside_the_ladder=is_beside_the_ladder(row.step),
        late=_lateness(row, tx.now),
        stranded=row.stranded,
        stranded_because=_stranded_because(row, policy) if row.stranded else "",
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
        waits=_waits(incident, zone),
        dedup_key=incident.dedup_key,
        drill=incident.drill,
        is_reminder=not plan.level(incident.severity).is_timed,
        unrouted=incident.unrouted,
        opened_at=incident.opened_at,
        acknowledged_at=incident.acknowledged_at,
        acknowledged_by=incident.acknowledged_by,
        taken_at=incident.acknowledged_at if incident.taken_at is None else incident.taken_at,
        next_page=_next_page(incident, tx.now),
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
        recovering=incident.resolve_at is not None,
        doubted=incident.doubt.source if incident.doubt is not None else "",
        alerts_firing=incident.alerts_firing,
        alerts_total=incident.alerts_total,
        alerts=sample(tx, incident) if row.job is not Job.HISTORY else (),
        members=incident.storm.members if incident.storm is not None else None,
        history=tuple(history),
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


def _time_zone(row: Outgoing, incident: Incident, policy: Policy) -> str:
    """Return the time zone of a person who reads this; of a place that several people read, the playbook's."""
    shared = incident.plan.business_hours.time_zone
    return shared if row.stranded else policy.people.time_zone_of(row.target) or shared


def _waits(incident: Incident, zone: str) -> tuple[str, ...]:
    if incident.state is not State.TRIGGERED:
        return ()
    return tuple(in_zone(waits_for(wait), zone) for wait in incident.waits)


def _next_page(incident: Incident, now: int) -> Upcoming | None:
    level = incident.plan.level(incident.severity)
    if incident.state is State.TRIGGERED:
        pages = [step for step in next_steps(incident) if step.kind == Kind.PAGE and step.at > now]
        tiers = dict.fromkeys(incident.plan.tier(step.tier).name for step in pages)
        return Upcoming(pages[0].at, " and ".join(tiers)) if pages else None
    for planned in incident.ladder:
        cell = level.cell(planned.cell)
        if cell is not None and cell.kind is Kind.PAGE and cell.until is Until.RESOLVED and not cell.when:
            return Upcoming(planned.due_at, incident.plan.tier(cell.tier).name)
    return None


def _stranded_because(row: Outgoing, policy: Policy) -> str:
    """Return why a message did not go to its own target."""
    people, name = policy.people, row.target
    if row.fell_back:
        return f"this could not be delivered to {name}"
    if name in people.rotations:
        return f"nobody is on call for {name}"
    person = people.persons.get(name)
    if person is not None and any(method.contact.channel in policy.channel_names for method in person.methods):
        return f"no contact method of {name} carries {_CARRIED.get(row.job, 'this')}"
    return f"Tocsin has no working contact for {name}"
