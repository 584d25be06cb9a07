"""The clock of the daemon, which also dates the rows of the store."""

from typing import Protocol


class Clock(Protocol):
    """The only clock: read once per unit of work, then passed on as ``now``."""

    def now(self) -> int:
        """Return microseconds since the epoch, UTC; never less than the last result."""
        ...
