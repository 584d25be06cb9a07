"""Parsing of the times in a webhook."""

from datetime import UTC, datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
"""Maximum length of a time, in characters: the fraction of a second may be arbitrarily long, and results are cached."""


@lru_cache(maxsize=1024)
def microseconds(text: str) -> int | None:
    """Return an RFC 3339 time in microseconds since the epoch, UTC.

    Digits beyond microseconds are dropped. The result is None for the year 1, Go's
    zero time, and for any other time that is not after the epoch. A time without an
    offset counts as UTC. `datetime.fromisoformat` is written in C and three times as
    fast as slicing in Python.

    Raises:
        ValueError: The text is not such a time.
    """
    if len(text) > _LONGEST:
        raise ValueError("too long for a time")
    at = datetime.fromisoformat(text)
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return max(0, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) or None
