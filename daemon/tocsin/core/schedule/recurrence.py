"""Recurring spans: an RRULE of RFC 5545 on the wall clock of a time zone.

An occurrence begins when the wall clock shows its time. A time that the wall clock skips when it goes forward is read
with the offset from before the skip: 02:30 begins at 03:30. If the wall clock shows a time twice, the first one counts.
The RFC requires both. The duration of an occurrence is elapsed time, not the difference on the clock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from tocsin.core.duration import DAY, MINUTE
from tocsin.core.errors import WindowError
from tocsin.core.schedule.rrule import LAST_DAY, WEEKDAYS, RRule, parse, split_parts

SHORTEST = MINUTE
"""Minimum length of one window."""
LONGEST = 31 * DAY
"""Maximum length of one window; use a rule to silence alerts for longer."""

MAX_COUNT = 10_000
"""Maximum value of COUNT."""
MAX_COUNTED = 200_000
"""Maximum number of periods and times that are examined to find the time at which COUNT is reached."""
MAX_A_DAY = 24
"""Maximum number of times a day of a window or a reminder; an event of a calendar may recur more often."""
FIRST_YEAR, LAST_YEAR = 2000, LAST_DAY.year
"""The years in which a window or a reminder may start."""
LOOKED_AHEAD = timedelta(days=366 * 10)
"""Range of the search for the first time: a rule without a time in this range counts as one that never matches."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 32 * DAY
"""Size of the parts of the time line whose spans are cached."""
_MARGIN = timedelta(days=2)
"""More than the difference between any wall clock and UTC."""
_CHECKED = 400
"""Number of occurrences in which a span without gaps is looked for."""

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?", re.ASCII)
_ONLY_WITH = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY",),
    "BYMONTHDAY": ("DAILY", "MONTHLY", "YEARLY"),
    "BYSETPOS": ("MONTHLY", "YEARLY"),
}
"""Part -> the frequencies with which the part may be used: by the RFC, or because it would choose from one day."""
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Span(NamedTuple):
    """A half-open interval in microseconds."""

    starts_at: int
    ends_at: int


