"""Incidents that go on, and whose alerts would have another dedup key today."""

from collections.abc import Iterator, Sequence

import structlog

from tocsin.core.alert import SELF_SOURCE, Episode
from tocsin.core.incident import OPEN, Incident, State
from tocsin.core.rules import RuleSet
from tocsin.engine.treatment import alert_of
from tocsin.ports.store import IncidentFilter, Reader

INCIDENTS = 1000
"""How many open incidents are looked at, the newest first."""
RESOLVED = 200
"""How many resolved ones are looked at as well: some may have been resolved so lately that they would go on."""
ALERTS = 20_000
"""How many of their alerts are judged again: about half a second's work."""
WHAT_IS_CUT = (
    "more incidents or alerts are open than are looked at: another alert of one that was left out may open an incident "
    "of its own and page again"
)

_log = structlog.get_logger("tocsin.engine.former_keys")


class FormerKeys:
    """The incidents that were opened by other rules, or by another version, and still go on.

    An incident keeps the dedup key under which it was opened. Another alert
    about the same trouble comes with the key of today: it has to find that
    incident, or people are paged twice. Which keys these are, the alerts of
    the incident say, judged by the rules of today.
    """

    def __init__(self, *, incidents: int = INCIDENTS, alerts: int = ALERTS) -> None:
        self._limits = (incidents, alerts)
        self._rules_sha = ""
        self._incidents: dict[str, Incident] = {}

    def is_learned(self, rules: RuleSet) -> bool:
        """Say whether `learn` has been called for these rules."""
        return self._rules_sha == rules.sha

    def learn(self, reader: Reader, rules: RuleSet) -> None:
        """Look at the incidents that go on, once for each set of rules."""
        if self.is_learned(rules):
            return
        self._incidents = _by_todays_key(reader, rules, *self._limits)
        self._rules_sha = rules.sha

    def incident_of(self, dedup_key: str) -> str | None:
        """Return the id of the incident that has alerts with this key, though its own is another; None if none has."""
        incident = self._incidents.get(dedup_key)
        return incident.id if incident is not None else None

    def key_of(self, dedup_key: str) -> str:
        """Return the key of that incident; the same key if there is none."""
        incident = self._incidents.get(dedup_key)
        return incident.dedup_key if incident is not None else dedup_key


def _by_todays_key(reader: Reader, rules: RuleSet, incidents: int, alerts: int) -> dict[str, Incident]:
    found: dict[str, Incident] = {}
    is_open = reader.incidents(IncidentFilter(states=OPEN, limit=incidents + 1))
    resolved = reader.incidents(IncidentFilter(states=(State.RESOLVED,), limit=RESOLVED + 1))
    go_on = [incident for incident in resolved if incident.goes_on(reader.now)]
    is_cut = len(is_open) > incidents or len(go_on) > RESOLVED
    for incident in (*is_open[:incidents], *go_on[:RESOLVED]):
        episodes = reader.episodes_of(incident.id, limit=alerts + 1)
        for key in _todays_keys(incident, episodes[:alerts], rules):
            found.setdefault(key, incident)
        alerts -= len(episodes)
        if alerts < 0:
            is_cut = True
            break
    if is_cut:
        _log.warning("former_keys_cut", incidents=incidents, resolved=RESOLVED, advice=WHAT_IS_CUT)
    return found


def _todays_keys(incident: Incident, episodes: Sequence[Episode], rules: RuleSet) -> Iterator[str]:
    for episode in episodes:
        if episode.source == SELF_SOURCE:
            continue
        try:
            verdict = rules.decide(alert_of(episode), episode.holds)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - an old alert that cannot be judged must not keep new ones out
            _log.error("former_key_unknown", incident=incident.number, alert=episode.fingerprint, error=repr(error))
            continue
        # Rules that give it to another playbook today have been corrected: its people are to be paged.
        if verdict.dedup_key != incident.dedup_key and verdict.playbook == incident.plan.name:
            yield verdict.dedup_key
