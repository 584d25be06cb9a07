"""RRULEs of RFC 5545 (3.3.10) on a wall clock, evaluated for any part of the time line.

Evaluation does not start at DTSTART: a query for next week takes the same time for a
rule that started in 1999 as for a rule that starts today, and a rule that never
matches takes no longer than another one. Only COUNT has to be counted from DTSTART, once (`last_of`).
"""

import re
from calendar import isleap, monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import product

from tocsin.core.errors import WindowError

MAX_TEXT = 500
"""Maximum length of a rule, in characters."""
MAX_A_DAY = 96
"""Maximum number of times a day of a rule: every quarter of an hour."""
MAX_SET = 4000
"""Maximum number of times of one period from which BYSETPOS may choose."""
LAST_DAY = date(2199, 12, 31)
"""The last day for which rules are evaluated."""

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PERIODS = {"YEARLY": 366, "MONTHLY": 31, "WEEKLY": 7, "DAILY": 1}
"""Frequency -> maximum number of days of one period."""
_SECONDS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_NUMBERS = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 60, False),
    "BYSETPOS": (1, 366, True),
}
"""Part -> (minimum, maximum, True if negative numbers count from the end)."""
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_NUMBERS)
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}", re.ASCII)
_HINT = "RFC 5545 has the parts of a recurrence rule; for example FREQ=WEEKLY;BYDAY=MO"
_DAY = timedelta(days=1)

Local = datetime
"""A time on a wall clock, without a time zone."""


