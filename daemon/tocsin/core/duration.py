"""Durations as people say them."""

from tocsin.core.playbook import HOUR, MINUTE, SECOND


def duration(microseconds: int) -> str:
    """A duration as people say it: ``1 h 30 m``, ``45 s``."""
    parts = []
    rest = microseconds
    for unit, name in ((HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts) or "0 s"
