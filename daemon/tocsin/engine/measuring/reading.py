"""The records of a report, read from the store in pages, so that no transaction lasts long.

Reading (`read`) takes turns with everything else. Making records of what was read (`records_of`) takes a second for
twenty thousand incidents: it belongs in another thread than the event loop's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from tocsin.core.errors import InvalidValue
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import OPEN, Incident
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.timeline.actions import PostmortemCompleted, PostmortemWaived
from tocsin.core.incident.timeline.duties import DutyDone, DutyWaived
from tocsin.core.incident.timeline.notifications import PromiseBreached
from tocsin.core.measures.period import day_of
from tocsin.core.measures.records import (
    EndedDuty,
    MeasuredDuty,
    MeasuredIncident,
    MeasuredPage,
    Records,
    duties_of,
    duty_of_earlier_occurrence,
    measured_incident,
    open_occurrence,
)
from tocsin.core.playbook.playbook import SELF_PLAYBOOK
from tocsin.engine.change.policy import Policy
from tocsin.ports.measure_store import EntryCursor, OccurrenceCursor, PageCursor
from tocsin.ports.store import IncidentFilter, Reader, Store

T = TypeVar("T")

AT_ONCE = 500
"""Number of records that one transaction reads."""
MOST_INCIDENTS = 20_000
"""Maximum number of occurrences, and of incidents with open duties, that a report reads."""
MOST_OTHERS = 100_000
"""Maximum number of pages, and of timeline entries, that a report reads."""


class TooLarge(InvalidValue):
    """More records than a report reads."""


class MostRead(NamedTuple):
    """The maximum numbers of records that a report reads."""

    incidents: int = MOST_INCIDENTS
    others: int = MOST_OTHERS


class Stored(NamedTuple):
    """The rows of the store about a period."""

    occurrences: Sequence[Occurrence]
    incidents: Mapping[str, Incident]
    entries: Sequence[Entry]
    pages: Sequence[Outgoing]
    since: int | None


class _Source:
    """The store, in pages of `AT_ONCE` records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def every(
        self,
        query: Callable[[Reader, Any], Sequence[T]],
        after: Any,
        cursor_of: Callable[[T], Any],
        most: int,
        *too_many: str,
    ) -> list[T]:
        """Return all records of a query that follow a cursor; ``too_many`` names them, and what to do.

        Raises:
            TooLarge: There are more than ``most``.
        """
        records: list[T] = []
        while page := await self._store.read(lambda reader, start=after: query(reader, start)):  # type: ignore[misc]
            records += page
            if len(records) > most:
                what, remedy = too_many
                raise TooLarge(f"there are more than {most:,} {what}, the most that a report reads: {remedy}")
            after = cursor_of(page[-1])
        return records

    async def incidents(self, ids: Iterable[str]) -> list[Incident]:
        """Return the stored ones of these incidents."""
        wanted = sorted(ids)
        found: list[Incident] = []
        for start in range(0, len(wanted), AT_ONCE):
            chunk = wanted[start : start + AT_ONCE]
            found += await self._store.read(lambda reader, some=chunk: reader.incidents_by_id(some))  # type: ignore[misc]
        return found


async def read(store: Store, policy: Policy, starts_at: int, ends_at: int, most: MostRead = MostRead()) -> Stored:  # noqa: B008
    """Return what the store has about a time span.

    Raises:
        TooLarge: There are too many records of a kind.
    """
    source, zone = _Source(store), policy.report_zone
    days = f"from {day_of(starts_at, zone)} to {day_of(ends_at - 1, zone)} (with the period before)"
    closed: list[Occurrence] = await source.every(
        lambda reader, after: reader.occurrences_resolved(after, ends_at, AT_ONCE),
        OccurrenceCursor(starts_at),
        lambda each: OccurrenceCursor(each.resolved_at or 0, each.incident_id, each.occurrence),
        most.incidents,
        f"incidents {days}",
        "choose a shorter period",
    )
    still_open: list[Incident] = await source.every(
        lambda reader, before: reader.incidents(IncidentFilter(states=OPEN, before_number=before, limit=AT_ONCE)),
        None,
        lambda each: each.number,
        most.incidents,
        "open incidents",
        "resolve those that are over",
    )
    with_duties: list[Incident] = await source.every(
        lambda reader, after: reader.incidents_with_duties(after, AT_ONCE),
        0,
        lambda each: each.number,
        most.incidents,
        "incidents with open duties or action items",
        "complete or waive them",
    )
    occurrences = [*closed, *filter(None, map(open_occurrence, still_open))]
    first_at = min((each.opened_at for each in occurrences), default=starts_at)
    entries_from = min(starts_at - _longest_duty(policy), first_at)
    entries: list[Entry] = await source.every(
        lambda reader, after: reader.measured_entries(after, AT_ONCE),
        EntryCursor(entries_from),
        lambda entry: EntryCursor(entry.at, entry.incident_id, entry.seq),
        most.others,
        f"missed targets and completed duties since {day_of(entries_from, zone)}",
        "choose a later period",
    )
    pages: list[Outgoing] = await source.every(
        lambda reader, after: reader.accepted_pages(after, ends_at, AT_ONCE),
        PageCursor(starts_at),
        lambda row: PageCursor(row.done_at or 0, row.order_no),
        most.others,
        f"pages {days}",
        "choose a shorter period",
    )
    incidents = {incident.id: incident for incident in (*still_open, *with_duties)}
    named = {record.incident_id for records in (occurrences, entries, pages) for record in records}
    incidents |= {incident.id: incident for incident in await source.incidents(named - incidents.keys())}
    known_since = [await store.read(lambda reader: reader.first_occurrence_at()), first_at if occurrences else None]
    since = min((at for at in known_since if at is not None), default=None)
    return Stored(occurrences, incidents, entries, pages, since)


