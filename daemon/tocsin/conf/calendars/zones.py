"""Time zones of a calendar's TZIDs: by the file's VTIMEZONE, the IANA database, or their Windows names."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from tzlocal.windows_tz import win_tz

from tocsin.conf.calendars.content import Component
from tocsin.conf.calendars.values import Period, moment_in, moments_in, offset_of
from tocsin.core.errors import WindowError
from tocsin.core.schedule.observances import ObservedZone, Onset
from tocsin.core.schedule.rrule import parse

FIRST_ONSET, LAST_ONSET = datetime(1969, 1, 1), datetime(2120, 1, 1)  # noqa: DTZ001 - on a wall clock
"""Rules of a VTIMEZONE are evaluated between these times; after the second, the last offset applies."""
MAX_ONSETS = 2000
"""Maximum number of transitions of one time zone; two a year are usual."""


class Zones:
    """The time zones of one file. They are not shared, so no file affects the meaning of another."""

    def __init__(self, components: Iterable[Component]) -> None:
        self._defined: dict[str, Component] = {}
        for component in components:
            if component.name == "VTIMEZONE" and component.text("TZID"):
                self._defined.setdefault(component.text("TZID"), component)
        self._known: dict[str, tzinfo | None] = {}

    def zone(self, tzid: str) -> tzinfo | None:
        """Return the time zone of a TZID; None if it is unknown."""
        if tzid not in self._known:
            self._known[tzid] = self._found(tzid)
        return self._known[tzid]

    def _found(self, tzid: str) -> tzinfo | None:
        """Look up a TZID.

        A name with an area, such as Europe/Berlin, is taken from the IANA database even if the file defines it: exports
        cut their VTIMEZONE down to a few years, and laws change after an export. For any other name, the file's
        definition comes first.
        """
        if "/" in tzid and tzid in _iana_names().values():
            return ZoneInfo(tzid)
        if tzid in self._defined and (observed := _observed(tzid, self._defined[tzid])) is not None:
            return observed
        return _iana(tzid) or _windows(tzid)


@lru_cache(maxsize=1)
def _iana_names() -> Mapping[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones())}


@lru_cache(maxsize=1)
def _windows_names() -> Mapping[str, str]:
    return {name.casefold(): zone for name, zone in win_tz.items()}


def _iana(tzid: str) -> ZoneInfo | None:
    """Return the zone of an IANA name, even after a vendor's prefix: /example.com/20240101/Europe/Berlin."""
    pieces = tzid.strip().strip("/").casefold().split("/")
    for skipped in range(len(pieces) if tzid.startswith("/") else 1):
        name = _iana_names().get("/".join(pieces[skipped:]))
        if name is not None:
            return ZoneInfo(name)
    return None


def _windows(tzid: str) -> ZoneInfo | None:
    name = _windows_names().get(tzid.strip().casefold())
    return _iana(name) if name is not None else None


def _observed(tzid: str, component: Component) -> ObservedZone | None:
    """Return the zone that a VTIMEZONE defines; None if it cannot be read."""
    try:
        starts: list[tuple[datetime, timedelta]] = []
        onsets: list[Onset] = []
        for part in component.parts:
            if part.name in ("STANDARD", "DAYLIGHT"):
                begins, offset_before, own = _onsets(part)
                starts.append((begins, offset_before))
                onsets += own
        if not starts or len(onsets) > MAX_ONSETS:
            return None
        return ObservedZone(tzid, min(starts)[1], onsets)
    except (ValueError, WindowError, OverflowError):
        return None


def _onsets(part: Component) -> tuple[datetime, timedelta, list[Onset]]:
    """Return (DTSTART, the offset before it, the onsets) of STANDARD or DAYLIGHT."""
    begins, before, after = part.first("DTSTART"), part.first("TZOFFSETFROM"), part.first("TZOFFSETTO")
    if begins is None or before is None or after is None:
        raise ValueError("DTSTART, TZOFFSETFROM or TZOFFSETTO is missing")
    starts, offset = moment_in(begins).local, offset_of(before.value)
    times = {starts}
    for each in part.every("RRULE"):
        rule = parse(each.text)
        if rule.frequency != "YEARLY" or rule.times_a_day > 1:
            raise ValueError("an offset that changes more often than some days of a year")
        last = LAST_ONSET
        if rule.until:
            until = moment_in(each._replace(value=rule.until, parameters={}))
            last = min(last, until.local + offset if until.is_utc else until.local)
        if rule.count is not None:
            last = min(last, rule.last_of(starts, MAX_ONSETS)[0] or last)
        times.update(rule.between(starts, max(starts, FIRST_ONSET), last))
    for each in part.every("RDATE"):
        for moment in moments_in(each):
            at = moment.begins if isinstance(moment, Period) else moment
            times.add(at.local + offset if at.is_utc else at.local)
    return starts, offset, [Onset(at - offset, offset_of(after.value)) for at in times]
