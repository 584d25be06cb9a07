"""A clock that moves only when a test advances it."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


class VirtualClock:
    """Implements the clock's port. Starts on a Friday noon, UTC."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        self.start = microseconds(start)
        self._now = self.start

    def now(self) -> int:
        """Return microseconds since the epoch."""
        return self._now

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Advance by this duration."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) // _MICROSECOND

    def set(self, now: int) -> None:
        """Set the time; it may also go back, as real clocks do."""
        self._now = now

    @property
    def minutes(self) -> float:
        """Return the minutes since the start."""
        return (self._now - self.start) / 60_000_000
