"""Business hours: the days and times at which a step that can wait is carried out.

The wall clock of a time zone decides, so that 09:00 is 09:00 on both sides of
a change to summer time. A time that the wall clock skips is read with the
offset from before the skip, one that it shows twice means the first.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
A_DAY = 24 * 60
"""Minutes; as a time of the day, the midnight at its end."""
LOOKED_AHEAD = 366
"""Days that may be closed one after the other; what waited for longer would be forgotten."""


class Hours(StrEnum):
    """When a step may be carried out."""

    ALWAYS = "always"
    BUSINESS = "business"
    """Within the playbook's business hours; outside of them it waits for the next opening."""


class BusinessHours(msgspec.Struct, frozen=True, kw_only=True):
    """The same hours on some days of the week, but for holidays."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Monday is 0."""
    opens: int = 9 * 60
    """Minutes since midnight, as the wall clock shows them."""
    closes: int = 17 * 60
    """Likewise, later than ``opens``; the moment itself is outside."""
    time_zone: str = "UTC"
    """A name of the IANA database."""
    holidays: tuple[str, ...] = ()
    """``2026-12-25``: closed all day."""

    def are_open(self, at: int) -> bool:
        """Whether ``at`` is within them. Microseconds since the epoch, UTC, as everywhere here."""
        return self.opening(at) == at

    def opening(self, at: int) -> int:
        """The first moment from ``at`` on that is within them: ``at`` itself if it is.

        Where there is none for more than a year it is ``at``: rather a page at
        a bad time than none.
        """
        for opens, closes in self._spells(at):
            if at < closes:
                return max(at, opens)
        return at

    def _spells(self, at: int) -> Iterator[tuple[int, int]]:
        """(opens, closes) of the days from ``at``'s on, those that have any time between the two."""
        today = (_EPOCH + at * _MICROSECOND).astimezone(_zone(self.time_zone)).date()
        for ahead in range(LOOKED_AHEAD + 1):
            day = today + timedelta(days=ahead)
            if day.weekday() in self.days and day.isoformat() not in self.holidays:
                opens, closes = _moment(day, self.opens, self.time_zone), _moment(day, self.closes, self.time_zone)
                if opens < closes:
                    yield opens, closes


@lru_cache(maxsize=1024)
def _moment(day: date, minutes: int, zone: str) -> int:
    """When the wall clock of ``zone`` shows so many minutes after midnight of ``day``."""
    midnight = datetime.combine(day, time(), _zone(zone))
    # Adding to a datetime that has a zone moves its wall clock, not time.
    return (((midnight + timedelta(minutes=minutes)).astimezone(UTC)) - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