def moment(local: datetime, zone: tzinfo) -> int:
    """Return the time at which the wall clock of ``zone`` shows ``local`` (without a zone): microseconds, UTC."""
    return (local.replace(tzinfo=zone, fold=0).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def expect_year(local: datetime) -> None:
    """Require a year in a realistic range, far from the limits of the calendar.

    Raises:
        WindowError: The year is out of range.
    """
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise WindowError(f"the year {local.year} is out of reach", f"write one from {FIRST_YEAR} to {LAST_YEAR}")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Recurring spans that all have the same length.

    Raises:
        WindowError: The rule cannot be used; ``hint`` shows the correct form.
    """

    rule: str
    """The value of an RRULE, as it was written."""
    starts: datetime
    """DTSTART, on the wall clock: no span begins before this time."""
    zone: tzinfo
    duration: int
    """The length of each span, in microseconds."""
    last: datetime | None = field(init=False, repr=False, compare=False, default=None)
    """The last possible start of a span (by UNTIL or COUNT); None: no limit."""

    def __post_init__(self) -> None:
        expect_year(self.starts)
        _expect_usable(split_parts(self.rule))
        rule = _parsed(self.rule)
        _expect_most("INTERVAL", rule.interval, 366)
        _expect_most("COUNT", rule.count or 1, MAX_COUNT)
        _expect_possible(rule, self.starts)
        object.__setattr__(self, "last", self._last(_until(rule.until, self.zone)))
        if next(self._local(self.starts, self.starts + LOOKED_AHEAD), None) is None:
            raise WindowError("the rrule names no time within ten years of `starts`", "check its BY... parts")
        self._expect_gaps()

    def spans(self, after: int, before: int) -> Iterator[Span]:
        """Yield the spans that overlap (after, before), the earliest first."""
        for number in range((after - self.duration) // _BLOCK, before // _BLOCK + 1):
            for span in _block(self, number):
                if span.starts_at < before and span.ends_at > after:
                    yield span

    def _last(self, until: datetime | None) -> datetime | None:
        rule = _parsed(self.rule)
        if rule.count is None:
            return until
        return rule.last_of(self.starts, MAX_COUNTED)[0]

    def _local(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the starts of the spans from ``after`` to ``until``, on the wall clock."""
        last = until if self.last is None else min(until, self.last)
        return _parsed(self.rule).between(self.starts, after, last)

    def _begin(self, after: datetime, until: datetime) -> Iterator[int]:
        return (moment(local, self.zone) for local in self._local(after, until))

    def _expect_gaps(self) -> None:
        """Refuse spans without gaps that last too long together: pages would be held back for no visible reason."""
        begins = ends = None
        for number, at in enumerate(self._begin(self.starts, self.starts + LOOKED_AHEAD)):
            if ends is None or begins is None or at > ends:
                begins = at
            ends = at + self.duration
            if ends - begins > LONGEST:
                hint = "shorten `duration`, or let the rrule name fewer days"
                raise WindowError("each time begins before the one before is over: it would never end", hint)
            if number >= _CHECKED:
                return


@lru_cache(maxsize=4096)
def _parsed(rule: str) -> RRule:
    return parse(rule)


@lru_cache(maxsize=4096)
def _block(recurrence: Recurrence, number: int) -> tuple[Span, ...]:
    """Return the spans that begin within a block of time; cached, because COUNT is evaluated from the start."""
    begins, ends = number * _BLOCK, (number + 1) * _BLOCK
    after = _EPOCH.replace(tzinfo=None) + timedelta(microseconds=begins)
    result = {
        at
        for at in recurrence._begin(after - _MARGIN, after + timedelta(microseconds=_BLOCK) + _MARGIN)  # noqa: SLF001
        if begins <= at < ends
    }
    return tuple(Span(at, at + recurrence.duration) for at in sorted(result))


def _expect_usable(parts: dict[str, str]) -> None:
    """Refuse rules that are allowed in a calendar but not in a window.

    Raises:
        WindowError: The rule recurs too often, or has parts that cannot be used together.
    """
    _expect_frequency(parts.get("FREQ"))
    if "BYSECOND" in parts:
        raise WindowError("the rrule has BYSECOND, which cannot be used here", "remove it: it begins at whole minutes")
    for name, frequencies in _ONLY_WITH.items():
        if name in parts and parts["FREQ"] not in frequencies:
            raise WindowError(f"{name} means nothing with FREQ={parts['FREQ']}", f"use FREQ={frequencies[-1]}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise WindowError("the rrule has both COUNT and UNTIL", "remove one")
    a_day = (parts.get("BYHOUR", "0").count(",") + 1) * (parts.get("BYMINUTE", "0").count(",") + 1)
    if a_day > MAX_A_DAY:
        raise WindowError(f"the rrule comes {a_day} times a day", f"at most {MAX_A_DAY}: BYHOUR times BYMINUTE")


def _expect_frequency(frequency: str | None) -> None:
    known = f"write one of {', '.join(_FREQUENCIES)}"
    if frequency is None:
        raise WindowError("the rrule has no FREQ", known)
    if frequency in _TOO_OFTEN:
        raise WindowError(f"FREQ={frequency} comes too often", f"{known}; BYHOUR names hours of a day")
    if frequency not in _FREQUENCIES:
        raise WindowError(f"there is no FREQ={frequency}", known)


def _expect_most(name: str, number: int, most: int) -> None:
    if number > most:
        raise WindowError(f"{name} cannot be {number}", f"write 1 to {most}")


def _expect_possible(rule: RRule, starts: datetime) -> None:
    """Refuse rules that obviously never match.

    Raises:
        WindowError: The rule names a day that no month has, or every nth week on a weekday other than its first.
    """
    days = [abs(day) for day in rule.month_days]
    if rule.months and days and min(days) > max(_LONGEST_MONTHS[month - 1] for month in rule.months):
        raise WindowError("none of the months of BYMONTH has a day of BYMONTHDAY", "change one of them")
    weekdays = [weekday for _, weekday in rule.weekdays]
    is_weekly = rule.frequency == "DAILY" and rule.interval % 7 == 0
    if is_weekly and weekdays and starts.weekday() not in weekdays:
        hint = f"write BYDAY={WEEKDAYS[starts.weekday()]}, or FREQ=WEEKLY"
        raise WindowError("counted in whole weeks from `starts`, it never falls on a day of BYDAY", hint)


def _until(text: str, zone: tzinfo) -> datetime | None:
    """Return UNTIL on the wall clock; the RFC requires a time in UTC, but people write the local time."""
    if not text:
        return None
    hint = "write for example UNTIL=20271231, or UNTIL=20271231T020000 in the window's own time zone"
    if not _UNTIL.fullmatch(text):
        raise WindowError(f"UNTIL cannot be {text}", hint)
    try:
        local = datetime.fromisoformat(text.removesuffix("Z"))
        if "T" not in text:
            return local + timedelta(days=1, microseconds=-1)
    except (ValueError, OverflowError):
        raise WindowError(f"UNTIL cannot be {text}: there is no such time", hint) from None
    if not text.endswith("Z"):
        return local
    return local.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
