"""Times as text for people: in the reader's time zone, whose name is always shown."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tocsin.core.duration import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WRITTEN = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) UTC\b", re.ASCII)


def moment(at: int, zone: str = "UTC", now: int | None = None) -> str:
    """Return a time to the minute: ``2026-11-20 04:05 CET``.

    With ``now``, a day that is not today is named: ``Fri 2026-11-20 04:05 CET``.
    """
    local = _local(at, zone)
    return f"{_weekday(local, now, zone)}{local:%Y-%m-%d %H:%M} {_name(local)}"


def exact_moment(at: int, zone: str = "UTC", now: int | None = None) -> str:
    """Return a time to the second: ``2026-11-20 04:05:09 CET``; ``now`` as in `moment`."""
    local = _local(at, zone)
    return f"{_weekday(local, now, zone)}{local:%Y-%m-%d %H:%M:%S} {_name(local)}"


def clock_time(at: int, zone: str = "UTC") -> str:
    """Return a time of day: ``04:05``."""
    return f"{_local(at, zone):%H:%M}"


def zone_name(at: int, zone: str = "UTC") -> str:
    """Return the name of a time zone at a given time: ``CET``, ``UTC-03``."""
    return _name(_local(at, zone))


def short_moment(at: int, now: int, zone: str = "UTC") -> str:
    """Return a time without its date if that is today: ``04:05 CET``, else ``Fri 2026-11-20 04:05 CET``."""
    if not _is_today(_local(at, zone), now, zone):
        return moment(at, zone, now)
    return f"{clock_time(at, zone)} {zone_name(at, zone)}"


def in_zone(text: str, zone: str, now: int | None = None) -> str:
    """Return a text with each UTC time in it converted to a time zone; ``now`` as in `moment`."""
    if zone == "UTC" and now is None:
        return text
    return _WRITTEN.sub(lambda match: _translated(match, zone, now), text)


def _translated(match: "re.Match[str]", zone: str, now: int | None) -> str:
    try:
        at = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:  # such as February 31 in a note
        return match[0]
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return exact_moment(micros, zone, now) if match[1].count(":") > 1 else moment(micros, zone, now)


def _weekday(local: datetime, now: int | None, zone: str) -> str:
    return "" if now is None or _is_today(local, now, zone) else f"{_DAYS[local.weekday()]} "


def _is_today(local: datetime, now: int, zone: str) -> bool:
    return local.date() == _local(now, zone).date()


def _local(at: int, zone: str) -> datetime:
    zone_info = _zone(zone)
    utc = datetime.fromtimestamp(at // SECOND, UTC)
    try:
        return utc.astimezone(zone_info)
    except OverflowError:  # a time at the end of the calendar, which an alert may contain
        return utc


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # an incident may name a zone that this system no longer has
        return ZoneInfo("UTC")


def _name(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
