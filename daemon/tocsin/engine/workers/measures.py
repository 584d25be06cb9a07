"""The gauges of the measures over the last 30 days. They contain no names of people, and only configured services."""

import asyncio
from collections.abc import Iterable, Iterator

import structlog

from tocsin.core.duration import DAY, MINUTE, SECOND
from tocsin.core.measures.duties import duty_groups, item_figures, post_mortem_figures, user_figures
from tocsin.core.measures.figures import GroupFigures, Measures
from tocsin.core.measures.period import ReportPeriod, local
from tocsin.core.measures.records import MeasuredDuty, Records
from tocsin.core.measures.report import ReportFilter, measures
from tocsin.core.playbook.playbook import Playbook
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Policy
from tocsin.engine.measuring.reading import Stored, TooLarge, read, records_of
from tocsin.engine.measuring.reports import conditions_of
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Limit

OVER = 30 * DAY
"""The period of the measures."""
EVERY = 2 * MINUTE
"""Interval of the computations."""

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]

_log = structlog.get_logger(__name__)


class MeasureGauges(Service):
    """The worker that computes the measures, every two minutes."""

    name = "measures"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer
        self._shown: Values = {}

    async def run_once(self) -> int | None:
        """Compute the measures once; return the time of the next computation."""
        now, policy = self._clock.now(), self._committer.live.policy
        period = last_days(now, policy.report_zone)
        try:
            stored = await read(self._committer.store, policy, period.starts_at, period.ends_at)
        except TooLarge as error:
            _log.warning("measures_skipped", error=str(error))
            self._committer.observer.count("limits_exceeded_total", limit=Limit.MEASURED_RECORDS)
            self._show({})
        else:
            # Thousands of records would hold up the event loop, and a thread of the store those who read.
            self._show(await asyncio.to_thread(_values, stored, period, policy, now))
        return now + EVERY

    def _show(self, values: Values) -> None:
        observer = self._committer.observer
        for (name, labels), value in values.items():
            observer.gauge(name, value, **dict(labels))
        for name, labels in self._shown.keys() - values.keys():
            observer.gauge(name, None, **dict(labels))
        self._shown = values


def last_days(now: int, zone: str) -> ReportPeriod:
    """Return the last 30 days, until now."""
    return ReportPeriod(
        name="the last 30 days",
        first_day=local(now - OVER + DAY, zone).date(),
        last_day=local(now, zone).date(),
        time_zone=zone,
        starts_at=now - OVER,
        ends_at=now + 1,
    )


def _values(stored: Stored, period: ReportPeriod, policy: Policy, now: int) -> Values:
    records = records_of(stored, policy)
    current = measures(records, period, conditions_of(policy, now, ReportFilter()))
    values: Values = {}
    for name, value, labels in (
        *_of_levels(current, policy),
        *_of_playbooks(records, current, period, policy, now),
        *_of_services(current, policy),
        *_of_people(current),
        *_of_goals(current),
    ):
        if value is not None:
            values[name, tuple(sorted(labels.items()))] = value
    return values


Item = tuple[str, float | None, dict[str, str]]
"""(name, value, labels) of a gauge; the value None is missing data."""


def _of_levels(current: Measures, policy: Policy) -> Iterator[Item]:
    by_level = {(level.playbook, level.severity): level for level in current.levels}
    for plan in policy.playbooks.values():
        for each in plan.levels:
            labels = {"playbook": plan.name, "severity": each.name}
            level = by_level.get((plan.name, each.name))
            yield "recent_incidents", level.incidents if level is not None else 0, labels
            if level is not None:
                yield "mttd_seconds", level.detect.seconds, labels
                for target in level.targets:
                    for outcome, count in (("met", target.met), ("missed", target.missed)):
                        yield "recent_targets", count, {**labels, "target": target.target, "outcome": outcome}


def _of_playbooks(
    records: Records, current: Measures, period: ReportPeriod, policy: Policy, now: int
) -> Iterator[Item]:
    groups = {group.name: group for group in current.playbooks}
    for name, plan in policy.playbooks.items():
        labels = {"playbook": name}
        yield "mtbf_seconds", _between(groups.get(name)), labels
        own = [each for each in records.incidents if each.playbook == name]
        yield "recent_affected_users", user_figures(own, period).total, labels
        duties = [duty for duty in records.duties if duty.playbook == name]
        items = item_figures(duties, period, now)
        yield "action_items_open", items.open, labels
        yield "action_items_overdue", items.overdue, labels
        due = post_mortem_figures(duties, period, now)
        for outcome, count in (("in_time", due.in_time), ("late", due.late), ("waived", due.waived)):
            yield "recent_post_mortems", count, {**labels, "outcome": outcome}
        yield from _of_duties(duties, plan, period, now)


def _of_duties(duties: Iterable[MeasuredDuty], plan: Playbook, period: ReportPeriod, now: int) -> Iterator[Item]:
    """Yield the gauges of the duties in the playbook, so that the number of names is bounded."""
    groups = {group.duty: group for group in duty_groups(duties, period, now)}
    names = [each.name for each in plan.duties.required] + [each.name for each in plan.duties.follow_ups]
    for name in names:
        group, labels = groups.get(name), {"playbook": plan.name, "duty": name}
        for outcome in ("in_time", "late", "waived"):
            yield "recent_duties", 0 if group is None else getattr(group, outcome), {**labels, "outcome": outcome}
        yield "duties_open", 0 if group is None else group.open, labels
        yield "duties_overdue", 0 if group is None else group.overdue, labels


def _of_services(current: Measures, policy: Policy) -> Iterator[Item]:
    groups = {group.name: group for group in current.services}
    for name in policy.objectives:
        yield "service_mtbf_seconds", _between(groups.get(name)), {"service": name}
    for each in current.recovery:
        for outcome, count in (("met", each.met), ("missed", each.missed), ("unknown", each.unknown)):
            labels = {"service": each.service, "objective": each.objective, "outcome": outcome}
            yield "recent_recoveries", count, labels


def _of_people(current: Measures) -> Iterator[Item]:
    pages = current.pages
    yield "recent_pages", pages.pages - pages.at_night, {"time": "day"}
    yield "recent_pages", pages.at_night, {"time": "night"}
    yield "recent_people_paged", pages.people, {}
    yield "recent_disturbed_nights", pages.nights, {}
    yield "recent_pages_of_busiest_person", max((each.pages for each in current.people), default=0), {}


def _of_goals(current: Measures) -> Iterator[Item]:
    for goal in current.goals:
        labels = {"playbook": goal.playbook, "goal": goal.goal, "severity": goal.severity}
        yield "goal_met", None if goal.met is None else float(goal.met), labels
        if goal.goal in ("mttr", "mttd"):
            yield "goal_seconds", goal.limit, labels
        elif goal.goal == "incidents_a_month":
            yield "goal_incidents_a_month", goal.limit, {"playbook": goal.playbook}


def _between(group: GroupFigures | None) -> float | None:
    return None if group is None else group.between.seconds
