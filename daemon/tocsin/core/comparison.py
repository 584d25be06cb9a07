"""How two judgments of one alert differ, for everything that sets one set of rules against another."""

import msgspec

from tocsin.core.duration import duration
from tocsin.core.verdict import Verdict

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
"""What is compared: what decides who is told, when and about what."""

_DURATIONS = frozenset({"hold", "resolve_after"})


class Difference(msgspec.Struct, frozen=True, order=True):
    """One field that two verdicts fill differently, as text for people."""

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field} {self.before} -> {self.after}"


def differences(before: Verdict, after: Verdict, fields: tuple[str, ...] = FIELDS) -> tuple[Difference, ...]:
    """What the second says otherwise than the first; empty if they agree."""
    return tuple(
        Difference(field, _shown(field, was), _shown(field, is_))
        for field in fields
        if (was := getattr(before, field)) != (is_ := getattr(after, field))
    )


def _shown(field: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if field in _DURATIONS and isinstance(value, int):
        return duration(value)
    return "none" if value in (None, "") else str(value)
