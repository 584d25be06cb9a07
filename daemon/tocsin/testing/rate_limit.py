"""A rate limit as providers keep it: so many calls in a window of time, for each key."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection


class RateLimit:
    """A limit of ``calls`` in any ``seconds``, separately for each key; a refused call does not count."""

    def __init__(self, calls: int | None, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """Create a limit; ``calls`` None: unlimited, for tests of other behavior."""
        self.calls = calls
        self._seconds = seconds
        self._now = now
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def wait(self, key: str) -> int | None:
        """Count a call; return None if it is within the limit, else the whole seconds after which one is."""
        wait = self.excess(key)
        if wait is None and self.calls is not None:
            self._recent[key].append(self._now())
        return wait

    def excess(self, key: str) -> int | None:
        """Return what `wait` would return, without counting a call."""
        if self.calls is None:
            return None
        recent, now = self._recent[key], self._now()
        while recent and recent[0] <= now - self._seconds:
            recent.popleft()
        return None if len(recent) < self.calls else max(1, math.ceil(recent[0] + self._seconds - now))


def longest_wait(limits: Collection[RateLimit], key: str) -> int | None:
    """Count a call in each of these limits, unless one of them refuses it; return the longest wait."""
    waits = [wait for limit in limits if (wait := limit.excess(key)) is not None]
    if waits:
        return max(waits)
    for limit in limits:
        limit.wait(key)
    return None
