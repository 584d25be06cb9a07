"""The end of a shift: whoever comes on call hears of what somebody has acknowledged or snoozed.

Nothing is remembered but in the incidents themselves: each holds the beginning
of the shift whose people were told last, so a hand-over that fell into a
restart is told after it, and none is told twice.
"""

from collections.abc import Collection, Iterator

import structlog

from tocsin.core.errors import StoreUnavailable
from tocsin.core.event import ShiftBegan
from tocsin.core.incident import TAKEN, Incident
from tocsin.core.outbox import Job, RowState
from tocsin.core.people import People
from tocsin.core.playbook import MINUTE
from tocsin.core.rotation import Duty, Rotation, Shift
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.oncall import duty_of
from tocsin.engine.service import SECOND, Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import IncidentFilter, Reader

EVERY = MINUTE
_ALL = 100_000

_log = structlog.get_logger("tocsin.engine.handovers")


class Handovers(Service):
    """Looks at each hand-over, and now and then, as overrides and rosters change while tocsin runs."""

    name = "handovers"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer

    async def run_once(self) -> int | None:
        """Tell whoever has come on call since; returns when the next shift begins."""
        if not self._committer.live.policy.people.rotations:
            return None
        untold, next_at = await self._committer.store.read(self._look)
        if untold:
            await self._committer.commit("respond", _tell)
        return next_at

    def next_due_at(self, tx: Reader) -> int | None:
        """When the next shift begins; now where somebody has not been told yet. None: nobody waits for it."""
        untold, next_at = self._look(tx)
        return tx.now if untold else next_at

    def _look(self, tx: Reader) -> tuple[bool, int | None]:
        """Return whether a new shift has not been notified, and when the next shift of any rotation begins.

        Rotations without an open incident count too: somebody may acknowledge one just before the hand-over.
        """
        people = self._committer.live.policy.people
        if not people.rotations:
            return False, None
        duty = duty_of(tx, people)
        shifts = {name: rotation.shift_at(duty.now, duty) for name, rotation in people.rotations.items()}
        is_due = any(
            is_news(incident, rotation, shifts[rotation.name])
            for incident in tx.incidents(IncidentFilter(states=TAKEN, limit=_ALL))
            for rotation in concerned(people, incident)
        )
        return is_due, min((shift.ends_at for shift in shifts.values()), default=None)


def concerned(people: People, incident: Incident) -> tuple[Rotation, ...]:
    """The rotations among the targets of the tiers that an incident has reached."""
    level = incident.plan.level(incident.severity)
    reached = incident.reached or (1,)
    targets = [cell.targets for cell in level.cells if cell.tier in reached]
    targets += [tier.targets for tier in incident.plan.tiers if tier.number in reached]
    return people.rotations_in(target for found in targets for target in found)


def _tell(work: Work) -> None:
    duty = work.oncall.duty
    shifts = {name: rotation.shift_at(work.now, duty) for name, rotation in work.policy.people.rotations.items()}
    # Sorted, and asked for one by one, as all that change incidents do: so they are locked in one order.
    for incident_id in sorted(one.id for one in work.tx.incidents(IncidentFilter(states=TAKEN, limit=_ALL))):
        incident = work.incident(incident_id)
        if incident is None:
            continue
        try:
            for event in _events(work, incident, shifts):
                incident = work.change(incident, event)
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one incident breaks, the others must get through
            _log.error("shift_not_told", incident=incident.number, error=repr(error), exc_info=error)


def _events(work: Work, incident: Incident, shifts: dict[str, Shift]) -> Iterator[ShiftBegan]:
    told = _told(work.tx, incident)
    by_now: set[str] = set()
    for rotation in concerned(work.policy.people, incident):
        shift = shifts[rotation.name]
        if is_news(incident, rotation, shift):
            found = strangers(incident, rotation, shift, work.oncall.duty, told)
            names = tuple(name for name in found if name not in by_now)
            by_now.update(names)
            yield ShiftBegan(rotation=rotation.name, at=shift.starts_at, told=names)


def strangers(
    incident: Incident, rotation: Rotation, shift: Shift, duty: Duty, told: Collection[str]
) -> tuple[str, ...]:
    """Those of a shift who may not know that they have the incident now.

    It is known to whoever took it, and to those who were on call before the shift
    and have been ``told`` of this occurrence.
    """
    stayed = rotation.on_at(told_at(incident, rotation), duty)
    return tuple(
        name for name in shift.names if name != incident.acknowledged_by and not (name in stayed and name in told)
    )


def _told(tx: Reader, incident: Incident) -> set[str]:
    """Who has been told of the occurrence, or is about to be; what fell back went to somebody else."""
    rows = tx.outbox_of(incident.id, incident.occurrence)
    reaching = (RowState.PENDING, RowState.SENT)
    return {
        row.target for row in rows if row.job in (Job.PAGE, Job.UPDATE) and row.state in reaching and not row.fell_back
    }


def is_news(incident: Incident, rotation: Rotation, shift: Shift) -> bool:
    """Whether the shift began after somebody took the incident, and its people have not been told."""
    return shift.starts_at > told_at(incident, rotation)


def told_at(incident: Incident, rotation: Rotation) -> int:
    """When somebody took the incident, or when the shift began whose people were told last, where that is later."""
    since = incident.acknowledged_at if incident.acknowledged_at is not None else incident.opened_at
    return max(since, incident.reaching.shifts.get(rotation.name, since) if incident.reaching is not None else since)
