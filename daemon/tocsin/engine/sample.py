"""A few alerts of an incident, as a page shows them; of a storm, a few of its members."""

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.incident import Incident
from tocsin.core.page import AlertLine
from tocsin.core.shown import shown_annotations, shown_labels, shown_start
from tocsin.ports.store import IncidentFilter, Reader

SAMPLE = 30
"""Alerts that a page shows; it says how many there are in all."""


def sample(tx: Reader, incident: Incident) -> tuple[AlertLine, ...]:
    """The sample, firing ones first."""
    if incident.storm is None:
        return tuple(_line(episode) for episode in tx.episodes_of(incident.id, limit=SAMPLE))
    return tuple(_member(each) for each in tx.incidents(IncidentFilter(storm=incident.number, limit=SAMPLE)))


def _member(member: Incident) -> AlertLine:
    return AlertLine(
        labels={
            "alertname": member.title.rstrip(" ."),
            "incident": f"#{member.number} {member.service}",
            "severity": member.severity,
            "state": member.state.value,
        },
        annotations={},
        firing=member.alerts_firing > 0,
        starts_at=member.opened_at,
        generator_url="",
    )


def _line(episode: Episode) -> AlertLine:
    return AlertLine(
        labels=shown_labels(episode.labels),
        annotations=shown_annotations(episode),
        firing=episode.status is EpisodeStatus.FIRING,
        starts_at=shown_start(episode),
        generator_url=episode.generator_url,
    )
