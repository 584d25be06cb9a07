"""The auditor: checks the invariants in production, on some of the open incidents each minute."""

from collections import Counter

import structlog

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.duration import SECOND
from tocsin.core.incident.incident import OPEN, Incident
from tocsin.core.incident.invariants import INVARIANTS, IncidentFacts, violations
from tocsin.engine.change.commit import Committer
from tocsin.engine.selfwatch.troubles import Reporter
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import WHOLE, IncidentFilter, Reader

EVERY = 60 * SECOND
"""Interval of the rounds."""
AGAIN = 10 * SECOND
"""Delay of the second check of a finding; only a finding that persists is reported."""
AT_A_TIME = 200
"""Maximum number of incidents per round, so that the auditor does not keep the store busy."""
ROWS_AT_A_TIME = 20_000
"""Maximum number of alerts and timeline entries that a round reads; each round checks at least one incident."""

RULES = (*INVARIANTS,)

_log = structlog.get_logger("tocsin.engine.workers.auditor")

Finding = tuple[Incident, str, str]
"""(incident, rule, violation)"""


class Auditor(Service):
    """The worker that checks open incidents in turn. It repairs a wrong ``due_at``, and reports each violation."""

    name = "auditor"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, reporter: Reporter, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer
        self._reporter = reporter
        self._before: int | None = None
        """The round checks incidents with lower numbers; None: from the newest incident on."""
        self._last_seen: int | None = None
        """The lowest number that the round has checked; None after the oldest open incident."""
        self._suspects: set[tuple[str, str]] = set()
        """(incident id, rule) of the findings of the previous check."""

    def wake(self) -> None:
        """Ignore wake-ups, because a finding counts only if it persists for some time."""

    async def run_once(self) -> int | None:
        """Check the next incidents."""
        findings = await self._committer.store.read(self._check)
        self._report_unreadable()
        # Check twice: right after a start or a jump of the clock, overdue work is about to be done.
        suspects = {(incident.id, rule) for incident, rule, _ in findings}
        confirmed = [finding for finding in findings if (finding[0].id, finding[1]) in self._suspects]
        self._suspects = suspects
        if suspects and not confirmed:
            return self._clock.now() + AGAIN
        for incident, rule, wrong in confirmed:
            _log.error("invariant_violated", rule=rule, incident=incident.number, wrong=wrong)
            self._committer.observer.count("invariant_violations_total", rule=rule)
            self._reporter.report(
                "invariant", rule, f"incident {incident.number}: {wrong}", f"incident {incident.number}"
            )
        wrong_due_at = {incident.id for incident, rule, _ in confirmed if rule == "due_at_is_next_due"}
        if wrong_due_at:  # writing an incident computes its due_at
            await self._committer.store.write(
                lambda tx: tx.update_incidents(
                    [incident for id_ in wrong_due_at if (incident := tx.incident(id_)) is not None]
                )
            )
        self._before = self._last_seen
        return self._clock.now() + EVERY

    def _report_unreadable(self) -> None:
        """Report rows that cannot be decoded; all other code skips them."""
        for key in sorted(self._committer.store.unreadable):
            self._reporter.report("unreadable", key, "this row of the store cannot be decoded")

    def _check(self, tx: Reader) -> list[Finding]:
        incidents = tx.incidents(IncidentFilter(states=OPEN, before_number=self._before, limit=AT_A_TIME))
        part = _within_budget(incidents)
        is_last = len(part) == len(incidents) < AT_A_TIME
        self._last_seen = None if is_last else part[-1].number
        return [(incident, rule, wrong) for incident in part for rule, wrong in violations(facts_of(tx, incident))]


def _within_budget(incidents: list[Incident]) -> list[Incident]:
    """Return the first incidents, as many as one round may read."""
    rows = 0
    for number, incident in enumerate(incidents):
        rows += incident.events + incident.alerts_total
        if number and rows > ROWS_AT_A_TIME:
            return incidents[:number]
    return incidents


def facts_of(tx: Reader, incident: Incident) -> IncidentFacts:
    """Return the stored data about one incident, in one snapshot."""
    # Episodes are decoded, not only counted, so that damaged ones are reported.
    episodes = tx.every_episode_of(incident.id)
    return IncidentFacts(
        incident=incident,
        due_at=tx.due_at_of(incident.id),
        entries=tx.entries(incident.id, limit=WHOLE),
        rows=tx.outbox_of(incident.id),
        firing=Counter(episode.severity for episode in episodes if episode.status is EpisodeStatus.FIRING),
        now=tx.now,
    )
