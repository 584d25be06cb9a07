"""Delays between retries."""

from tocsin.core.duration import SECOND

FIRST = 1 * SECOND
"""Delay after the first attempt."""
LONGEST = 60 * SECOND
"""Maximum delay."""


def delay(attempt: int, jitter: float, first: int = FIRST, longest: int = LONGEST) -> int:
    """Return the microseconds to wait before attempt number ``attempt`` + 1.

    The delay doubles from ``first`` up to ``longest``. ``jitter`` in [0, 1) spreads
    it over its upper half, so that many rows are not retried at the same moment.
    """
    ceiling = min(longest, first << min(attempt - 1, 20))
    return ceiling // 2 + int(ceiling / 2 * jitter)
