"""The report of a period: its measures beside those of the period before, and what stands out."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from tocsin.core.duration import SECOND
from tocsin.core.measures.duties import (
    duty_figures,
    duty_groups,
    is_open_at,
    item_figures,
    post_mortem_figures,
    user_figures,
)
from tocsin.core.measures.figures import GoalFigure, GroupFigures, LevelFigures, Measures
from tocsin.core.measures.goals import RecoveryObjectives, a_month, goal_figures, recovery_figures
from tocsin.core.measures.people import page_figures, person_figures
from tocsin.core.measures.period import ReportPeriod, midnight
from tocsin.core.measures.records import MeasuredDuty, MeasuredIncident, MeasuredPage, Records
from tocsin.core.measures.times import between_failures, target_figures, to_acknowledge, to_detect, to_resolve
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.typed_replace import replace

T = TypeVar("T")

LISTED_INCIDENTS = 500
"""Maximum number of listed incidents; the newest are listed."""
LISTED_DUTIES = 200
STANDING_OUT = 10
"""Number of listed slowest and noisiest incidents."""
POINTS = 62
"""Maximum number of points of a trend."""


class ReportFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents that a report covers. None means any."""

    playbook: str | None = None
    service: str | None = None
    team: str | None = None

    def takes(self, record: MeasuredIncident | MeasuredDuty | MeasuredPage) -> bool:
        """Return whether a record belongs to the report."""
        return (
            (self.playbook is None or record.playbook == self.playbook)
            and (self.service is None or record.service == self.service)
            and (self.team is None or record.team == self.team)
        )


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration and the time that a report is made with."""

    now: int
    playbooks: Mapping[str, Playbook] = {}
    objectives: Mapping[str, RecoveryObjectives] = {}
    zones: Mapping[str, str] = {}
    """The time zones of persons who have one."""
    only: ReportFilter = ReportFilter()


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


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one part of the period."""

    first_day: date
    incidents: int
    acknowledge_seconds: float | None
    resolve_seconds: float | None
    pages: int
    at_night: int


class IncidentReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a period."""

    period: ReportPeriod
    previous_period: ReportPeriod
    is_over: bool
    """False if the period is still running: the figures are those until now."""
    made_at: int
    playbook: str | None
    service: str | None
    team: str | None
    current: Measures
    previous: Measures
    incidents: tuple[IncidentLine, ...]
    """The newest first."""
    left_out: int
    """Number of older incidents that are not listed."""
    slowest: tuple[IncidentLine, ...]
    noisiest: tuple[NoisyLine, ...]
    open_duties: tuple[DutyLine, ...]
    """Duties that were open at the end of the period, the longest overdue first; at most 200."""
    open_duties_left_out: int
    trend: tuple[TrendPoint, ...]
    trend_days: int
    """Number of days of each point of the trend; the last one may have fewer."""

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to report in the period."""
        return not (self.current.occurrences or self.current.resolved or self.current.open or self.current.pages.pages)


def report(records: Records, period: ReportPeriod, before: ReportPeriod, conditions: Conditions) -> IncidentReport:
    """Return the report of a period; ``before`` is the period that its figures are compared with."""
    only, now = conditions.only, conditions.now
    records = Records(
        incidents=tuple(filter(only.takes, records.incidents)),
        duties=tuple(filter(only.takes, records.duties)),
        pages=tuple(filter(only.takes, records.pages)),
        since=records.since,
    )
    end = min(period.ends_at, now + 1)
    began = sorted((each for each in records.incidents if period.has(each.opened_at)), key=lambda each: -each.opened_at)
    pages_of = _pages_of(records.pages, period)
    duties = sorted((duty for duty in records.duties if is_open_at(duty, end)), key=lambda duty: duty.due_at)
    step, trend = _trend(records, period, conditions)
    ended = [each for each in records.incidents if period.has(each.resolved_at)]
    slowest = sorted(ended, key=lambda each: (-_lasted(each), each.opened_at))[:STANDING_OUT]
    return IncidentReport(
        period=period,
        previous_period=before,
        is_over=period.ends_at <= now,
        made_at=now,
        playbook=only.playbook,
        service=only.service,
        team=only.team,
        current=measures(records, period, conditions),
        previous=measures(records, before, conditions),
        incidents=tuple(_line(each, pages_of) for each in began[:LISTED_INCIDENTS]),
        left_out=max(0, len(began) - LISTED_INCIDENTS),
        slowest=tuple(_line(each, pages_of) for each in slowest),
        noisiest=_noisiest(records, period),
        open_duties=tuple(_duty_line(duty, end) for duty in duties[:LISTED_DUTIES]),
        open_duties_left_out=max(0, len(duties) - LISTED_DUTIES),
        trend=trend,
        trend_days=step,
    )


