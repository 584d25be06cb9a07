"""PagerDuty's rate limit for one integration key, with a share reserved for pages."""

from collections import deque

WINDOW = 60_000_000
"""PagerDuty measures over a sliding minute (microseconds)."""


class Quota:
    """The events of one integration key.

    Above its limit PagerDuty refuses every event, a page as well as the resolve
    of an old one. Acknowledgments and resolves therefore leave a quarter of the
    limit to pages.
    """

    def __init__(self, events_per_minute: int) -> None:
        self._informing = max(1, events_per_minute * 3 // 4)
        self._recent: deque[int] = deque()

    def page(self, now: int) -> None:
        """Count a page, which is sent in any case: PagerDuty may accept more than it documents."""
        self._forget(now)
        self._recent.append(now)

    def wait(self, now: int) -> int | None:
        """Count an acknowledgment or a resolve; return how long it has to wait in microseconds, None for not at all."""
        self._forget(now)
        over = len(self._recent) - self._informing
        if over >= 0:
            return max(1, self._recent[over] + WINDOW - now)
        self._recent.append(now)
        return None

    def _forget(self, now: int) -> None:
        while self._recent and self._recent[0] <= now - WINDOW:
            self._recent.popleft()
        while self._recent and self._recent[-1] > now:  # the clock was set back
            self._recent.pop()
