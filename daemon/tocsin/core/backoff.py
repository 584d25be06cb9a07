"""How long to wait before trying again."""

SECOND = 1_000_000

FIRST = 1 * SECOND
LONGEST = 60 * SECOND


def delay(attempt: int, jitter: float, first: int = FIRST, longest: int = LONGEST) -> int:
    """Microseconds until attempt number ``attempt`` + 1.

    Doubles from ``first`` up to ``longest``; ``jitter`` in [0, 1) spreads the
    result over its upper half, so that many rows do not come back at once.
    """
    ceiling = min(longest, first << min(attempt - 1, 20))
    return ceiling // 2 + int(ceiling / 2 * jitter)