def measures(records: Records, period: ReportPeriod, conditions: Conditions) -> Measures:
    """Return the measures of one period."""
    now, incidents = conditions.now, records.incidents
    began = [each for each in incidents if period.has(each.opened_at)]
    ended = [each for each in incidents if period.has(each.resolved_at)]
    end = min(period.ends_at, now + 1)
    people = person_figures(records.pages, period, conditions.zones)
    levels = _levels(incidents, period, conditions)
    return Measures(
        incidents=sum(each.is_first for each in began),
        occurrences=len(began),
        resolved=len(ended),
        unacknowledged=sum(each.acknowledged_at is None for each in ended),
        open=sum(each.opened_at < end and (each.resolved_at or end) >= end for each in incidents),
        acknowledge=to_acknowledge(incidents, period),
        resolve=to_resolve(incidents, period),
        detect=to_detect(incidents, period),
        between=between_failures(began, period, records.since, now),
        levels=levels,
        playbooks=_groups(records, period, now, lambda each: each.playbook),
        services=_groups(records, period, now, lambda each: each.service),
        users=user_figures(incidents, period),
        action_items=item_figures(records.duties, period, now),
        post_mortems=post_mortem_figures(records.duties, period, now),
        duties=duty_figures(records.duties, period, now),
        duty_groups=duty_groups(records.duties, period, now),
        recovery=tuple(recovery_figures(ended, conditions.objectives)),
        pages=page_figures(people, period, now),
        people=people,
        goals=tuple(_goals(records, period, conditions, levels)),
    )


def _levels(
    incidents: Sequence[MeasuredIncident], period: ReportPeriod, conditions: Conditions
) -> tuple[LevelFigures, ...]:
    """Return the figures of each severity that has any, the playbooks by name, the highest severity first."""
    by_level: defaultdict[tuple[str, str], list[MeasuredIncident]] = defaultdict(list)
    for each in incidents:
        by_level[each.playbook, each.severity].append(each)

    def order(level: tuple[str, str]) -> tuple[str, int, str]:
        playbook, severity = level
        plan = conditions.playbooks.get(playbook)
        is_known = plan is not None and plan.has_level(severity)
        return playbook, plan.level(severity).rank if plan is not None and is_known else 1_000, severity

    figures = (_level(level, by_level[level], period) for level in sorted(by_level, key=order))
    return tuple(each for each in figures if _has_data(each))


def _has_data(level: LevelFigures) -> bool:
    targets = any(target.met or target.missed for target in level.targets)
    return bool(level.occurrences or level.acknowledge.count or level.resolve.count or targets)


def _level(level: tuple[str, str], incidents: Sequence[MeasuredIncident], period: ReportPeriod) -> LevelFigures:
    began = [each for each in incidents if period.has(each.opened_at)]
    return LevelFigures(
        playbook=level[0],
        severity=level[1],
        incidents=sum(each.is_first for each in began),
        occurrences=len(began),
        acknowledge=to_acknowledge(incidents, period),
        resolve=to_resolve(incidents, period),
        detect=to_detect(incidents, period),
        targets=target_figures(incidents, period),
    )


