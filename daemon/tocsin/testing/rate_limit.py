"""A rate limit as providers keep it: so many calls in a window of time, for each key."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable


class RateLimit:
    """At most ``calls`` in any ``seconds``, for each key by itself; a refused call does not count."""

    def __init__(self, calls: int | None, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """``calls`` None: no limit, for tests of something else."""
        self.calls = calls
        self._seconds = seconds
        self._now = now
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def wait(self, key: str) -> int | None:
        """Count a call; return None where it is within the limit, else the whole seconds after which one is."""
        if self.calls is None:
            return None
        recent, now = self._recent[key], self._now()
        while recent and recent[0] <= now - self._seconds:
            recent.popleft()
        if len(recent) < self.calls:
            recent.append(now)
            return None
        return max(1, math.ceil(recent[0] + self._seconds - now))
