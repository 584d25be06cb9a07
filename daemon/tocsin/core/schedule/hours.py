"""Business hours: the days and times at which deferrable steps are carried out.

The wall clock of a time zone decides, so that 09:00 is 09:00 before and after
a change to summer time. A time that the wall clock skips is read with the
offset from before the skip; if the wall clock shows a time twice, the first one counts.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
A_DAY = 24 * 60
"""Number of minutes of a day; as a time of day, the midnight at the end of the day."""
LOOKED_AHEAD = 366
"""Maximum number of days to the next opening; a step that would wait longer is carried out at once."""


class Hours(StrEnum):
    """Times at which a step may be carried out."""

    ALWAYS = "always"
    BUSINESS = "business"
    """Within the playbook's business hours; outside of these, the step waits until they open."""


class BusinessHours(msgspec.Struct, frozen=True, kw_only=True):
    """The same hours on some days of the week, except holidays."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Monday is 0."""
    opens: int = 9 * 60
    """Minutes since midnight on the wall clock."""
    closes: int = 17 * 60
    """Minutes since midnight on the wall clock, more than ``opens``; the minute ``closes`` itself is outside."""
    time_zone: str = "UTC"
    """A name of the IANA database."""
    holidays: tuple[str, ...] = ()
    """Dates that are closed all day, such as ``2026-12-25``."""

    def are_open(self, at: int) -> bool:
        """Return whether ``at`` is within business hours. All times are microseconds since the epoch, UTC."""
        return self.opening(at) == at

    def opening(self, at: int) -> int:
        """Return the first time within business hours that is not before ``at``.

        If they do not open for more than a year, return ``at``: a page at a bad time is
        better than no page.
        """
        for opens, closes in self._open_periods(at):
            if at < closes:
                return max(at, opens)
        return at

    def _open_periods(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield (opens, closes) for each day with business hours, beginning with the day of ``at``."""
        today = (_EPOCH + at * _MICROSECOND).astimezone(_zone(self.time_zone)).date()
        for ahead in range(LOOKED_AHEAD + 1):
            day = today + timedelta(days=ahead)
            if day.weekday() in self.days and day.isoformat() not in self.holidays:
                opens, closes = _moment(day, self.opens, self.time_zone), _moment(day, self.closes, self.time_zone)
                if opens < closes:
                    yield opens, closes


@lru_cache(maxsize=1024)
def _moment(day: date, minutes: int, zone: str) -> int:
    """Return the time that is ``minutes`` after the midnight of ``day`` on the wall clock of ``zone``."""
    midnight = datetime.combine(day, time(), _zone(zone))
    # Adding to a datetime with a zone moves its wall clock, not the elapsed time.
    return (((midnight + timedelta(minutes=minutes)).astimezone(UTC)) - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    """Return the zone; UTC if this machine's time zone database does not have the name any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
