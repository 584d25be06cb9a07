"""From a row of the outbox to the content that its channel sends: always of the incident as it is now."""

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.incident import Incident, State
from tocsin.core.outbox import Job, Outgoing
from tocsin.core.page import AlertLine, Content
from tocsin.core.wording import waits_for
from tocsin.ports.store import IncidentFilter, Reader

SAMPLE = 10
"""Alerts that a page shows; it says how many there are in all."""


def render(tx: Reader, row: Outgoing, incident: Incident, external_url: str) -> Content:
    """The content of one attempt at a row."""
    plan = incident.plan
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
        late=row.late,
        stranded=row.stranded,
        possible_duplicate=row.possibly_delivered,
        ref=told.ref if told else "",
        incident_id=incident.id,
        number=incident.number,
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
        alerts=_sample(tx, incident),
        members=incident.storm.members if incident.storm is not None else None,
        history=tuple(history),
        url=f"{external_url.rstrip('/')}/api/v1/incidents/{incident.number}" if external_url else "",
        external_url=external_url.rstrip("/"),
        now=tx.now,
    )


def _sample(tx: Reader, incident: Incident) -> tuple[AlertLine, ...]:
    if incident.storm is None:
        return tuple(_line(episode) for episode in tx.episodes_of(incident.id, limit=SAMPLE))
    return tuple(_member(each) for each in tx.incidents(IncidentFilter(storm=incident.number, limit=SAMPLE)))


def _member(member: Incident) -> AlertLine:
    return AlertLine(
        labels={
            "alertname": f"#{member.number} {member.title}",
            "severity": member.severity,
            "service": member.service,
            "state": member.state.value,
        },
        annotations={},
        firing=member.alerts_firing > 0,
        starts_at=member.opened_at,
        generator_url="",
    )


def _line(episode: Episode) -> AlertLine:
    return AlertLine(
        labels=episode.labels,
        annotations=episode.annotations,
        firing=episode.status is EpisodeStatus.FIRING,
        starts_at=episode.starts_at,
        generator_url=episode.generator_url,
    )
