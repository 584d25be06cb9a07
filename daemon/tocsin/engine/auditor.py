"""Checks the invariants in production, a part of the open incidents each minute; raises what it finds."""

import structlog

from tocsin.core.incident import Incident, State
from tocsin.core.invariants import INVARIANTS, Facts, violations
from tocsin.engine.commit import Committer
from tocsin.engine.ingest import Ingest
from tocsin.engine.service import SECOND, Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import IncidentFilter, Reader

EVERY = 60 * SECOND
AT_A_TIME = 200
"""Incidents a round: the auditor must never be what keeps the store busy."""
WHOLE = 1_000_000
"""All rows of an incident."""

RULES = (*INVARIANTS,)
OPEN = tuple(state for state in State if state is not State.RESOLVED)

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

    async def run_once(self) -> int | None:
        """Check the next part."""
        found = await self._committer.store.read(self._check)
        for incident, rule, wrong in found:
            _log.error("invariant_violated", rule=rule, incident=incident.number, wrong=wrong)
            self._committer.observer.count("invariant_violations_total", rule=rule)
            self._ingest.report("invariant", rule, f"incident {incident.number}: {wrong}")
        mended = {incident.id for incident, rule, _ in found if rule == "due_at_is_next_due"}
        if mended:
            await self._committer.store.write(
                lambda tx: tx.update_incidents([found for ref in mended if (found := tx.incident(ref)) is not None])
            )
        return self._clock.now() + EVERY

    def _check(self, tx: Reader) -> list[Finding]:
        part = tx.incidents(IncidentFilter(states=OPEN, before_number=self._before, limit=AT_A_TIME))
        self._before = part[-1].number if len(part) == AT_A_TIME else None
        return [(incident, rule, wrong) for incident in part for rule, wrong in violations(facts_of(tx, incident))]


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
