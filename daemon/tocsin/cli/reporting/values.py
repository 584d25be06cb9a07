"""Values of a report, and their text for people."""

from dataclasses import dataclass
from enum import StrEnum

from tocsin.cli.output import micros
from tocsin.core.duration import SECOND, duration
from tocsin.core.schedule.moments import moment

NO_DATA = "-"
"""The text of missing data."""
WHOLE_FROM = 100
"""Number from which a count is shown without decimals."""


class Unit(StrEnum):
    """The unit of a value."""

    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"
    TIMES = "times"
    """A multiple, such as 1.5 times the mean."""
    MOMENT = "time"
    TEXT = "text"


@dataclass(frozen=True)
class Value:
    """A value with its unit, and the value of the previous period if the two are compared."""

    raw: float | str | None
    unit: Unit = Unit.COUNT
    previous: float | None = None
    is_compared: bool = False
    style: str = ""
    """The style on a terminal, such as ``red``."""


def compared(raw: float | None, previous: float | None, unit: Unit = Unit.COUNT) -> Value:
    """Return a value beside that of the previous period."""
    return Value(raw, unit, previous, is_compared=True)


def shown(value: Value, zone: str) -> str:
    """Return a value as text, with that of the previous period in parentheses."""
    return " ".join(filter(None, parts(value, zone)))


def parts(value: Value, zone: str) -> tuple[str, str]:
    """Return a value as text, and that of the previous period in parentheses; "" if the two are not compared."""
    previous = f"({plain(value.previous, value.unit, zone)})" if value.is_compared else ""
    return plain(value.raw, value.unit, zone), previous


def plain(raw: float | str | None, unit: Unit, zone: str) -> str:
    """Return a raw value as text."""
    if raw is None:
        return NO_DATA
    if isinstance(raw, str):
        return moment(micros(raw), zone) if unit is Unit.MOMENT else raw
    match unit:
        case Unit.SECONDS:
            return duration(round(raw * SECOND))
        case Unit.SHARE:
            return f"{raw:.0%}"
        case Unit.TIMES:
            return f"{raw:.1f} x"
        case _:
            return f"{raw:,.0f}" if raw == round(raw) or raw >= WHOLE_FROM else f"{raw:,.2f}"
