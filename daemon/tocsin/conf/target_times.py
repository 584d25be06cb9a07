"""Times that follow from a severity's targets: ``respond_within``, ``2 x respond_within``, ``respond_within + 2m``."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated

from pydantic import WithJsonSchema

from tocsin.conf.duration import DURATION_SCHEMA, Duration
from tocsin.conf.settings import Span
from tocsin.core.duration import format_duration, parse_duration
from tocsin.core.suggestions import did_you_mean

_TARGET_SCHEMA = {
    "type": "string",
    "pattern": "^([0-9]{1,3}(\\.[0-9]{1,2})? ?x ?)?(respond_within|acknowledge_within|resolve_within)$",
    "examples": ["respond_within", "2 x respond_within"],
}
_EITHER = WithJsonSchema({"anyOf": [DURATION_SCHEMA, _TARGET_SCHEMA]})
TimeOrTarget = Annotated[Duration, _EITHER]
"""A duration; a playbook's file may name a target instead, which `conf.playbooks.targets` replaces."""
SpanOrTarget = Annotated[Span, _EITHER]
"""A duration like `TimeOrTarget`, but not zero."""

_TERM = re.compile(r"(?:([0-9]{1,3}(?:\.[0-9]{1,2})?) ?x ?)?([a-z][a-z_]*)", re.ASCII)
_SUM = re.compile(r" ([+-]) ")


def follows_from_a_target(text: object) -> bool:
    """Return whether a text contains the name of a target, even of an unknown one."""
    return isinstance(text, str) and any(_TERM.fullmatch(part) for part in _SUM.split(text)[::2])


def time_of(text: str, targets: Mapping[str, int]) -> int:
    """Return the microseconds of one term: a duration, a target, or a multiple of a target.

    Raises:
        ValueError: The text is none of these; the message shows the expected form.
    """
    match = _TERM.fullmatch(text)
    if match is None:
        return parse_duration(text)
    factor, name = match.groups()
    if name not in targets:
        raise ValueError(f"names no target of this severity: {did_you_mean(name, targets)}")
    total = round(targets[name] * Fraction(factor or 1))
    return parse_duration(format_duration(total))


def sum_of(text: str, targets: Mapping[str, int]) -> int:
    """Return the microseconds of terms joined by `` + `` and `` - ``.

    Raises:
        ValueError: A term is not a time, or the sum is negative; the message shows the expected form.
    """
    first, *rest = _SUM.split(text)
    total = time_of(first, targets)
    for sign, term in zip(rest[::2], rest[1::2], strict=True):
        total += time_of(term, targets) * (1 if sign == "+" else -1)
    if total < 0:
        raise ValueError("is less than nothing")
    return total
