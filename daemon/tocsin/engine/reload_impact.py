"""Open incidents that a reload's new rules would treat differently: a report that changes nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from tocsin.core.alerts.alert import OWN_SOURCES, Episode, EpisodeStatus, alert_of
from tocsin.core.incident.incident import OPEN, Incident
from tocsin.core.rules.comparison import Difference, differences
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import IncidentFilter, Reader, Store

FIELDS = ("playbook", "severity", "dedup_key", "suppress")
"""Fields of a verdict that are compared."""
LOOKED_AT = 1000
"""Maximum number of incidents that are checked, newest first."""
ALERTS = 50
"""Maximum number of alerts of each incident that are evaluated."""
AT_A_TIME = 10
"""Number of incidents that are evaluated before the event loop gets a turn."""


class AffectedIncident(msgspec.Struct, frozen=True):
    """An open incident that the new rules would have treated differently. It stays unchanged."""

    number: int
    title: str
    severity: str
    service: str
    differences: tuple[Difference, ...]
    """The differences for all of its firing alerts."""

    def __str__(self) -> str:
        differences = ", ".join(map(str, self.differences))
        return f"incident {self.number} ({self.service}: {self.title}): {differences}"


class ReloadImpact(msgspec.Struct, frozen=True):
    """Result of the comparison."""

    incidents: tuple[AffectedIncident, ...] = ()
    judged: int = 0
    cut: str = ""
    """The reason why not every open incident was checked; "" if all were."""


async def compare(store: Store, before: RuleSet, after: RuleSet, patience: float) -> ReloadImpact:
    """Evaluate the firing alerts of open incidents by both rule sets.

    Args:
        store: The store with the incidents.
        before: The previous rules.
        after: The current rules.
        patience: Timeout in seconds; the incidents checked by then are reported.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    affected: list[AffectedIncident] = []
    judged = 0
    try:
        async with asyncio.timeout(patience):
            wanted = IncidentFilter(states=OPEN, limit=LOOKED_AT + 1)
            incidents = await store.read(lambda tx: tx.incidents(wanted))
            for start in range(0, min(len(incidents), LOOKED_AT), AT_A_TIME):
                batch = incidents[start : start + AT_A_TIME]
                # Rule sets have caches that only the event loop's thread may use, so only the reading is in a thread.
                for incident, episodes in await store.read(partial(_firing, incidents=batch)):
                    if changed := tuple(_differences(episodes, before, after)):
                        affected.append(
                            AffectedIncident(
                                incident.number, incident.title, incident.severity, incident.service, changed
                            )
                        )
                judged += len(batch)
                await asyncio.sleep(0)
    except TimeoutError:
        return ReloadImpact(tuple(affected), judged, f"broken off after {patience:g} s")
    cut = f"only the newest {LOOKED_AT} were looked at" if len(incidents) > LOOKED_AT else ""
    return ReloadImpact(tuple(affected), judged, cut)


def _firing(tx: Reader, incidents: Sequence[Incident]) -> list[tuple[Incident, list[Episode]]]:
    return [
        (incident, [each for each in tx.episodes_of(incident.id, limit=ALERTS) if each.status is EpisodeStatus.FIRING])
        for incident in incidents
    ]


def _differences(episodes: Sequence[Episode], before: RuleSet, after: RuleSet) -> Iterator[Difference]:
    """Yield each difference once. Rules do not evaluate tocsin's own alerts."""
    seen: set[Difference] = set()
    for episode in episodes:
        if episode.source in OWN_SOURCES:
            continue
        alert = alert_of(episode)
        for difference in differences(before.evaluate(alert), after.evaluate(alert), FIELDS):
            if difference not in seen:
                seen.add(difference)
                yield difference