def records_of(stored: Stored, policy: Policy) -> Records:
    """Return the records of what was read."""
    return Records(
        incidents=_incidents(stored.occurrences, stored.incidents, stored.entries),
        duties=(
            *(duty for incident in stored.incidents.values() for duty in duties_of(incident)),
            *_duties_of_earlier_occurrences(stored.incidents, stored.entries),
        ),
        pages=_pages(stored.pages, stored.incidents, policy),
        since=stored.since,
    )


def _longest_duty(policy: Policy) -> int:
    """Return the longest time allowed for a duty: one that is due in a period may be done so long before."""
    times = [
        *(level.post_mortem_within or 0 for plan in policy.playbooks.values() for level in plan.levels),
        *(follow_up.within for plan in policy.playbooks.values() for follow_up in plan.duties.follow_ups),
        *(duty.within for plan in policy.playbooks.values() for duty in plan.duties.required),
    ]
    return max(times, default=0)


_ENDS = frozenset({DutyDone.kind, PostmortemCompleted.kind})
_WAIVERS = frozenset({DutyWaived.kind, PostmortemWaived.kind})


def _duties_of_earlier_occurrences(
    incidents: Mapping[str, Incident], entries: Iterable[Entry]
) -> Iterable[MeasuredDuty]:
    """Yield the duties that ended before their incident was reopened."""
    for entry in entries:
        incident = incidents.get(entry.incident_id)
        if incident is None or entry.kind not in _ENDS | _WAIVERS:
            continue
        ended = msgspec.convert(entry.data, EndedDuty)
        duty = duty_of_earlier_occurrence(incident, ended, entry.at, is_waived=entry.kind in _WAIVERS)
        if duty is not None:
            yield duty


def _incidents(
    occurrences: Sequence[Occurrence], incidents: Mapping[str, Incident], entries: Iterable[Entry]
) -> tuple[MeasuredIncident, ...]:
    missed: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for entry in entries:
        if entry.kind == PromiseBreached.kind:
            breach = msgspec.convert(entry.data, _Breach)
            missed[entry.incident_id, breach.occurrence].setdefault(breach.promise, breach.due_at)
    return tuple(
        measured_incident(each, incidents.get(each.incident_id), missed.get((each.incident_id, each.occurrence), {}))
        for each in occurrences
    )


class _Breach(msgspec.Struct, frozen=True):
    """The parts of a stored breach that are measured."""

    promise: str
    due_at: int
    occurrence: int


def _pages(rows: Iterable[Outgoing], incidents: Mapping[str, Incident], policy: Policy) -> tuple[MeasuredPage, ...]:
    """Return the pages to people, without those of drills, of tocsin's own incidents, and those sent elsewhere."""
    people = policy.people
    others = {*people.places, *people.groups, *people.rotations, policy.console.channel}
    pages = []
    for row in rows:
        incident = incidents.get(row.incident_id)
        is_own = incident is None or incident.drill or incident.plan.name == SELF_PLAYBOOK
        if incident is None or is_own or row.stranded or row.target in others:
            continue
        pages.append(
            MeasuredPage(
                incident_id=row.incident_id,
                person=row.target,
                at=row.done_at or 0,
                title=incident.title,
                dedup_key=incident.dedup_key,
                playbook=incident.plan.name,
                service=incident.service,
                team=incident.team,
            )
        )
    return tuple(pages)
