"""Settings that are durations (``15m``, ``1h30m``) or sizes (``16MiB``)."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from tocsin.conf.schema import mistake
from tocsin.core.duration import EXAMPLES, SECOND, format_duration, parse_duration

_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE_FORM = re.compile(r"(\d{1,9})(B|KiB|MiB|GiB)", re.ASCII)


def parse_size(text: str) -> int:
    """Return the number of bytes of a size such as ``16MiB``.

    Raises:
        ValueError: The text is not a size; the message shows the expected form.
    """
    match = _SIZE_FORM.fullmatch(text)
    if not match:
        raise ValueError("is not a size: write for example 512KiB or 16MiB")
    return int(match[1]) * _SIZES[match[2]]


def format_size(size: int) -> str:
    """Return the shortest text that `parse_size` reads as this number of bytes."""
    unit = next(unit for unit, factor in reversed(_SIZES.items()) if size % factor == 0)
    return f"{size // _SIZES[unit]}{unit}"


def _duration(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise mistake("a duration is expected here", EXAMPLES)
    if not isinstance(value, str):
        is_count = isinstance(value, int) and value >= 0
        hint = f"write {value}s for seconds, {value}m for minutes or {value}h for hours" if is_count else EXAMPLES
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
"""The texts that `parse_duration` accepts, as a JSON Schema."""
SIZE_SCHEMA: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{1,9}(B|KiB|MiB|GiB)$", "examples": ["16MiB"]}
"""The texts that `parse_size` accepts, as a JSON Schema."""

Duration = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema(DURATION_SCHEMA),
]
"""A setting written as ``15m``; microseconds in the code."""


def _at_least_a_second(value: int) -> int:
    if value < SECOND:
        raise mistake("must not be shorter than a second", "write for example 1m")
    return value


AtLeastASecond = Annotated[Duration, AfterValidator(_at_least_a_second)]
"""A duration of at least a second."""

Size = Annotated[
    int, BeforeValidator(_size), PlainSerializer(format_size, when_used="json"), WithJsonSchema(SIZE_SCHEMA)
]
"""A setting written as ``16MiB``; bytes in the code."""


NEVER = "never"


def _or_never(value: object) -> int | None:
    if value is None or value == NEVER:
        return None
    if value is False or (isinstance(value, str) and value.lower() in ("off", "no", "none")):
        raise mistake(f"a duration or {NEVER} is expected here", f"write {NEVER}")
    result = _duration(value)
    if result < SECOND:
        raise mistake("must be at least a second", f"write for example 30m, or {NEVER}")
    return result


DurationOrNever = Annotated[
    int | None,
    BeforeValidator(_or_never),
    PlainSerializer(lambda value: NEVER if value is None else format_duration(value), when_used="json"),
    WithJsonSchema({"anyOf": [{"const": NEVER}, DURATION_SCHEMA]}),
]
"""A setting written as ``30m`` or ``never``; None in the code means never."""