def _groups(
    records: Records,
    period: ReportPeriod,
    now: int,
    name_of: Callable[[MeasuredIncident | MeasuredPage], str],
) -> tuple[GroupFigures, ...]:
    """Return the figures of each group with data in the period, those with the most incidents first."""
    by_name: defaultdict[str, list[MeasuredIncident]] = defaultdict(list)
    pages: defaultdict[str, int] = defaultdict(int)
    for each in records.incidents:
        by_name[name_of(each)].append(each)
    for page in records.pages:
        if period.has(page.at):
            pages[name_of(page)] += 1
    groups = []
    for name in by_name.keys() | pages.keys():
        incidents = by_name[name]
        began = [each for each in incidents if period.has(each.opened_at)]
        figures = GroupFigures(
            name=name,
            incidents=sum(each.is_first for each in began),
            occurrences=len(began),
            between=between_failures(began, period, records.since, now),
            acknowledge=to_acknowledge(incidents, period),
            resolve=to_resolve(incidents, period),
            detect=to_detect(incidents, period),
            pages=pages[name],
        )
        if began or figures.acknowledge.count or figures.resolve.count or figures.pages:
            groups.append(figures)
    return tuple(sorted(groups, key=lambda each: (-each.incidents, -each.occurrences, each.name)))


def _goals(
    records: Records, period: ReportPeriod, conditions: Conditions, levels: Iterable[LevelFigures]
) -> Iterable[GoalFigure]:
    for name, plan in sorted(conditions.playbooks.items()):
        if plan.goals is None or conditions.only.playbook not in (None, name):
            continue
        own = [each for each in records.incidents if each.playbook == name]
        count = sum(each.is_first and period.has(each.opened_at) for each in own)
        yield from goal_figures(
            name,
            plan.goals,
            {level.severity: level.resolve for level in levels if level.playbook == name},
            to_detect(own, period),
            a_month(count, period, records.since, conditions.now),
            post_mortem_figures([duty for duty in records.duties if duty.playbook == name], period, conditions.now),
        )


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


def _noisiest(records: Records, period: ReportPeriod) -> tuple[NoisyLine, ...]:
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


def _trend(records: Records, period: ReportPeriod, conditions: Conditions) -> tuple[int, tuple[TrendPoint, ...]]:
    """Return the days of a point, and the points of the part of the period that has passed."""
    step = next(days for days in (1, 7) if period.days <= days * POINTS)
    days = [period.first_day + timedelta(days=number) for number in range(0, period.days, step)]
    starts = [midnight(day, period.time_zone) for day in days]
    days = [day for day, starts_at in zip(days, starts, strict=True) if starts_at <= conditions.now]
    ends = [*starts[1:], period.ends_at]

    def parts(items: Iterable[T], at_of: Callable[[T], int | None]) -> list[list[T]]:
        """Return the items of each point."""
        by_point: list[list[T]] = [[] for _ in starts]
        for item in items:
            if period.has(at := at_of(item)):
                by_point[bisect_right(starts, at or 0) - 1].append(item)
        return by_point

    began = parts(records.incidents, lambda each: each.opened_at)
    acknowledged = parts(records.incidents, lambda each: each.acknowledged_at)
    ended = parts(records.incidents, lambda each: each.resolved_at)
    paged = parts(records.pages, lambda page: page.at)
    points = []
    for number, day in enumerate(days):
        part = replace(period, starts_at=starts[number], ends_at=ends[number])
        people = person_figures(paged[number], part, conditions.zones)
        points.append(
            TrendPoint(
                first_day=day,
                incidents=sum(each.is_first for each in began[number]),
                acknowledge_seconds=to_acknowledge(acknowledged[number], part).seconds,
                resolve_seconds=to_resolve(ended[number], part).seconds,
                pages=sum(each.pages for each in people),
                at_night=sum(each.at_night for each in people),
            )
        )
    return step, tuple(points)
