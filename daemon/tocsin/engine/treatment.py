"""What other rules would make of the incidents that are open: asked at a reload, changes nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from tocsin.core.alert import SELF_SOURCE, Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.comparison import Difference, differences
from tocsin.core.incident import OPEN, Incident
from tocsin.core.rules import RuleSet
from tocsin.ports.store import IncidentFilter, Reader, Store

FIELDS = ("playbook", "severity", "dedup_key", "suppress")
"""What makes an incident another one."""
LOOKED_AT = 1000
"""Incidents that are looked at, the newest first."""
ALERTS = 50
"""Alerts of each that are judged."""
AT_A_TIME = 10
"""Incidents that are judged before the loop may do something else."""


class Treated(msgspec.Struct, frozen=True):
    """An open incident that the new rules would have treated differently. It goes on as it is."""

    number: int
    title: str
    severity: str
    service: str
    differences: tuple[Difference, ...]
    """Of all of its firing alerts."""

    def __str__(self) -> str:
        told = ", ".join(map(str, self.differences))
        return f"incident {self.number} ({self.service}: {self.title}): {told}"


class Treatment(msgspec.Struct, frozen=True):
    """What came of looking."""

    incidents: tuple[Treated, ...] = ()
    judged: int = 0
    cut: str = ""
    """Why not every open incident was looked at, "" if every one was."""


async def compare(store: Store, before: RuleSet, after: RuleSet, patience: float) -> Treatment:
    """Judge the firing alerts of open incidents by both.

    Args:
        store: Where they are.
        before: The rules that were running.
        after: The rules that run now.
        patience: Seconds until it is broken off; what was found by then is told.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    found: list[Treated] = []
    judged = 0
    try:
        async with asyncio.timeout(patience):
            wanted = IncidentFilter(states=OPEN, limit=LOOKED_AT + 1)
            incidents = await store.read(lambda tx: tx.incidents(wanted))
            for start in range(0, min(len(incidents), LOOKED_AT), AT_A_TIME):
                batch = incidents[start : start + AT_A_TIME]
                # Rules remember what they have seen, and belong to the loop's thread: only the reading is elsewhere.
                for incident, episodes in await store.read(partial(_firing, incidents=batch)):
                    if told := tuple(_differences(episodes, before, after)):
                        found.append(
                            Treated(incident.number, incident.title, incident.severity, incident.service, told)
                        )
                judged += len(batch)
                await asyncio.sleep(0)
    except TimeoutError:
        return Treatment(tuple(found), judged, f"broken off after {patience:g} s")
    cut = f"only the newest {LOOKED_AT} were looked at" if len(incidents) > LOOKED_AT else ""
    return Treatment(tuple(found), judged, cut)


def _firing(tx: Reader, incidents: Sequence[Incident]) -> list[tuple[Incident, list[Episode]]]:
    return [
        (incident, [one for one in tx.episodes_of(incident.id, limit=ALERTS) if one.status is EpisodeStatus.FIRING])
        for incident in incidents
    ]


def _differences(episodes: Sequence[Episode], before: RuleSet, after: RuleSet) -> Iterator[Difference]:
    """Each difference once; no rule judges what tocsin tells about itself."""
    told: set[Difference] = set()
    for episode in episodes:
        if episode.source == SELF_SOURCE:
            continue
        alert = alert_of(episode)
        for difference in differences(before.evaluate(alert), after.evaluate(alert), FIELDS):
            if difference not in told:
                told.add(difference)
                yield difference


def alert_of(episode: Episode) -> Alert:
    """The alert of a stored episode as it came, firing."""
    return Alert(
        source=episode.source,
        fingerprint=episode.fingerprint,
        status=AlertStatus.FIRING,
        labels=episode.as_it_came,
        annotations=episode.annotations,
        starts_at=episode.starts_at,
        generator_url=episode.generator_url,
    )
