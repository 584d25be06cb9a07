"""The trend of a report: the figures of each day or week of its period."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from tocsin.core.measures.people import person_figures
from tocsin.core.measures.period import ReportPeriod, midnight
from tocsin.core.measures.records import Records
from tocsin.core.measures.times import to_acknowledge, to_resolve
from tocsin.core.typed_replace import replace

T = TypeVar("T")

POINTS = 62
"""Maximum number of points of a trend."""


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one part of the period."""

    first_day: date
    incidents: int
    acknowledge_seconds: float | None
    resolve_seconds: float | None
    pages: int
    at_night: int


def trend_of(
    records: Records, period: ReportPeriod, zones: Mapping[str, str], now: int
) -> tuple[int, tuple[TrendPoint, ...]]:
    """Return the days of a point, and the points of the part of the period that has passed."""
    step = next(days for days in (1, 7) if period.days <= days * POINTS)
    days = [period.first_day + timedelta(days=number) for number in range(0, period.days, step)]
    starts = [midnight(day, period.time_zone) for day in days]
    days = [day for day, starts_at in zip(days, starts, strict=True) if starts_at <= now]
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
        people = person_figures(paged[number], part, zones)
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
