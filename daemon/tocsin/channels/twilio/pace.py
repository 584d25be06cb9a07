"""Twilio's queue of one sending number, which empties by so many segments a second.

Twilio accepts messages faster than it sends them, and sends them in order: a page that is accepted behind a hundred
other messages reaches the person minutes later. Other messages therefore wait here until the queue is empty.
"""

from tocsin.core.duration import SECOND

LONGEST = 36_000 * SECOND
"""Twilio queues messages for at most 10 hours; a longer estimate means that the clock was set back."""


class Pace:
    """An estimate of the queue, from the segments of messages."""

    def __init__(self, segments_per_second: int) -> None:
        self._each = SECOND // segments_per_second
        self._empty_at = 0

    def wait(self, now: int) -> int | None:
        """Return the microseconds until the queue is empty; None if it is empty now."""
        wait = self._empty_at - now
        return wait if 0 < wait <= LONGEST else None

    def count(self, segments: int, now: int) -> None:
        """Count a message before it is sent, so that others sent at the same time wait for it."""
        self._empty_at = now + (self.wait(now) or 0) + segments * self._each

    def discount(self, segments: int) -> None:
        """Take back a message that Twilio has not accepted."""
        self._empty_at -= segments * self._each
