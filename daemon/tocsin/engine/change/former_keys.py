"""Open or reopenable incidents whose alerts would get a different dedup key today."""

from collections.abc import Iterator, Sequence

import structlog

from tocsin.core.alerts.alert import OWN_SOURCES, Episode, alert_of
from tocsin.core.incident.incident import OPEN, Incident, State
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import IncidentFilter, Reader

INCIDENTS = 1000
"""Maximum number of open incidents that are checked, newest first."""
RESOLVED = 200
"""Maximum number of resolved incidents that are checked: a recently resolved one may still be reopened."""
ALERTS = 20_000
"""Maximum number of alerts of these incidents that are evaluated again: about half a second of work."""
WHAT_IS_CUT = (
    "too many open incidents or alerts to check all of them: a new alert of an unchecked incident may open a second "
    "incident and page again"
)

_log = structlog.get_logger("tocsin.engine.change.former_keys")


class FormerKeys:
    """The open incidents that earlier rules, or an earlier version, opened under another dedup key.

    An incident keeps the dedup key under which it was opened. A new alert
    about the same problem gets today's key: unless it is mapped to that
    incident, people are paged twice. Today's keys come from evaluating the
    incident's alerts by today's rules.
    """

    def __init__(self, *, incidents: int = INCIDENTS, alerts: int = ALERTS) -> None:
        self._limits = (incidents, alerts)
        self._rules_sha = ""
        self._incidents: dict[str, Incident] = {}

    def is_learned(self, rules: RuleSet) -> bool:
        """Return whether `learn` has been called for these rules."""
        return self._rules_sha == rules.sha

    def learn(self, reader: Reader, rules: RuleSet) -> None:
        """Evaluate the alerts of open and reopenable incidents, once for each set of rules."""
        if self.is_learned(rules):
            return
        self._incidents = _by_todays_key(reader, rules, *self._limits)
        self._rules_sha = rules.sha

    def incident_of(self, dedup_key: str) -> str | None:
        """Return the id of an incident with another key whose alerts get this key today; None if there is none."""
        incident = self._incidents.get(dedup_key)
        return incident.id if incident is not None else None

    def key_of(self, dedup_key: str) -> str:
        """Return the own key of `incident_of`; ``dedup_key`` itself if there is no such incident."""
        incident = self._incidents.get(dedup_key)
        return incident.dedup_key if incident is not None else dedup_key


def _by_todays_key(reader: Reader, rules: RuleSet, incidents: int, alerts: int) -> dict[str, Incident]:
    incidents_by_key: dict[str, Incident] = {}
    opened = reader.incidents(IncidentFilter(states=OPEN, limit=incidents + 1))
    resolved = reader.incidents(IncidentFilter(states=(State.RESOLVED,), limit=RESOLVED + 1))
    reopenable = [incident for incident in resolved if incident.goes_on(reader.now)]
    is_truncated = len(opened) > incidents or len(reopenable) > RESOLVED
    for incident in (*opened[:incidents], *reopenable[:RESOLVED]):
        episodes = reader.episodes_of(incident.id, limit=alerts + 1)
        for key in _todays_keys(incident, episodes[:alerts], rules):
            incidents_by_key.setdefault(key, incident)
        alerts -= len(episodes)
        if alerts < 0:
            is_truncated = True
            break
    if is_truncated:
        _log.warning("former_keys_truncated", incidents=incidents, resolved=RESOLVED, advice=WHAT_IS_CUT)
    return incidents_by_key


def _todays_keys(incident: Incident, episodes: Sequence[Episode], rules: RuleSet) -> Iterator[str]:
    for episode in episodes:
        if episode.source in OWN_SOURCES:
            continue
        try:
            verdict = rules.decide(alert_of(episode), episode.holds)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - an old alert that cannot be judged must not keep new ones out
            _log.error("former_key_not_judged", incident=incident.number, alert=episode.fingerprint, error=repr(error))
            continue
        # If today's rules choose another playbook, they were corrected: the people of the new one must be paged.
        if verdict.dedup_key != incident.dedup_key and verdict.playbook == incident.plan.name:
            yield verdict.dedup_key
