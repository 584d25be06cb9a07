"""Times on a wall clock as people write them: ``09:00``, ``Mon 09:00``, ``2026-11-01 09:00``, ``Mon-Fri``."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from tocsin.conf.schema import did_you_mean, mistake
from tocsin.core.errors import WindowError
from tocsin.core.recurrence import expect_year

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = timedelta(days=1)

_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_LOCAL_HINT = 'write the time on the wall clock of the time zone, in quotes: "2026-11-01 09:00"'
_CLOCK_HINT = 'write it in quotes: "09:00"'
_DAYS_HINT = "write Mon-Fri, or [Mon, Wed]"


@cache
def zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


def read_zone(value: object) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        PydanticCustomError: There is none.
    """
    if not isinstance(value, str):
        raise mistake("a time zone is wanted here", "write for example Europe/Berlin")
    if value not in zones():
        raise mistake(f"there is no time zone {value!r}", did_you_mean(value, zones()))
    return ZoneInfo(value)


def read_local(value: object) -> datetime:
    """A time on the wall clock, without a zone.

    Raises:
        PydanticCustomError: It is none.
    """
    if not isinstance(value, str) or not _LOCAL.fullmatch(value):
        raise mistake(f"{value!r} is no time", _LOCAL_HINT)
    try:
        found = datetime.fromisoformat(value)
        expect_year(found)
    except WindowError as error:
        raise mistake(str(error), error.hint) from None
    except ValueError:
        raise mistake(f"there is no time {value}", _LOCAL_HINT) from None
    return found


def read_clock(value: object) -> timedelta:
    """A time of the day, counted from midnight. ``24:00`` is its end.

    Raises:
        PydanticCustomError: It is none.
    """
    if not isinstance(value, str) or not (match := _CLOCK.fullmatch(value)):
        raise mistake(f"{value!r} is no time of the day", _CLOCK_HINT)
    return timedelta(hours=int(match[1]), minutes=int(match[2])) if match[1] else DAY


def read_weekday(value: object) -> int:
    """A weekday; Monday is 0.

    Raises:
        PydanticCustomError: It is none.
    """
    if value not in WEEKDAYS:
        raise mistake(f"{value!r} is no weekday", did_you_mean(str(value), WEEKDAYS))
    return WEEKDAYS.index(str(value))


def read_days(value: object) -> frozenset[int]:
    """Weekdays: one, a span of them, or a list of both.

    Raises:
        PydanticCustomError: It is none.
    """
    pieces = value if isinstance(value, list | tuple) else [value]
    found: set[int] = set()
    for piece in pieces:
        if not isinstance(piece, str):
            raise mistake(f"{piece!r} is no weekday", _DAYS_HINT)
        first, dash, last = (part.strip() for part in piece.partition("-"))
        begin = read_weekday(first)
        length = (read_weekday(last) - begin) % 7 if dash else 0
        found |= {(begin + day) % 7 for day in range(length + 1)}
    if not found:
        raise mistake("names no day", _DAYS_HINT)
    return frozenset(found)


def read_week_times(value: object) -> tuple[timedelta, ...]:
    """Times of the week, counted from Monday's midnight, ascending: ``Mon 09:00``, or ``09:00`` for every day.

    Raises:
        PydanticCustomError: It is none.
    """
    pieces = value if isinstance(value, list | tuple) else [value]
    found: list[timedelta] = []
    for piece in pieces:
        if not isinstance(piece, str):
            raise mistake(f"{piece!r} is no time of the week", 'write "09:00" or "Mon 09:00"')
        days, _, clock = piece.rpartition(" ")
        at = read_clock(clock)
        found += [day * DAY + at for day in (read_days(days) if days else range(7))]
    if not found or len(set(found)) < len(found):
        raise mistake("names no time" if not found else "names a time twice", 'write "09:00" or "Mon 09:00"')
    return tuple(sorted(found))


def _typed(read: Callable[[object], Any], example: Any, kind: str | list[str] = "string") -> tuple[Any, ...]:
    schema: dict[str, Any] = {"type": kind, "examples": [example]}
    return BeforeValidator(read), PlainSerializer(str, when_used="json"), WithJsonSchema(schema)


_ZONE, _AT, _TIME = (
    _typed(read_zone, "Europe/Berlin"),
    _typed(read_local, "2026-11-01 09:00"),
    _typed(read_clock, "09:00"),
)
_SOME_DAYS = _typed(read_days, "Mon-Fri", ["string", "array"])
_WEEK = _typed(read_week_times, ["Mon 09:00", "Fri 17:00"], ["string", "array"])

Zone = Annotated[ZoneInfo, *_ZONE]
Local = Annotated[datetime, *_AT]
Clock = Annotated[timedelta, *_TIME]
Days = Annotated[frozenset[int], *_SOME_DAYS]
WeekTimes = Annotated[tuple[timedelta, ...], *_WEEK]
