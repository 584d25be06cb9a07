"""Time, as the store tells it."""

from typing import Protocol


class Clock(Protocol):
    """The one clock: read once a unit of work, then carried as ``now``."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC; never less than the last answer."""
        ...