@dataclass(frozen=True)
class RRule:
    """The parts of a rule. UNTIL is kept as text: its meaning depends on a time zone."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    weekdays: tuple[tuple[int, int], ...] = ()
    """(number within the month or year, 0 for every one; the weekday, Monday is 0)"""
    week_start: int = 0
    months: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Reject a rule whose evaluation would be too expensive.

        Raises:
            WindowError: It recurs too often, or BYSETPOS chooses from too many times.
        """
        if self.times_a_day > MAX_A_DAY:
            raise WindowError(f"it comes up to {self.times_a_day} times a day", f"at most {MAX_A_DAY} are read")
        if self.positions and self.times_a_day * _PERIODS.get(self.frequency, 1) > MAX_SET:
            raise WindowError("BYSETPOS chooses from too many times", f"at most {MAX_SET} of one period are read")

    @cached_property
    def times_a_day(self) -> int:
        """Maximum number of times on one day."""
        hours, minutes, seconds = len(self.hours), len(self.minutes), len(self.seconds)
        step = _SECONDS.get(self.frequency)
        if step is None:
            return max(1, hours) * max(1, minutes) * max(1, seconds)
        most = -(-86400 // (step * self.interval))
        if step == 3600:
            return min(hours or 24, most) * max(1, minutes) * max(1, seconds)
        if step == 60:
            return min((hours or 24) * (minutes or 60), most) * max(1, seconds)
        return min((hours or 24) * (minutes or 60) * (seconds or 60), most)

    def between(self, starts: Local, first: Local, last: Local) -> Iterator[Local]:
        """Yield the rule's times from ``first`` to ``last``, both included, the earliest first. COUNT is not applied.

        ``starts`` is DTSTART: times before it are left out.
        """
        first = max(first, starts)
        if last < first:
            return
        for times in self._periods(starts, first.date(), min(last.date(), LAST_DAY)):
            for local in times:
                if first <= local <= last:
                    yield local

    def last_of(self, starts: Local, most_work: int) -> tuple[Local | None, int]:
        """Return (the time at which COUNT is reached, the number of periods and times examined).

        The time is None if COUNT is never reached. A DTSTART that the rule does not name is not counted: the
        RFC leaves that open, and one shift too many is better than one too few.

        Raises:
            WindowError: More than ``most_work`` would have to be examined.
        """
        remaining = self.count or 0
        last = starts
        work = 0
        for times in self._periods(starts, starts.date(), LAST_DAY):
            for local in times:
                if remaining > 0 and local >= starts:
                    last, remaining = local, remaining - 1
            work += 1 + len(times)
            if remaining <= 0:
                return last, work
            if work >= most_work:
                raise WindowError(f"its COUNT of {self.count} takes too long to count", "write UNTIL in its place")
        return None, work

    def _periods(self, starts: Local, first: date, last: date) -> Iterator[list[Local]]:
        """Yield the times of each period; without BYSETPOS only those from ``first`` to ``last``."""
        if self.frequency in _SECONDS:
            yield from self._periods_of_days(starts, first, last)
            return
        rule = self._completed(starts)
        times = [time(*parts) for parts in rule._times(starts)]  # noqa: SLF001 - an instance of the same class
        for begins, ends in rule._spans(starts.date(), first, last):  # noqa: SLF001
            if not rule.positions:
                begins, ends = max(begins, first), min(ends, last)  # noqa: PLW2901 - the rest is not needed
            local_times = [datetime.combine(day, at) for day in rule._days(begins, ends) for at in times]  # noqa: SLF001
            yield rule._chosen(local_times)  # noqa: SLF001

    def _chosen(self, times: list[Local]) -> list[Local]:
        """Apply BYSETPOS."""
        if not self.positions:
            return times
        size = len(times)
        indexes = {position - 1 if position > 0 else size + position for position in self.positions}
        return [times[position] for position in sorted(indexes) if 0 <= position < size]

    def _completed(self, starts: Local) -> "RRule":
        """Return the rule with DTSTART's values for missing parts."""
        changes: dict[str, tuple[int, ...] | tuple[tuple[int, int], ...]] = {}
        if self.frequency in ("YEARLY", "MONTHLY") and not (self.weekdays or self.month_days or self.year_days):
            if self.week_numbers:
                changes["weekdays"] = ((0, starts.weekday()),)
            else:
                changes["month_days"] = (starts.day,)
                if self.frequency == "YEARLY" and not self.months:
                    changes["months"] = (starts.month,)
        if self.frequency == "WEEKLY" and not (self.weekdays or self.month_days or self.year_days or self.week_numbers):
            changes["weekdays"] = ((0, starts.weekday()),)
        return replace(self, **changes) if changes else self  # type: ignore[arg-type]  # each has its field's type

    def _times(self, starts: Local) -> list[tuple[int, int, int]]:
        """Return the times of a day, for rules that count in days or longer."""
        hours, minutes, seconds = self.hours or (starts.hour,), self.minutes or (starts.minute,), self.seconds
        times = product(hours, minutes, (min(second, 59) for second in seconds or (starts.second,)))
        return sorted(set(times))

    def _spans(self, starts: date, first: date, last: date) -> Iterator[tuple[date, date]]:
        """Yield the first and the last day of each period of the rule that overlaps ``first`` to ``last``."""
        step = self.interval
        if self.frequency == "YEARLY":
            for year in _multiples(first.year, last.year, starts.year, step):
                yield date(year, 1, 1), date(year, 12, 31)
        elif self.frequency == "MONTHLY":
            for number in _multiples(_month(first), _month(last), _month(starts), step):
                year, month = divmod(number, 12)
                yield date(year, month + 1, 1), date(year, month + 1, monthrange(year, month + 1)[1])
        elif self.frequency == "WEEKLY":
            offset = 1 + self.week_start  # ordinal 1 is a Monday
            first_week, last_week, start_week = ((day.toordinal() - offset) // 7 for day in (first, last, starts))
            for number in _multiples(first_week, last_week, start_week, step):
                begins = date.fromordinal(max(1, number * 7 + offset))
                yield begins, begins + 6 * _DAY
        else:
            for number in _multiples(first.toordinal(), last.toordinal(), starts.toordinal(), step):
                yield date.fromordinal(number), date.fromordinal(number)

    def _days(self, begins: date, ends: date) -> Iterator[date]:
        """Yield the rule's days from ``begins`` to ``ends``."""
        day = begins
        while day <= ends:
            if self.months and day.month not in self.months:
                day = _next_month(day)
                continue
            if self._matches(day):
                yield day
            day += _DAY

    def _matches(self, day: date) -> bool:
        """Return whether all parts about days, except BYMONTH, match this day."""
        if self.month_days:
            length = monthrange(day.year, day.month)[1]
            if day.day not in self.month_days and day.day - length - 1 not in self.month_days:
                return False
        if self.year_days:
            number, length = day.timetuple().tm_yday, 366 if isleap(day.year) else 365
            if number not in self.year_days and number - length - 1 not in self.year_days:
                return False
        if self.weekdays and not self._is_weekday(day):
            return False
        return not self.week_numbers or self._is_week(day)

    def _is_weekday(self, day: date) -> bool:
        weekday = day.weekday()
        return any(weekday == named and (nth == 0 or nth in self._places(day)) for nth, named in self.weekdays)

    def _places(self, day: date) -> tuple[int, int]:
        """Return a day's number among the same weekdays of its month or year, from the start and from the end."""
        if self.frequency == "YEARLY" and not self.months:
            place, length = day.timetuple().tm_yday, 366 if isleap(day.year) else 365
        else:
            place, length = day.day, monthrange(day.year, day.month)[1]
        return (place - 1) // 7 + 1, -((length - place) // 7 + 1)

    def _is_week(self, day: date) -> bool:
        """Return whether BYWEEKNO names the week of a day; week 1 is the first with four days in the year."""
        begins = day - ((day.weekday() - self.week_start) % 7) * _DAY
        year = (begins + 3 * _DAY).year
        number = ((begins + 3 * _DAY).timetuple().tm_yday - 1) // 7 + 1
        weeks = _weeks(year, self.week_start)
        return number in self.week_numbers or number - weeks - 1 in self.week_numbers

    def _periods_of_days(self, starts: Local, first: date, last: date) -> Iterator[list[Local]]:
        """Yield the times of each day, for rules that count in hours, minutes or seconds."""
        day = first
        while day <= last:
            if (self.months and day.month not in self.months) or not self._matches(day):
                yield []
            else:
                yield self._times_of_day(starts, day)
            day += _DAY

    def _times_of_day(self, starts: Local, day: date) -> list[Local]:
        step = _SECONDS[self.frequency]
        midnight = datetime.combine(day, time())
        of_start = starts.hour * 3600 + starts.minute * 60 + starts.second
        offset = (day - starts.date()).days * 86400 - of_start // step * step
        local_times: list[Local] = []
        for unit in self._units(offset, step):
            at = midnight + timedelta(seconds=unit)
            minutes = self.minutes or (starts.minute,) if step == 3600 else (at.minute,)
            seconds = self.seconds or (starts.second,) if step >= 60 else (at.second,)
            times = sorted({(minute, min(second, 59)) for minute in minutes for second in seconds})
            local_times += self._chosen([at.replace(minute=minute, second=second) for minute, second in times])
        return local_times

    def _units(self, offset: int, step: int) -> list[int]:
        """Return the seconds of a day at which a matching unit (hour, minute, second) begins.

        ``offset`` is the time from the unit of DTSTART to the day's midnight.
        """
        stride = step * self.interval
        minutes = (0,) if step == 3600 else self.minutes or range(60)
        seconds = (0,) if step >= 60 else self.seconds or range(60)
        hours = self.hours or range(24)
        if len(hours) * len(minutes) * len(seconds) <= 86400 // stride:
            named = sorted(
                hour * 3600 + minute * 60 + second for hour, minute, second in product(hours, minutes, seconds)
            )
            return [unit for unit in named if (unit + offset) % stride == 0 and unit + offset >= 0]
        return [
            unit
            for unit in range(-offset if offset < 0 else -offset % stride, 86400, stride)
            if unit // 3600 in hours
            and (step == 3600 or unit // 60 % 60 in minutes)
            and (step > 1 or unit % 60 in seconds)
        ]


def _multiples(first: int, last: int, starts: int, step: int) -> range:
    """Return the numbers from ``first`` to ``last`` that are ``starts`` plus a multiple of ``step``."""
    begins = max(first, starts)
    return range(begins + (starts - begins) % step, last + 1, step)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _next_month(day: date) -> date:
    year, month = divmod(_month(day) + 1, 12)
    return date(year, month + 1, 1)


def _weeks(year: int, week_start: int) -> int:
    """Return the number of weeks in a year, if weeks begin on ``week_start``."""

    def first(of: int) -> date:
        fourth = date(of, 1, 4)
        return fourth - ((fourth.weekday() - week_start) % 7) * _DAY

    return (first(year + 1) - first(year)).days // 7


def parse(text: str) -> RRule:
    """Parse the value of an RRULE.

    Raises:
        WindowError: It is not valid or too expensive; ``hint`` says what to write.
    """
    parts = split_parts(text)
    frequency = parts.get("FREQ")
    if frequency is None:
        raise WindowError("the rrule has no FREQ", _HINT)
    if frequency not in _PERIODS and frequency not in _SECONDS:
        raise WindowError(f"there is no FREQ={frequency}", f"write one of {', '.join((*_PERIODS, *_SECONDS))}")
    numbers = {name: _numbers(name, parts[name]) for name in _NUMBERS if name in parts}
    return RRule(
        frequency=frequency,
        interval=_whole(parts, "INTERVAL") or 1,
        count=_whole(parts, "COUNT"),
        until=parts.get("UNTIL", ""),
        weekdays=_weekdays(parts.get("BYDAY", ""), frequency),
        week_start=_week_start(parts.get("WKST", "MO")),
        months=numbers.get("BYMONTH", ()),
        week_numbers=numbers.get("BYWEEKNO", ()),
        year_days=numbers.get("BYYEARDAY", ()),
        month_days=numbers.get("BYMONTHDAY", ()),
        hours=numbers.get("BYHOUR", ()),
        minutes=numbers.get("BYMINUTE", ()),
        seconds=numbers.get("BYSECOND", ()),
        positions=numbers.get("BYSETPOS", ()),
    )


def split_parts(text: str) -> dict[str, str]:
    """Return the parts of a rule, by name, in capitals; their values are not checked.

    Raises:
        WindowError: The text is too long, or a part is unknown, has no value or is repeated.
    """
    if len(text) > MAX_TEXT:
        raise WindowError(f"the rrule is longer than {MAX_TEXT} characters", _HINT)
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").strip(" ;").split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise WindowError(f"{part!r} is not a part of an rrule", _HINT)
        if name not in _PARTS:
            raise WindowError(f"the rrule has {name}, which cannot be used here", f"known: {', '.join(_PARTS)}")
        if name in parts:
            raise WindowError(f"the rrule has {name} twice", "remove one")
        parts[name] = value
    return parts


def _whole(parts: dict[str, str], name: str) -> int | None:
    text = parts.get(name)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text) or int(text) == 0:
        raise WindowError(f"{name} cannot be {text}", "write a whole number from 1 on")
    return int(text)


def _numbers(name: str, text: str) -> tuple[int, ...]:
    least, most, may_be_negative = _NUMBERS[name]
    numbers: list[int] = []
    for item in text.split(","):
        number = int(item) if _NUMBER.fullmatch(item.strip()) else None
        if number is None or not (least <= number <= most or (may_be_negative and -most <= number <= -least)):
            allowed = f"{least} to {most}" + (f", or -{most} to -{least} from the end" if may_be_negative else "")
            raise WindowError(f"{name} cannot be {item or 'empty'}", f"write {allowed}")
        numbers.append(number)
    return tuple(dict.fromkeys(numbers))


def _weekdays(text: str, frequency: str) -> tuple[tuple[int, int], ...]:
    weekdays: list[tuple[int, int]] = []
    for item in text.split(",") if text else ():
        match = _WEEKDAY.fullmatch(item.strip())
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise WindowError(f"BYDAY cannot be {item or 'empty'}", "write MO, TU, WE, TH, FR, SA or SU")
        if match[1] and frequency not in ("MONTHLY", "YEARLY"):
            raise WindowError(f"BYDAY cannot be {item} here", "a number before the day needs MONTHLY or YEARLY")
        weekdays.append((int(match[1] or 0), WEEKDAYS.index(match[2])))
    return tuple(dict.fromkeys(weekdays))


def _week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise WindowError(f"WKST cannot be {text}", "write MO, TU, WE, TH, FR, SA or SU")
    return WEEKDAYS.index(text)
