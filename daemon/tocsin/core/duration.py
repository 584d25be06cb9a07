"""Durations as text for people (``1 h 30 min``) and as written in files (``1h30m``), and units of time."""

import re

SECOND = 1_000_000
"""Microseconds. Every time and duration in the code is a whole number of microseconds."""
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EXAMPLES = "write for example 30s, 15m, 1h30m or 2d"

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))
_WRITTEN_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": SECOND // 1000}
_WRITTEN = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII)
_LONGEST = 3660 * DAY


def duration(microseconds: int) -> str:
    """Return a duration in its two largest units: ``3 d``, ``1 h 30 min``, ``45 s``.

    Smaller units are dropped: ``1 h 5 min`` may stand for up to a minute more. Less than a second is ``0 s``.
    """
    rest = max(0, microseconds)
    parts: list[str] = []
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
        elif parts:  # the second largest unit is zero: smaller ones would add no information
            break
    return " ".join(parts[:2]) or "0 s"


def parse_duration(text: str) -> int:
    """Return the microseconds of a written duration: days, hours, minutes, seconds, milliseconds, in this order.

    Raises:
        ValueError: The text is not a duration, or longer than ten years; the message shows the expected form.
    """
    match = _WRITTEN.fullmatch(text)
    if not match or not text:
        raise ValueError(f"is not a duration: {EXAMPLES}")
    total = sum(int(count) * unit for count, unit in zip(match.groups(), _WRITTEN_UNITS.values(), strict=True) if count)
    if total > _LONGEST:
        raise ValueError("is longer than ten years: write at most 3660d")
    return total


def format_duration(microseconds: int) -> str:
    """Return the shortest text that `parse_duration` reads as this; whole milliseconds, rounded down."""
    parts: list[str] = []
    rest = microseconds
    for unit, size in _WRITTEN_UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
