"""Durations and sizes as people write them: ``15m``, ``1h30m``, ``500ms``, ``16MiB``."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

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


DURATION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": "^(?=.)([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$",
    "examples": ["30s", "15m", "1h30m", "2d"],
}
"""What `parse_duration` reads, as a JSON Schema."""
SIZE_SCHEMA: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{1,9}(B|KiB|MiB|GiB)$", "examples": ["16MiB"]}
"""What `parse_size` reads, as a JSON Schema."""

Duration = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema(DURATION_SCHEMA),
]
"""A setting written as ``15m``; microseconds in the code."""

Size = Annotated[
    int, BeforeValidator(_size), PlainSerializer(format_size, when_used="json"), WithJsonSchema(SIZE_SCHEMA)
]
"""A setting written as ``16MiB``; bytes in the code."""


NEVER = "never"


def _or_never(value: object) -> int | None:
    if value is None or value == NEVER:
        return None
    if value is False or (isinstance(value, str) and value.lower() in ("off", "no", "none")):
        raise mistake(f"a duration or {NEVER} is wanted here", f"write {NEVER}")
    found = _duration(value)
    if found < _UNITS["s"]:
        raise mistake("must be at least a second", f"write for example 30m, or {NEVER}")
    return found


DurationOrNever = Annotated[
    int | None,
    BeforeValidator(_or_never),
    PlainSerializer(lambda value: NEVER if value is None else format_duration(value), when_used="json"),
    WithJsonSchema({"anyOf": [{"const": NEVER}, DURATION_SCHEMA]}),
]
"""A setting written as ``30m`` or ``never``; None in the code where it is never."""
