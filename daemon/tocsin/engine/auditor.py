"""Checks the invariants in production, a part of the open incidents each minute; raises what it finds."""

import structlog

from tocsin.core.incident import OPEN, Incident
from tocsin.core.invariants import INVARIANTS, Facts, violations
from tocsin.engine.commit import Committer
from tocsin.engine.ingest import Ingest
from tocsin.engine.service import SECOND, Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import WHOLE, IncidentFilter, Reader

EVERY = 60 * SECOND
AGAIN = 10 * SECOND
"""What looks wrong is looked at once more after this; it is told only if it still is."""
AT_A_TIME = 200
"""Incidents a round: the auditor must never be what keeps the store busy."""
ROWS_AT_A_TIME = 20_000
"""Alerts and timeline entries a round, for the same reason; one incident is always checked, however large it is."""

RULES = (*INVARIANTS,)

_log = structlog.get_logger("tocsin.engine.auditor")

Finding = tuple[Incident, str, str]
"""(incident, rule, what is wrong)"""


class Auditor(Service):
    """Goes round the open incidents. A wrong ``due_at`` is repaired; everything found becomes a trouble of tocsin's."""

    name = "auditor"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, ingest: Ingest, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer
        self._ingest = ingest
        self._before: int | None = None
        self._last_seen: int | None = None
        self._told: set[str] = set()
        self._suspects: set[tuple[str, str]] = set()

    def wake(self) -> None:
        """Stay asleep: a finding is confirmed only after some time, and a wake-up would cut that short."""

    async def run_once(self) -> int | None:
        """Check the next part."""
        found = await self._committer.store.read(self._check)
        self._tell_unreadable()
        # Right after a start or a jump of the clock something may be overdue that is about to happen.
        suspects = {(incident.id, rule) for incident, rule, _ in found}
        confirmed = [finding for finding in found if (finding[0].id, finding[1]) in self._suspects]
        self._suspects = suspects
        if suspects and not confirmed:
            return self._clock.now() + AGAIN
        for incident, rule, wrong in confirmed:
            _log.error("invariant_violated", rule=rule, incident=incident.number, wrong=wrong)
            self._committer.observer.count("invariant_violations_total", rule=rule)
            self._ingest.report("invariant", rule, f"incident {incident.number}: {wrong}")
        mended = {incident.id for incident, rule, _ in confirmed if rule == "due_at_is_next_due"}
        if mended:
            await self._committer.store.write(
                lambda tx: tx.update_incidents([found for ref in mended if (found := tx.incident(ref)) is not None])
            )
        self._before = self._last_seen
        return self._clock.now() + EVERY

    def _tell_unreadable(self) -> None:
        """What cannot be decoded is left out everywhere: the others go on, and somebody has to look."""
        for key in self._committer.store.unreadable - self._told:
            self._told.add(key)
            self._ingest.report("unreadable", key, "this row of the store cannot be decoded")

    def _check(self, tx: Reader) -> list[Finding]:
        found = tx.incidents(IncidentFilter(states=OPEN, before_number=self._before, limit=AT_A_TIME))
        part = _within_budget(found)
        is_last = len(part) == len(found) < AT_A_TIME
        self._last_seen = None if is_last else part[-1].number
        return [(incident, rule, wrong) for incident in part for rule, wrong in violations(facts_of(tx, incident))]


def _within_budget(incidents: list[Incident]) -> list[Incident]:
    """Return the first of them, as many as may be read in one round."""
    rows = 0
    for number, incident in enumerate(incidents):
        rows += incident.events + incident.alerts_total
        if number and rows > ROWS_AT_A_TIME:
            return incidents[:number]
    return incidents


def facts_of(tx: Reader, incident: Incident) -> Facts:
    """What the store holds about one incident, in one snapshot."""
    return Facts(
        incident=incident,
        due_at=tx.due_at_of(incident.id),
        entries=tx.entries(incident.id, limit=WHOLE),
        rows=tx.outbox_of(incident.id),
        episodes=tx.episodes_of(incident.id, limit=WHOLE),
        now=tx.now,
    )
