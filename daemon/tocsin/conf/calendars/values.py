"""Values of iCalendar properties (RFC 5545, 3.3): dates, times, durations and periods."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from tocsin.conf.calendars.content import Property

FIRST_YEAR, LAST_YEAR = 1583, 2199
"""The years that are accepted: the first is the first full year of the Gregorian calendar."""

_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?", re.ASCII)
_DURATION = re.compile(
    r"([+-]?)P(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?"
    r"(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,7})M)?(?:([0-9]{1,9})S)?)?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})?", re.ASCII)


class CalendarMoment(NamedTuple):
    """A date or a time as the file has it."""

    local: datetime
    """The wall clock time, without a time zone."""
    is_date: bool
    is_utc: bool
    tzid: str
    """The name of the time zone; empty if the value has none."""


class Period(NamedTuple):
    """A period: its start, and its end or its length."""

    begins: CalendarMoment
    ends: CalendarMoment | timedelta


def moment_of(text: str, tzid: str = "") -> CalendarMoment:
    """Read a DATE or DATE-TIME.

    Raises:
        ValueError: The text is not a date or time, or its year is out of range.
    """
    match = _TIME.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date or time")
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"the year {year} is out of reach")
    try:
        if match[4] is None:
            return CalendarMoment(datetime.combine(date(year, month, day), time()), is_date=True, is_utc=False, tzid="")
        at = time(int(match[4]), int(match[5]), min(int(match[6]), 59))  # a leap second is the one before
        return CalendarMoment(
            datetime.combine(date(year, month, day), at), False, bool(match[7]), "" if match[7] else tzid
        )
    except ValueError:
        raise ValueError(f"there is no date or time {text[:40]!r}") from None


def duration_of(text: str) -> timedelta:
    """Read a DURATION.

    Raises:
        ValueError: The text is not a duration.
    """
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()[1:]):
        raise ValueError(f"{text[:40]!r} is not a duration")
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups()[1:])
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if match[1] == "-" else length


def offset_of(text: str) -> timedelta:
    """Read a UTC-OFFSET.

    Raises:
        ValueError: The text is not an offset.
    """
    match = _OFFSET.fullmatch(text.strip())
    if match is None or int(match[2]) > 23 or int(match[3]) > 59 or int(match[4] or 0) > 59:
        raise ValueError(f"{text[:40]!r} is not an offset from UTC")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return -offset if match[1] == "-" else offset


def moment_in(prop: Property) -> CalendarMoment:
    """Read the only date or time of a property.

    Raises:
        ValueError: The property is not exactly one date or time.
    """
    return moment_of(prop.value, prop.parameters.get("TZID", ""))


def moments_in(prop: Property) -> list[CalendarMoment | Period]:
    """Read the dates, times and periods of a property.

    Raises:
        ValueError: A value is not a date, time or period.
    """
    tzid = prop.parameters.get("TZID", "")
    return [_moment_or_period(text, tzid) for text in prop.value.split(",") if text.strip()]


def _moment_or_period(text: str, tzid: str) -> CalendarMoment | Period:
    begins, is_period, ends = text.partition("/")
    if not is_period:
        return moment_of(begins, tzid)
    is_length = ends.strip().upper().lstrip("+-").startswith("P")
    return Period(moment_of(begins, tzid), duration_of(ends) if is_length else moment_of(ends, tzid))
