"""The limits of the Twilio stand-in: requests at the same time, and the queues of calls and messages.

Twilio accepts a call or a message at once and queues it: by default one call a second for an account, and one segment
a second for a sending number ("Call resource", "Error 21611"). Requests at the same time beyond the account's
concurrency are refused with 429 and error 20429; Twilio publishes no number for it.
"""

from collections import defaultdict
from collections.abc import Callable

CONCURRENT = 100
"""Maximum number of requests of an account at the same time; the number comes from reports of other users."""
CALLS_A_SECOND = 1
SEGMENTS_A_SECOND = 1
"""The rate of a long code; a message can have several segments."""
LONGEST_QUEUE = 36_000
"""Seconds of segments that a number's queue holds; a shorter validity period of a message shortens it."""


class Queue:
    """The queues of several senders, each of which is emptied at a fixed rate."""

    def __init__(self, a_second: float | None, now: Callable[[], float]) -> None:
        """Create the queues; ``a_second`` None: nothing ever waits, for tests of other behavior."""
        self._a_second = a_second
        self._now = now
        self._free_at: dict[str, float] = defaultdict(float)

    def wait(self, sender: str) -> float:
        """Return the seconds that the next call or message of a sender would wait."""
        return max(0.0, self._free_at[sender] - self._now())

    def add(self, sender: str, size: int) -> float:
        """Queue a call or message; return the seconds that it waits."""
        wait = self.wait(sender)
        if self._a_second is not None:
            self._free_at[sender] = self._now() + wait + size / self._a_second
        return wait
