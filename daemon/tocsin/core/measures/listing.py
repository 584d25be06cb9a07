"""Lists of a report: its incidents, the slowest, the noisiest causes, and the open duties."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from tocsin.core.duration import SECOND
from tocsin.core.measures.duties import is_open_at
from tocsin.core.measures.period import ReportPeriod
from tocsin.core.measures.records import MeasuredDuty, MeasuredIncident, MeasuredPage, Records

LISTED_INCIDENTS = 500
"""Maximum number of listed incidents; the newest are listed."""
LISTED_DUTIES = 200
STANDING_OUT = 10
"""Number of listed slowest and noisiest incidents."""


class IncidentLine(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence in a report."""

    number: int | None
    """Null if the incident itself is no longer stored."""
    occurrence: int
    title: str
    playbook: str
    severity: str
    service: str
    opened_at: int
    acknowledged_at: int | None
    resolved_at: int | None
    acknowledge_seconds: float | None
    resolve_seconds: float | None
    pages: int


class NoisyLine(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents of one cause, which share a dedup key."""

    title: str
    playbook: str
    service: str
    incidents: int
    occurrences: int
    pages: int


class DutyLine(msgspec.Struct, frozen=True, kw_only=True):
    """An open duty."""

    kind: str
    duty: str
    """The name of the duty; "" for an action item."""
    number: int
    """The incident's number."""
    text: str
    owner: str
    playbook: str
    due_at: int
    overdue: bool


def newest(records: Records, period: ReportPeriod) -> tuple[tuple[IncidentLine, ...], int]:
    """Return the occurrences that began in the period, the newest first, and the number of those left out."""
    began = [each for each in records.incidents if period.has(each.opened_at)]
    began.sort(key=lambda each: -each.opened_at)
    pages_of = _pages_of(records.pages, period)
    listed = tuple(_line(each, pages_of) for each in began[:LISTED_INCIDENTS])
    return listed, len(began) - len(listed)


def slowest(records: Records, period: ReportPeriod) -> tuple[IncidentLine, ...]:
    """Return the occurrences that were resolved in the period and took longest."""
    ended = [each for each in records.incidents if period.has(each.resolved_at)]
    ended.sort(key=lambda each: (-_lasted(each), each.opened_at))
    pages_of = _pages_of(records.pages, period)
    return tuple(_line(each, pages_of) for each in ended[:STANDING_OUT])


def noisiest(records: Records, period: ReportPeriod) -> tuple[NoisyLine, ...]:
    """Return the causes with the most pages to people and, if equal, the most occurrences."""
    began: defaultdict[str, list[MeasuredIncident]] = defaultdict(list)
    pages: defaultdict[str, list[MeasuredPage]] = defaultdict(list)
    for each in records.incidents:
        if period.has(each.opened_at):
            began[each.dedup_key].append(each)
    for page in records.pages:
        if period.has(page.at):
            pages[page.dedup_key].append(page)
    lines = []
    for key in began.keys() | pages.keys():
        newest = max(began[key], key=lambda each: each.opened_at) if began[key] else pages[key][-1]
        lines.append(
            NoisyLine(
                title=newest.title,
                playbook=newest.playbook,
                service=newest.service,
                incidents=sum(each.is_first for each in began[key]),
                occurrences=len(began[key]),
                pages=len(pages[key]),
            )
        )
    lines.sort(key=lambda line: (-line.pages, -line.occurrences, line.title, line.service, line.playbook))
    return tuple(lines[:STANDING_OUT])


def open_duties(duties: Iterable[MeasuredDuty], end: int) -> tuple[tuple[DutyLine, ...], int]:
    """Return the duties that are open at a time, the longest overdue first, and the number of those left out."""
    still_open = sorted((duty for duty in duties if is_open_at(duty, end)), key=lambda duty: duty.due_at)
    listed = tuple(_duty_line(duty, end) for duty in still_open[:LISTED_DUTIES])
    return listed, len(still_open) - len(listed)


def _pages_of(pages: Iterable[MeasuredPage], period: ReportPeriod) -> Mapping[str, int]:
    """Return the number of pages in the period by incident."""
    counts: defaultdict[str, int] = defaultdict(int)
    for page in pages:
        if period.has(page.at):
            counts[page.incident_id] += 1
    return counts


def _lasted(incident: MeasuredIncident) -> int:
    return max(0, (incident.ended_at or incident.opened_at) - incident.opened_at)


def _line(incident: MeasuredIncident, pages_of: Mapping[str, int]) -> IncidentLine:
    acknowledged_at = incident.acknowledged_at
    return IncidentLine(
        number=incident.number,
        occurrence=incident.occurrence,
        title=incident.title,
        playbook=incident.playbook,
        severity=incident.severity,
        service=incident.service,
        opened_at=incident.opened_at,
        acknowledged_at=acknowledged_at,
        resolved_at=incident.resolved_at,
        acknowledge_seconds=None if acknowledged_at is None else max(0, acknowledged_at - incident.opened_at) / SECOND,
        resolve_seconds=None if incident.ended_at is None else _lasted(incident) / SECOND,
        pages=pages_of.get(incident.incident_id, 0),
    )


def _duty_line(duty: MeasuredDuty, end: int) -> DutyLine:
    return DutyLine(
        kind=duty.kind.value,
        duty=duty.name,
        number=duty.number,
        text=duty.text,
        owner=duty.owner,
        playbook=duty.playbook,
        due_at=duty.due_at,
        overdue=duty.due_at < end,
    )
