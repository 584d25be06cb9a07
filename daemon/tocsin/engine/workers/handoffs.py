"""Hand-offs: the people who come on call are informed of acknowledged and snoozed incidents.

A person gets one message per rotation: it is about the most severe incident
and lists the others. Each incident stores the start of the last shift whose people
were informed, so a message that is due during a restart is sent after the restart,
and no message is sent twice.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import msgspec
import structlog

from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.event import ShiftBegan
from tocsin.core.incident.incident import TAKEN, Incident
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.core.incident.sla import HANDOFFS_STEP
from tocsin.core.incident.throttle import waits_for_storm
from tocsin.core.incident.wording import others_handed_over
from tocsin.core.oncall.people import People
from tocsin.core.oncall.rotation import OnCallInput, Rotation, Shift
from tocsin.core.typed_replace import replace
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import IncidentFilter, Reader

T = TypeVar("T")

EVERY = MINUTE
"""Interval of the checks."""
_ALL = 100_000
"""Limit of queries that are to return all incidents."""

_log = structlog.get_logger("tocsin.engine.workers.handoffs")


class Handoffs(Service):
    """The worker that checks for new shifts at each hand-off and every minute: overrides and rosters may change."""

    name = "handovers"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer

    async def run_once(self) -> int | None:
        """Inform the people who have come on call; return the start of the next shift."""
        if not self._committer.live.policy.people.rotations:
            return None
        is_due, next_at = await self._committer.store.read(self._look)
        if is_due:
            await self._committer.commit("respond", _inform)
        return next_at

    def next_due_at(self, tx: Reader) -> int | None:
        """Return the start of the next shift; now if people must still be informed; None if no shift is planned."""
        is_due, next_at = self._look(tx)
        return tx.now if is_due else next_at

    def _look(self, tx: Reader) -> tuple[bool, int | None]:
        """Return whether a new shift must be informed, and the start of any rotation's next shift.

        Rotations without an open incident count too: a person may acknowledge one just before the hand-off.
        """
        people = self._committer.live.policy.people
        if not people.rotations:
            return False, None
        inputs = on_call_input(tx, people)
        shifts = {name: rotation.shift_at(inputs.now, inputs) for name, rotation in people.rotations.items()}
        is_due = any(
            is_news(incident, rotation, shifts[rotation.name])
            for incident in tx.incidents(IncidentFilter(states=TAKEN, limit=_ALL))
            if incident.plan.has_level(incident.severity)  # a damaged row must not block the others; `_news` logs it
            for rotation in concerned(people, incident)
        )
        return is_due, min((shift.ends_at for shift in shifts.values()), default=None)


def concerned(people: People, incident: Incident) -> tuple[Rotation, ...]:
    """Return the rotations among the targets of the tiers that an incident has reached."""
    level = incident.plan.level(incident.severity)
    reached = incident.reached or (1,)
    targets = [cell.targets for cell in level.cells if cell.tier in reached]
    targets += [tier.targets for tier in incident.plan.tiers if tier.number in reached]
    return people.rotations_in(target for group in targets for target in group)


class _News(msgspec.Struct, frozen=True):
    """A new shift whose people have not been informed of an incident."""

    rotation: str
    at: int
    """The start of the shift."""
    names: tuple[str, ...]
    """The people to inform; empty if all people of the shift know of the incident."""


def _inform(uow: UnitOfWork) -> None:
    """Inform each new shift: one message per person and rotation, regardless of the number of incidents."""
    inputs = uow.oncall.inputs
    shifts = {name: rotation.shift_at(uow.now, inputs) for name, rotation in uow.policy.people.rotations.items()}
    groups: dict[tuple[str, int, str], list[Incident]] = {}
    informed = _Informed(uow.tx)
    # Sorted and read one by one, as in every transaction that changes several incidents: a single lock order.
    for incident_id in sorted(taken.id for taken in uow.tx.incidents(IncidentFilter(states=TAKEN, limit=_ALL))):
        incident = uow.incident(incident_id)
        if incident is None:
            continue
        for news in _attempt(incident, lambda taken: _news(uow, taken, shifts, informed)) or ():
            for name in news.names:
                groups.setdefault((news.rotation, news.at, name), []).append(incident)
            if not news.names:
                _change(uow, incident, ShiftBegan(rotation=news.rotation, at=news.at, notified=()))
    for (rotation, at), together in _alike(groups).items():
        for names, incidents in together:
            _hand_over(uow, ShiftBegan(rotation=rotation, at=at, notified=names), incidents)


def _alike(
    groups: Mapping[tuple[str, int, str], list[Incident]],
) -> dict[tuple[str, int], list[tuple[tuple[str, ...], list[Incident]]]]:
    """Return (people, incidents) for each shift; people with the same incidents are informed together."""
    by_shift: dict[tuple[str, int], dict[tuple[str, ...], tuple[list[str], list[Incident]]]] = {}
    for (rotation, at, name), incidents in groups.items():
        ids = tuple(incident.id for incident in incidents)
        names, _ = by_shift.setdefault((rotation, at), {}).setdefault(ids, ([], incidents))
        names.append(name)
    return {
        shift: [(tuple(names), incidents) for names, incidents in together.values()]
        for shift, together in by_shift.items()
    }


def _hand_over(uow: UnitOfWork, began: ShiftBegan, incidents: Iterable[Incident]) -> None:
    """Send one message about the most severe of the incidents, which lists the others."""
    ordered = sorted(incidents, key=_urgency)
    lead: Incident | None = None
    for position, incident in enumerate(ordered):
        if lead is not None:
            event = replace(began, listed_in=(lead.id, lead.number))
        else:
            others = ordered[position + 1 :]
            event = replace(began, others=others_handed_over(incident, others) if others else "")
        changed = _change(uow, incident, event)
        lead = lead or changed


def _urgency(incident: Incident) -> tuple[int, bool, int]:
    """Return the sort key of an incident: the most severe first, a storm before its members."""
    return incident.plan.level(incident.severity).rank, incident.storm is None, incident.number


def _change(uow: UnitOfWork, incident: Incident, event: ShiftBegan) -> Incident | None:
    return _attempt(incident, lambda taken: uow.change(taken, event))


def _attempt(incident: Incident, do: Callable[[Incident], T]) -> T | None:
    """Return the result of ``do``; None if ``do`` fails, so that one incident does not block the others."""
    try:
        return do(incident)
    except (StoreUnavailable, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a failing incident must not block the others
        _log.error("shift_not_informed", incident=incident.number, error=repr(error), exc_info=error)
        return None


def _news(uow: UnitOfWork, incident: Incident, shifts: dict[str, Shift], informed: "_Informed") -> list[_News]:
    """Return the new shifts that must be informed of an incident; a person in two shifts is informed once."""
    news: list[_News] = []
    by_now: set[str] = set()
    for rotation in concerned(uow.policy.people, incident):
        shift = shifts[rotation.name]
        if is_news(incident, rotation, shift):
            new = uninformed(incident, rotation, shift, uow.oncall.inputs, informed.of(incident))
            names = tuple(name for name in new if name not in by_now)
            by_now.update(names)
            news.append(_News(rotation.name, shift.starts_at, names))
    if news:
        _urgency(incident)  # raises for a damaged row here, before a message lists the incident
    return news


def uninformed(
    incident: Incident, rotation: Rotation, shift: Shift, inputs: OnCallInput, informed: Collection[str]
) -> tuple[str, ...]:
    """Return the people of a shift who may not know that they are responsible for the incident now.

    The person who acknowledged the incident knows, and so do people who were on call
    before the shift and have been ``informed`` about this occurrence.
    """
    stayed = rotation.on_at(informed_at(incident, rotation), inputs)
    return tuple(
        name for name in shift.names if name != incident.acknowledged_by and not (name in stayed and name in informed)
    )


class _Informed:
    """The people who have been informed of incidents; the rows of each lead incident are read once."""

    def __init__(self, tx: Reader) -> None:
        self._tx = tx
        self._leads: dict[str, set[str]] = {}

    def of(self, incident: Incident) -> set[str]:
        """Return the people who have been or will be informed of the occurrence, without substitutes."""
        names = {row.target for row in self._reaching(incident) if row.job in (Job.PAGE, Job.UPDATE)}
        listed = incident.contact_attempts.listed if incident.contact_attempts is not None else {}
        return names | {name for name, lead_id in listed.items() if name in self._by_lead(lead_id)}

    def _by_lead(self, incident_id: str) -> set[str]:
        """Return the people who got a message about this incident that lists others."""
        if incident_id not in self._leads:
            lead = self._tx.incident(incident_id)
            rows = self._reaching(lead) if lead is not None else ()
            self._leads[incident_id] = {row.target for row in rows if row.step.startswith(HANDOFFS_STEP)}
        return self._leads[incident_id]

    def _reaching(self, incident: Incident) -> list[Outgoing]:
        rows = self._tx.outbox_of(incident.id, incident.occurrence)
        return [row for row in rows if row.state in (RowState.PENDING, RowState.SENT) and not row.fell_back]


def is_news(incident: Incident, rotation: Rotation, shift: Shift) -> bool:
    """Return whether a shift began after a person took the incident, and the people of the shift are not informed yet.

    A member that waits for its storm does not count while the storm lasts: the storm itself is handed over.
    """
    return not waits_for_storm(incident) and shift.starts_at > informed_at(incident, rotation)


def informed_at(incident: Incident, rotation: Rotation) -> int:
    """Return the time at which a person took the incident or, if later, the start of the last informed shift."""
    since = incident.acknowledged_at if incident.acknowledged_at is not None else incident.opened_at
    return max(
        since,
        incident.contact_attempts.shifts.get(rotation.name, since) if incident.contact_attempts is not None else since,
    )
