"""A sample of an incident's alerts for a page; for a storm, a sample of its members."""

from typing import NamedTuple

from tocsin.channels.alert_groups import once_each
from tocsin.core.alerts.alert import Episode, EpisodeStatus
from tocsin.core.content.page import AlertLine
from tocsin.core.incident.incident import Incident
from tocsin.core.rules.shown_parts import shown_annotations, shown_labels, shown_start
from tocsin.ports.store import IncidentFilter, Reader

SAMPLE = 30
"""Maximum number of alerts that a page shows; the page also shows the total."""
COMPARED = 1000
"""Maximum number of alerts that are compared to find those that differ only by their severity."""


class Sample(NamedTuple):
    """The alerts that a page shows."""

    alerts: tuple[AlertLine, ...]
    repeated: int = 0
    """Number of firing alerts outside the sample that differ from another alert only by their severity."""


def sample(tx: Reader, incident: Incident) -> Sample:
    """Return the sample, firing alerts first.

    Of several severities the alerts of the highest one come first. If an incident with many alerts has several
    severities, of the alerts that differ only by their severity only the first is in the sample: each of the listed
    alerts is then about another object.
    """
    if incident.storm is not None:
        members = tx.incidents(IncidentFilter(storm=incident.number, limit=SAMPLE))
        return Sample(tuple(_member(each) for each in members))
    if incident.alerts_firing <= SAMPLE or len(incident.firing) == 1:
        episodes = _most_severe_first(incident, tx.episodes_of(incident.id, limit=SAMPLE))
        return Sample(tuple(map(_line, episodes)))
    compared = [_line(episode) for episode in _most_severe_first(incident, tx.episodes_of(incident.id, limit=COMPARED))]
    firing = [alert for alert in compared if alert.firing]
    unique = once_each(firing)
    return Sample(tuple(unique[:SAMPLE]), len(firing) - len(unique))


def _most_severe_first(incident: Incident, episodes: list[Episode]) -> list[Episode]:
    """Return the episodes in the same order, but among the firing ones those of the highest severity first."""
    ranks = {level.name: level.rank for level in incident.plan.levels}

    def key(episode: Episode) -> int:
        return ranks.get(episode.severity, len(ranks)) if episode.status is EpisodeStatus.FIRING else len(ranks) + 1

    return sorted(episodes, key=key)


def _member(member: Incident) -> AlertLine:
    return AlertLine(
        labels={
            "alertname": member.title.rstrip(" ."),
            "incident": f"#{member.number} {member.service}",
            "service": member.service,
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
