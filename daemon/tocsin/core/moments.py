"""Moments as people say them: in the reader's time zone, which is always named."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tocsin.core.playbook import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) UTC\b", re.ASCII)


def moment(at: int, zone: str = "UTC") -> str:
    """Return a moment to the minute: ``2026-11-20 04:05 CET``."""
    local = _local(at, zone)
    return f"{local:%Y-%m-%d %H:%M} {_name(local)}"


def exact_moment(at: int, zone: str = "UTC") -> str:
    """Return a moment to the second: ``2026-11-20 04:05:09 CET``."""
    local = _local(at, zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {_name(local)}"


def clock_time(at: int, zone: str = "UTC") -> str:
    """Return a moment's time of day: ``04:05``."""
    return f"{_local(at, zone):%H:%M}"


def zone_name(at: int, zone: str = "UTC") -> str:
    """Return what a time zone is called at a moment: ``CET``, ``UTC-03``."""
    return _name(_local(at, zone))


def short_moment(at: int, now: int, zone: str = "UTC") -> str:
    """Return a moment without its day where that is today: ``04:05 CET``."""
    if _local(at, zone).date() != _local(now, zone).date():
        return moment(at, zone)
    return f"{clock_time(at, zone)} {zone_name(at, zone)}"


def in_zone(text: str, zone: str) -> str:
    """Return a text with each moment that it gives in UTC said in a time zone."""
    return text if zone == "UTC" else _WRITTEN.sub(lambda found: _translated(found, zone), text)


def _translated(found: "re.Match[str]", zone: str) -> str:
    try:
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:  # such as a 31st of February in a note
        return found[0]
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return exact_moment(micros, zone) if found[1].count(":") > 1 else moment(micros, zone)


def _local(at: int, zone: str) -> datetime:
    known = _zone(zone)
    utc = datetime.fromtimestamp(at // SECOND, UTC)
    try:
        return utc.astimezone(known)
    except OverflowError:  # a moment at the end of the calendar, which an alert may carry
        return utc


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # an incident may remember a zone that this system does not have any more
        return ZoneInfo("UTC")


def _name(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
