"""The times in a webhook."""

from datetime import UTC, datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
"""Characters of a time. Any number of digits of a second is legal, and what is read is kept for a while."""


@lru_cache(maxsize=1024)
def microseconds(text: str) -> int | None:
    """Return an RFC 3339 time in microseconds since the epoch, UTC.

    Finer digits are cut. None for the year 1, which is how Go says "no time",
    and for whatever else does not lie after the epoch. A time without offset is taken as UTC.
    `datetime.fromisoformat` is C and three times as fast as slicing by hand.

    Raises:
        ValueError: It is no such time.
    """
    if len(text) > _LONGEST:
        raise ValueError("longer than a time can be")
    at = datetime.fromisoformat(text)
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return max(0, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) or None
