"""What comes again: an RRULE of RFC 5545 on the wall clock of a time zone.

An occurrence begins when the wall clock shows its time. A time that the wall
clock skips (the night it goes forward) is read with the offset from before the
skip, so 02:30 begins where 03:30 stands; a time that it shows twice means the
first. Both are the RFC's own readings. The duration is time that passes, not
what the clock shows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from tocsin.core.errors import WindowError
from tocsin.core.playbook import DAY, MINUTE
from tocsin.core.rrule import RRule, parse

SHORTEST = MINUTE
LONGEST = 31 * DAY
"""Of one window: whatever is to be quiet for longer is a matter for a rule."""

MAX_TEXT = 500
MAX_COUNT = 10_000
MAX_COUNTED = 200_000
"""How much work it may be to count as far as COUNT."""
MAX_A_DAY = 24
FIRST_YEAR, LAST_YEAR = 2000, 2199
LOOKED_AHEAD = timedelta(days=366 * 10)
"""A rule that names no time within ten years names none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 32 * DAY
_MARGIN = timedelta(days=2)
"""No wall clock is further from UTC than this."""
_CHECKED = 400
"""How many occurrences are looked at for a gap between them."""

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_NUMBERS = {
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYSETPOS": (1, 366, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
}
"""Part -> (least, most, whether the negative of it, counted from the end, may stand as well)."""
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?", re.ASCII)
_ONLY_WITH = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY",),
    "BYMONTHDAY": ("DAILY", "MONTHLY", "YEARLY"),
    "BYSETPOS": ("MONTHLY", "YEARLY"),
}
"""As the RFC has it; BYSETPOS would pick from a single day."""
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_NUMBERS)


class Span(NamedTuple):
    """From a moment until before another, in microseconds."""

    starts_at: int
    ends_at: int


