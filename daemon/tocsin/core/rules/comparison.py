"""Differences between two verdicts on one alert, for every comparison of rule sets."""

import msgspec

from tocsin.core.duration import duration
from tocsin.core.rules.verdict import Verdict

FIELDS = (
    "playbook",
    "severity",
    "service",
    "team",
    "dedup_key",
    "flags",
    "suppress",
    "heartbeat",
    "hold",
    "resolve_after",
    "asks",
    "unrouted",
)
"""The compared fields: those that decide who is notified, when and about what."""

_DURATIONS = frozenset({"hold", "resolve_after"})


class Difference(msgspec.Struct, frozen=True, order=True):
    """A field with different values in two verdicts, as text for people."""

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field} {self.before} -> {self.after}"


def differences(before: Verdict, after: Verdict, fields: tuple[str, ...] = FIELDS) -> tuple[Difference, ...]:
    """Return the fields whose values differ; empty if the verdicts agree."""
    return tuple(
        Difference(field, _shown(field, old_value), _shown(field, new_value))
        for field in fields
        if (old_value := getattr(before, field)) != (new_value := getattr(after, field))
    )


def _shown(field: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if field in _DURATIONS and isinstance(value, int):
        return duration(value)
    return "none" if value in (None, "") else str(value)
