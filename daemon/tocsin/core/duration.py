"""Durations as people say them."""

from tocsin.core.playbook import DAY, HOUR, MINUTE, SECOND

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


def duration(microseconds: int) -> str:
    """Return a duration in its two largest units: ``3 d``, ``1 h 30 min``, ``45 s``.

    What is smaller is dropped: ``1 h 5 min`` may be up to a minute longer. Less than a second is ``0 s``.
    """
    rest = max(0, microseconds)
    parts: list[str] = []
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
        elif parts:  # the unit after the largest is none: what is smaller still says nothing
            break
    return " ".join(parts[:2]) or "0 s"
