"""Durations and sizes as people write them: ``15m``, ``1h30m``, ``500ms``, ``16MiB``."""

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from tocsin.conf.schema import mistake

_UNITS = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}
_FORM = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII)
_LONGEST = 3660 * _UNITS["d"]

_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE_FORM = re.compile(r"(\d{1,9})(B|KiB|MiB|GiB)", re.ASCII)

_EXAMPLES = "write for example 30s, 15m, 1h30m or 2d"


def duration_pattern() -> str:
    """What a duration looks like, as a regular expression for editors."""
    return f"^(?=.){_FORM.pattern}$".replace("\\d", "[0-9]")


def parse_duration(text: str) -> int:
    """Microseconds of a duration: days, hours, minutes, seconds, milliseconds, in this order. ``0s`` is none.

    Raises:
        ValueError: It is no duration, or longer than ten years; the text says what to write.
    """
    match = _FORM.fullmatch(text)
    if not match or not text:
        raise ValueError(f"is not a duration: {_EXAMPLES}")
    total = sum(int(count) * unit for count, unit in zip(match.groups(), _UNITS.values(), strict=True) if count)
    if total > _LONGEST:
        raise ValueError("is longer than ten years")
    return total


def format_duration(microseconds: int) -> str:
    """The shortest text that `parse_duration` reads as this; whole milliseconds, rounded down."""
    parts: list[str] = []
    rest = microseconds
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Bytes of a size such as ``16MiB``.

    Raises:
        ValueError: It is none; the text says what to write.
    """
    match = _SIZE_FORM.fullmatch(text)
    if not match:
        raise ValueError("is not a size: write for example 512KiB or 16MiB")
    return int(match[1]) * _SIZES[match[2]]


def format_size(size: int) -> str:
    """The shortest text that `parse_size` reads as this."""
    unit = next(unit for unit, factor in reversed(_SIZES.items()) if size % factor == 0)
    return f"{size // _SIZES[unit]}{unit}"


def _duration(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise mistake("a duration is wanted here", _EXAMPLES)
    if not isinstance(value, str):
        is_count = isinstance(value, int) and value >= 0
        hint = f"write {value}s for seconds, {value}m for minutes or {value}h for hours" if is_count else _EXAMPLES
        raise mistake("a duration needs its unit", hint)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise mistake(str(error)) from None


def _size(value: object) -> int:
    if not isinstance(value, str):
        raise mistake("a size needs its unit", "write for example 512KiB or 16MiB")
    try:
        return parse_size(value)
    except ValueError as error:
        raise mistake(str(error)) from None


Duration = Annotated[int, BeforeValidator(_duration), PlainSerializer(format_duration, when_used="json")]
"""A setting written as ``15m``; microseconds in the code."""

Size = Annotated[int, BeforeValidator(_size), PlainSerializer(format_size, when_used="json")]
"""A setting written as ``16MiB``; bytes in the code."""