def moment(local: datetime, zone: tzinfo) -> int:
    """When the wall clock of ``zone`` shows ``local``, which has no zone of its own: microseconds, UTC."""
    return (local.replace(tzinfo=zone, fold=0).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def expect_year(local: datetime) -> None:
    """Want a time that somebody may live to see, far from where the calendar ends.

    Raises:
        WindowError: It is none.
    """
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise WindowError(f"the year {local.year} is out of reach", f"write one from {FIRST_YEAR} to {LAST_YEAR}")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Spans of one length that come again and again.

    Raises:
        WindowError: It cannot be used; ``hint`` says what to write instead.
    """

    rule: str
    """The value of an RRULE, as it was written."""
    starts: datetime
    """DTSTART, on the wall clock: nothing begins earlier."""
    zone: tzinfo
    duration: int
    """In microseconds."""
    last: datetime | None = field(init=False, repr=False, compare=False, default=None)
    """No beginning is later (UNTIL, COUNT)."""

    def __post_init__(self) -> None:
        expect_year(self.starts)
        parts = _parts(self.rule)
        _expect_possible(parts, self.starts)
        object.__setattr__(self, "last", self._last(_until(parts.get("UNTIL"), self.zone)))
        if next(self._local(self.starts, self.starts + LOOKED_AHEAD), None) is None:
            raise WindowError("the rrule names no time within ten years of `starts`", "check its BY... parts")
        self._expect_gaps()

    def spans(self, after: int, before: int) -> Iterator[Span]:
        """The spans that overlap (after, before), the earliest first."""
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
        """Yield when it begins, on the wall clock, from ``after`` to ``until``."""
        last = until if self.last is None else min(until, self.last)
        return _parsed(self.rule).between(self.starts, after, last)

    def _begin(self, after: datetime, until: datetime) -> Iterator[int]:
        return (moment(local, self.zone) for local in self._local(after, until))

    def _expect_gaps(self) -> None:
        """Refuse what never ends: those who are paged would never be again, and nobody would see why."""
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
    """The spans that begin within a piece of the time line; worked out once, as a rule is walked from its start."""
    begins, ends = number * _BLOCK, (number + 1) * _BLOCK
    after = _EPOCH.replace(tzinfo=None) + timedelta(microseconds=begins)
    found = {
        at
        for at in recurrence._begin(after - _MARGIN, after + timedelta(microseconds=_BLOCK) + _MARGIN)  # noqa: SLF001
        if begins <= at < ends
    }
    return tuple(Span(at, at + recurrence.duration) for at in sorted(found))


def _parts(text: str) -> dict[str, str]:
    """The parts of a rule, each checked by itself.

    Raises:
        WindowError: One is unknown, twice there, or has a value that the RFC does not allow or that comes too often.
    """
    example = "write for example FREQ=WEEKLY;BYDAY=SU"
    if len(text) > MAX_TEXT:
        raise WindowError(f"the rrule is longer than {MAX_TEXT} characters", example)
    found: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise WindowError(f"{part!r} is no part of an rrule", example)
        if name not in _PARTS:
            raise WindowError(f"the rrule has {name}, which cannot be used here", f"known: {', '.join(_PARTS)}")
        if name in found:
            raise WindowError(f"the rrule has {name} twice", "remove one")
        found[name] = value
    _check_frequency(found.get("FREQ"))
    _check_together(found)
    return found


def _check_together(found: dict[str, str]) -> None:
    for name, value in found.items():
        if found["FREQ"] not in _ONLY_WITH.get(name, _FREQUENCIES):
            raise WindowError(f"{name} means nothing with FREQ={found['FREQ']}", f"use FREQ={_ONLY_WITH[name][-1]}")
        if name in _NUMBERS:
            _check_numbers(name, value)
    _check_whole(found, "INTERVAL", 366)
    _check_whole(found, "COUNT", MAX_COUNT)
    _check_weekdays(found)
    if "COUNT" in found and "UNTIL" in found:
        raise WindowError("the rrule has both COUNT and UNTIL", "remove one")
    a_day = (found.get("BYHOUR", "0").count(",") + 1) * (found.get("BYMINUTE", "0").count(",") + 1)
    if a_day > MAX_A_DAY:
        raise WindowError(f"the rrule comes {a_day} times a day", f"at most {MAX_A_DAY}: BYHOUR times BYMINUTE")


def _check_frequency(frequency: str | None) -> None:
    known = f"write one of {', '.join(_FREQUENCIES)}"
    if frequency is None:
        raise WindowError("the rrule has no FREQ", known)
    if frequency in _TOO_OFTEN:
        raise WindowError(f"FREQ={frequency} comes too often", f"{known}; BYHOUR names hours of a day")
    if frequency not in _FREQUENCIES:
        raise WindowError(f"there is no FREQ={frequency}", known)


def _expect_possible(parts: dict[str, str], starts: datetime) -> None:
    """Refuse what would be looked for day by day until the year 9999.

    Raises:
        WindowError: It asks for a day that no month has, or in every nth week for a weekday other than its first.
    """
    months = [int(text) for text in parts.get("BYMONTH", "").split(",") if text]
    days = [abs(int(text)) for text in parts.get("BYMONTHDAY", "").split(",") if text]
    if months and days and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise WindowError("none of the months of BYMONTH has a day of BYMONTHDAY", "change one of them")
    weekdays = parts.get("BYDAY", "").split(",")
    weekly = parts["FREQ"] == "DAILY" and int(parts.get("INTERVAL", "1")) % 7 == 0
    if weekly and weekdays != [""] and _DAYS[starts.weekday()] not in weekdays:
        hint = f"write BYDAY={_DAYS[starts.weekday()]}, or FREQ=WEEKLY"
        raise WindowError("counted in whole weeks from `starts`, it never falls on a day of BYDAY", hint)


def _check_numbers(name: str, value: str) -> None:
    least, most, signed = _NUMBERS[name]
    for text in value.split(","):
        number = _number(text)
        if number is None or not (least <= number <= most or (signed and -most <= number <= -least)):
            allowed = f"{least} to {most}" + (f", or -{most} to -{least} from the end" if signed else "")
            raise WindowError(f"{name} cannot be {text or 'empty'}", f"write {allowed}")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,3}", text, re.ASCII) else None


def _check_whole(found: dict[str, str], name: str, most: int) -> None:
    text = found.get(name, "1")
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= most):
        raise WindowError(f"{name} cannot be {text}", f"write 1 to {most}")


def _check_weekdays(found: dict[str, str]) -> None:
    days = "write MO, TU, WE, TH, FR, SA or SU"
    if found.get("WKST", "MO") not in _DAYS:
        raise WindowError(f"WKST cannot be {found['WKST']}", days)
    for text in found["BYDAY"].split(",") if "BYDAY" in found else ():
        match = _WEEKDAY.fullmatch(text)
        if match is None:
            raise WindowError(f"BYDAY cannot be {text or 'empty'}", days)
        if match[1] is not None and (found["FREQ"] not in ("MONTHLY", "YEARLY") or not 1 <= abs(int(match[1])) <= 53):
            hint = "a number before the day (1SU, -1FR) counts within FREQ=MONTHLY or FREQ=YEARLY"
            raise WindowError(f"BYDAY cannot be {text} here", hint)


def _until(text: str | None, zone: tzinfo) -> datetime | None:
    """UNTIL on the wall clock; the RFC wants it in UTC, people write it as they write ``starts``."""
    if text is None:
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
