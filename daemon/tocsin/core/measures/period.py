"""Periods of a report: whole days on the wall clock of a time zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from tocsin.core.errors import InvalidValue

LONGEST_DAYS = 400
"""Maximum length of a period, in days: resolved incidents are kept for so long."""
FIRST_YEAR, LAST_YEAR = 2000, 2199

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ReportPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A period from the midnight at the start of its first day to the midnight at the end of its last day."""

    name: str
    """The name for people: ``November 2026``."""
    first_day: date
    last_day: date
    """The last day, which belongs to the period."""
    time_zone: str
    """A name of the IANA database: its wall clock decides where a day begins."""
    starts_at: int
    ends_at: int
    """The first microsecond after the period."""
    months: int = 0
    """Number of calendar months, if it consists of whole ones; else 0."""

    @property
    def days(self) -> int:
        """Return the number of days."""
        return (self.last_day - self.first_day).days + 1

    def has(self, at: int | None) -> bool:
        """Return whether a time is in the period; None is not."""
        return at is not None and self.starts_at <= at < self.ends_at

    def days_begun(self, now: int) -> int:
        """Return the number of its days of which a part has passed by ``now``."""
        return max(0, (min(_local_day(now - 1, self.time_zone), self.last_day) - self.first_day).days + 1)


def month(text: str, zone: str) -> ReportPeriod:
    """Return the month of a text such as ``2026-11``.

    Raises:
        InvalidValue: The text is not a month.
    """
    match = _MONTH.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR or not 1 <= int(match[2]) <= 12:
        raise InvalidValue(f"{text[:64]!r} is not a month; write for example 2026-11")
    return _of_months(date(int(match[1]), int(match[2]), 1), 1, zone)


def between(first: str, last: str, zone: str) -> ReportPeriod:
    """Return the period from the first to the last day, such as ``2026-11-01`` and ``2026-11-30``; both belong to it.

    Raises:
        InvalidValue: A text is not a day, the last day is before the first one, or the period is too long.
    """
    first_day, last_day = _day(first), _day(last)
    if last_day < first_day:
        raise InvalidValue(f"the last day, {last_day}, is before the first day, {first_day}; exchange them")
    if (last_day - first_day).days >= LONGEST_DAYS:
        raise InvalidValue(f"the period has more than {LONGEST_DAYS} days; choose a shorter one")
    return _of_days(first_day, last_day, zone)


def month_of(at: int, zone: str) -> ReportPeriod:
    """Return the month that contains a time."""
    return _of_months(_local_day(at, zone).replace(day=1), 1, zone)


def months_before(at: int, months: int, zone: str) -> ReportPeriod:
    """Return the period of that many whole months before the month that contains a time."""
    this_month = _local_day(at, zone).replace(day=1)
    return _of_months(_plus_months(this_month, -months), months, zone)


def previous(period: ReportPeriod) -> ReportPeriod:
    """Return the period of the same length just before: as many months or, if it has no whole months, days."""
    if period.months:
        return _of_months(_plus_months(period.first_day, -period.months), period.months, period.time_zone)
    return _of_days(
        period.first_day - timedelta(days=period.days), period.first_day - timedelta(days=1), period.time_zone
    )


def expect_begun(period: ReportPeriod, now: int) -> None:
    """Check that a period has begun.

    Raises:
        InvalidValue: It lies in the future.
    """
    if period.starts_at > now:
        today = _local_day(now, period.time_zone)
        raise InvalidValue(f"{period.name} has not begun: today is {today} ({period.time_zone})")


def midnight(day: date, zone: str) -> int:
    """Return the time at which a day begins on the wall clock of a zone, in microseconds since the epoch."""
    return (datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) - _EPOCH) // _MICROSECOND


def local(at: int, zone: str) -> datetime:
    """Return a time on the wall clock of a zone."""
    return (_EPOCH + at * _MICROSECOND).astimezone(ZoneInfo(zone))


def day_of(at: int, zone: str) -> str:
    """Return the day that contains a time, such as ``2026-11-30``."""
    return _local_day(at, zone).isoformat()


def _local_day(at: int, zone: str) -> date:
    return local(at, zone).date()


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidValue(f"{text[:64]!r} is not a day; write for example 2026-11-30")
    return day


def _plus_months(first: date, months: int) -> date:
    years, month_index = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(years, month_index + 1, 1)


def _of_months(first: date, months: int, zone: str) -> ReportPeriod:
    last = _plus_months(first, months) - timedelta(days=1)
    if months == 1:
        name = f"{first:%B %Y}"
    elif first.year == last.year:
        name = f"{first:%B} to {last:%B %Y}"
    else:
        name = f"{first:%B %Y} to {last:%B %Y}"
    return _of_days(first, last, zone, name=name, months=months)


def _of_days(first: date, last: date, zone: str, *, name: str = "", months: int = 0) -> ReportPeriod:
    return ReportPeriod(
        name=name or (f"{first}" if first == last else f"{first} to {last}"),
        first_day=first,
        last_day=last,
        time_zone=zone,
        starts_at=midnight(first, zone),
        ends_at=midnight(last + timedelta(days=1), zone),
        months=months,
    )
