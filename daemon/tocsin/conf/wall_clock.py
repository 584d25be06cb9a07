"""Days, times of the day and of the week, dates, times and time zones as people write them."""

import re
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from tocsin.conf.schema import mistake
from tocsin.core.errors import WindowError
from tocsin.core.schedule.recurrence import FIRST_YEAR, LAST_YEAR, expect_year
from tocsin.core.suggestions import did_you_mean

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS_HINT = "write for example Mon-Fri, or Mon, Wed, Fri"
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_TIME_HINT = 'write hours and minutes, in quotes: "09:00"'
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_LOCAL_HINT = 'write the time on the wall clock of the time zone, in quotes: "2026-11-01 09:00"'
_WEEK_HINT = 'write for example "09:00" for every day, or "Mon 09:00"'
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_HINT = 'write year, month and day, in quotes: "2026-12-25"'


def _weekdays(value: object) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise mistake("days of the week are expected here", _DAYS_HINT)
    result: set[int] = set()
    for part in parts:
        first, _, last = (piece.strip() for piece in part.partition("-"))
        begins = _weekday(first)
        ends = _weekday(last) if last or "-" in part else begins
        result |= {(begins + step) % 7 for step in range((ends - begins) % 7 + 1)}
    return tuple(sorted(result))


def _weekday(text: str) -> int:
    try:
        return DAYS.index(text.capitalize())
    except ValueError:
        raise mistake(f"{text!r} is not a day of the week", did_you_mean(text, DAYS)) from None


def _minutes(value: object) -> int:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise mistake("is not a time of the day", _TIME_HINT)
    return int(match[1]) * 60 + int(match[2]) if match[1] else 24 * 60


def format_minutes(minutes: int) -> str:
    """Return a time of day in the form of the files."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _iso_date(value: object) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise mistake("is not a date", _DATE_HINT)
    try:
        result = date.fromisoformat(value)
    except ValueError:
        raise mistake(f"there is no day {value}", _DATE_HINT) from None
    if not FIRST_YEAR <= result.year <= LAST_YEAR:
        raise mistake(f"the year {result.year} is out of reach", f"write one from {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _local(value: object) -> datetime:
    if not isinstance(value, str) or not _LOCAL.fullmatch(value):
        raise mistake(f"{value!r} is not a time", _LOCAL_HINT)
    try:
        result = datetime.fromisoformat(value)
        expect_year(result)
    except WindowError as error:
        raise mistake(str(error), error.hint) from None
    except ValueError:
        raise mistake(f"there is no time {value}", _LOCAL_HINT) from None
    return result


_WEEK = timedelta(days=7)


def _times_of_the_week(value: object) -> tuple[timedelta, ...]:
    pieces = value if isinstance(value, list | tuple) else [value]
    result: list[timedelta] = []
    for piece in pieces:
        if not isinstance(piece, str):
            raise mistake(f"{piece!r} is not a time of the week", _WEEK_HINT)
        days, _, clock = piece.rpartition(" ")
        at = _minutes(clock)
        # Sunday's 24:00 is Monday's 00:00.
        result += [timedelta(days=day, minutes=at) % _WEEK for day in (_weekdays(days) if days else range(7))]
    if not result or len(set(result)) < len(result):
        raise mistake("names no time" if not result else "names a time twice", _WEEK_HINT)
    return tuple(sorted(result))


def _known_zone(value: str) -> str:
    if value not in zones():
        raise mistake(f"there is no time zone {value!r}", did_you_mean(value, zones()))
    return value


@cache
def zones() -> frozenset[str]:
    """Return the names of the IANA database."""
    return frozenset(available_timezones())


def _text(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


Weekdays = Annotated[
    tuple[int, ...],
    BeforeValidator(_weekdays),
    PlainSerializer(lambda days: [DAYS[day] for day in days], when_used="json"),
    WithJsonSchema(
        {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, "examples": ["Mon-Fri", "Sat, Sun"]}
    ),
]
"""Written as ``Mon-Fri`` or ``Mon, Wed``; Monday is 0."""
TimeOfDay = Annotated[
    int,
    BeforeValidator(_minutes),
    PlainSerializer(format_minutes, when_used="json"),
    _text(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["09:00"]),
]
"""Written as ``09:00``, in the code minutes since midnight; ``24:00`` is the end of the day."""
Day = Annotated[str, BeforeValidator(_iso_date), _text(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-25"])]
"""A date: ``2026-12-25``."""
TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""A name of the IANA database: ``Europe/Berlin``."""
Local = Annotated[
    datetime, BeforeValidator(_local), PlainSerializer(str, when_used="json"), _text(examples=["2026-11-01 09:00"])
]
"""Written as ``2026-11-01 09:00``; another key has the time zone."""
WeekTimes = Annotated[
    tuple[timedelta, ...],
    BeforeValidator(_times_of_the_week),
    PlainSerializer(lambda times: [str(at) for at in times], when_used="json"),
    WithJsonSchema(
        {
            "type": ["string", "array"],
            "items": {"type": "string"},
            "minItems": 1,
            "examples": [["Mon 09:00", "Fri 17:00"]],
        }
    ),
]
"""Written as ``Mon 09:00``, or ``09:00`` for every day; in the code times since Monday's midnight, ascending."""
