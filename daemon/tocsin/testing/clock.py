"""A clock that stands still until it is told to go on."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """An aware moment as microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


class VirtualClock:
    """Implements the clock's port. Starts on a Friday noon, UTC."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        self.start = microseconds(start)
        self._now = self.start

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._now

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Go on by this much."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) // _MICROSECOND

    def set(self, now: int) -> None:
        """Go to this moment; back in time too, as clocks do."""
        self._now = now

    @property
    def minutes(self) -> float:
        """Minutes since it started."""
        return (self._now - self.start) / 60_000_000
