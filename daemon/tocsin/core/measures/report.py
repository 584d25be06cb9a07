"""The report of a period: its measures beside those of the period before, and what stands out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tocsin.core.measures import listing
from tocsin.core.measures.duties import (
    duty_figures,
    duty_groups,
    item_figures,
    post_mortem_figures,
    user_figures,
)
from tocsin.core.measures.figures import GoalFigure, GroupFigures, LevelFigures, Measures
from tocsin.core.measures.goals import RecoveryObjectives, a_month, goal_figures, recovery_figures
from tocsin.core.measures.listing import DutyLine, IncidentLine, NoisyLine
from tocsin.core.measures.people import page_figures, person_figures
from tocsin.core.measures.period import ReportPeriod
from tocsin.core.measures.records import MeasuredDuty, MeasuredIncident, MeasuredPage, Records
from tocsin.core.measures.times import between_failures, target_figures, to_acknowledge, to_detect, to_resolve
from tocsin.core.measures.trend import TrendPoint, trend_of
from tocsin.core.playbook.playbook import Playbook


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


class IncidentReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a period."""

    period: ReportPeriod
    previous_period: ReportPeriod
    is_over: bool
    """False if the period is still running: the figures are those until now."""
    made_at: int
    first_known_at: int | None
    """The start of the first stored incident: there are no data before it. Null if none is stored."""
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
    incidents, left_out = listing.newest(records, period)
    open_duties, open_duties_left_out = listing.open_duties(records.duties, min(period.ends_at, now + 1))
    trend_days, trend = trend_of(records, period, conditions.zones, now)
    return IncidentReport(
        period=period,
        previous_period=before,
        is_over=period.ends_at <= now,
        made_at=now,
        first_known_at=records.since,
        playbook=only.playbook,
        service=only.service,
        team=only.team,
        current=measures(records, period, conditions),
        previous=measures(records, before, conditions),
        incidents=incidents,
        left_out=left_out,
        slowest=listing.slowest(records, period),
        noisiest=listing.noisiest(records, period),
        open_duties=open_duties,
        open_duties_left_out=open_duties_left_out,
        trend=trend,
        trend_days=trend_days,
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
