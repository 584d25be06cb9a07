"""A calendar file (RFC 5545) beside people.yaml, as the shifts of a rotation.

The `icalendar` package reads the file: it unfolds lines, knows escapes, time
zones by VTIMEZONE and by their Windows names, and keeps what it cannot read
apart. What comes again is worked out here, on the wall clock.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar as File
from icalendar import Event
from icalendar.error import BrokenCalendarProperty

from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.calendar import Calendar, CalendarEvent
from tocsin.core.errors import WindowError
from tocsin.core.people import Person
from tocsin.core.recurrence import expect_year

MAX_BYTES = 4 << 20
MAX_EVENTS = 5000
LONGEST = timedelta(days=366)
_ZERO = timedelta(0)
_BEGINS = re.compile(r"^BEGIN:VEVENT\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class _Times:
    """What an event says of when it is."""

    zone: tzinfo
    starts: datetime
    length: timedelta
    replaces: datetime | None
    """RECURRENCE-ID: the time of its series in whose place it stands, with its own zone."""


def calendar_of(
    name: str, node: Node, persons: Mapping[str, Person], zone: ZoneInfo, findings: Findings
) -> Calendar | None:
    """The shifts of the file of that name, which stands beside the file that names it; None if it cannot be read.

    Times without a time zone, and whole days, are on the wall clock of ``zone``.
    """
    path = Path(node.mark.path).parent / name
    text = _text_of(path, node, findings)
    if text is None:
        return None
    try:
        found = [event for event in File.from_ical(text).walk("VEVENT") if isinstance(event, Event)]
    except (ValueError, IndexError, KeyError) as error:
        findings.problem(Mark(str(path), 1, 1), f"is no calendar: {error}", "export it as iCalendar (.ics)")
        return None
    if len(found) > MAX_EVENTS:
        told = f"has {len(found)} events"
        findings.problem(Mark(str(path), 1, 1), told, f"at most {MAX_EVENTS}: export fewer years")
        return None
    reader = _Reader(str(path), text, persons, zone, findings)
    return Calendar(tuple(_without_replaced(reader.read(event, place) for place, event in enumerate(found))))


def _text_of(path: Path, node: Node, findings: Findings) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        findings.problem(node.mark, f"{path.name} cannot be read: {error.strerror}", "its path counts from people.yaml")
        return None
    findings.digests[str(path)] = hashlib.sha256(raw).hexdigest()
    if len(raw) > MAX_BYTES:
        findings.problem(node.mark, f"{path.name} is larger than 4 MiB", "export fewer years")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        findings.problem(node.mark, f"{path.name} is not UTF-8 text", "iCalendar files are")
        return None


def _get(event: Event, name: str) -> Any:
    """What an event says under a name; the package's types say that it may be anything."""
    return event.get(name)


Read = tuple[str, _Times, CalendarEvent]
"""(its UID, its times, the event)"""


def _without_replaced(read: Iterable[Read | None]) -> list[CalendarEvent]:
    """Series without the times that stand elsewhere in their place."""
    known = [one for one in read if one is not None]
    replaced: dict[str, list[datetime]] = {}
    for uid, times, _ in known:
        if times.replaces is not None:
            replaced.setdefault(uid, []).append(times.replaces)
    return [
        event
        if times.replaces is not None or uid not in replaced
        else replace(event, without=event.without | {_shown(at, event.zone) for at in replaced[uid]})
        for uid, times, event in known
        if event.person
    ]


def _shown(at: datetime, zone: tzinfo) -> datetime:
    """What the wall clock of a zone shows then: a series may have another one than what takes its place."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


class _Reader:
    """Makes shifts of events."""

    def __init__(self, file: str, text: str, persons: Mapping[str, Person], zone: ZoneInfo, findings: Findings) -> None:
        self._file = file
        self._lines = [text.count("\n", 0, match.start()) + 1 for match in _BEGINS.finditer(text)]
        self._persons = persons
        self._zone = zone
        self._findings = findings

    def read(self, event: Event, place: int) -> Read | None:
        """The shift; None where it is none, which is told."""
        mark = Mark(self._file, self._lines[place] if place < len(self._lines) else 1, 1)
        if str(event.get("STATUS") or "").upper() == "CANCELLED":
            return self._cancelled(event, mark)
        try:
            person = self._person(event)
            if person is None:
                told = f"the event {str(event.get('SUMMARY') or '')!r} names nobody of people.yaml"
                self._findings.warn(mark, told, "its summary is the name or the e-mail address of a person")
                return None
            times = self._times(event)
            rule = _get(event, "RRULE").to_ical().decode() if _get(event, "RRULE") is not None else ""
            shift = CalendarEvent(
                person=person,
                zone=times.zone,
                starts=times.starts,
                length=times.length,
                rule=rule,
                more=tuple(sorted(self._all(event, "RDATE", times.zone))),
                without=frozenset(self._all(event, "EXDATE", times.zone)),
            )
            next(shift.begins(times.starts), None)
        except WindowError as error:
            self._findings.problem(mark, f"the event cannot be used: {error}", error.hint)
        except (BrokenCalendarProperty, ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
            self._findings.problem(mark, f"the event cannot be read: {error}", "export the calendar anew")
        else:
            return str(event.get("UID") or ""), times, shift
        return None

    def _cancelled(self, event: Event, mark: Mark) -> Read | None:
        """One time of a series that does not take place leaves a hole in it."""
        if event.get("RECURRENCE-ID") is None:
            return None
        try:
            times = self._times(event)
        except (WindowError, BrokenCalendarProperty, ValueError, KeyError, AttributeError, TypeError) as error:
            self._findings.problem(mark, f"the event cannot be read: {error}", "export the calendar anew")
            return None
        nothing = CalendarEvent("", times.zone, times.starts, _ZERO, without=frozenset({times.starts}))
        return str(event.get("UID") or ""), times, nothing

    def _person(self, event: Event) -> str | None:
        """Whom the summary is, or else the only one whom it mentions, or else the only one who takes part."""
        summary = str(event.get("SUMMARY") or "").strip().casefold()
        names = {
            person.name: [text.casefold() for text in (person.name, person.full_name, person.email) if text]
            for person in self._persons.values()
        }
        exactly = [name for name, texts in names.items() if summary in texts]
        if exactly:
            return exactly[0]
        mentioned = [
            name
            for name, texts in names.items()
            if any(re.search(rf"(?<![\w@.-]){re.escape(text)}(?![\w@-])", summary) for text in texts)
        ]
        if len(mentioned) == 1:
            return mentioned[0]
        attendees = _get(event, "ATTENDEE") or []
        everybody = attendees if isinstance(attendees, list) else [attendees]
        mails = {str(one).casefold().removeprefix("mailto:") for one in everybody}
        taking_part = [person.name for person in self._persons.values() if person.email.casefold() in mails - {""}]
        return taking_part[0] if len(taking_part) == 1 else None

    def _times(self, event: Event) -> _Times:
        starts, zone = self._local(_get(event, "DTSTART").dt)
        expect_year(starts)
        if _get(event, "DTEND") is not None:
            length = self._in(_get(event, "DTEND").dt, zone) - starts
        elif _get(event, "DURATION") is not None:
            length = _get(event, "DURATION").dt
        else:
            length = timedelta(days=1) if not isinstance(_get(event, "DTSTART").dt, datetime) else _ZERO
        if not _ZERO < length <= LONGEST:
            raise ValueError("it ends before it begins" if length <= _ZERO else "it is longer than a year")
        replaces = _get(event, "RECURRENCE-ID")
        if replaces is None:
            return _Times(zone, starts, length, None)
        if replaces.params.get("RANGE") is not None:
            raise ValueError("it stands in the place of all that follow as well (RANGE), which is not understood")
        replaced, its_zone = self._local(replaces.dt)
        return _Times(zone, starts, length, replaced.replace(tzinfo=its_zone))

    def _all(self, event: Event, name: str, zone: tzinfo) -> list[datetime]:
        value = _get(event, name)
        if value is None:
            return []
        times = [
            one.dt[0] if isinstance(one.dt, tuple) else one.dt
            for group in (value if isinstance(value, list) else [value])
            for one in group.dts
        ]
        for at in times:
            expect_year(self._local(at)[0])
        return [self._in(at, zone) for at in times]

    def _local(self, at: date) -> tuple[datetime, tzinfo]:
        """A time on a wall clock, and whose."""
        if not isinstance(at, datetime):
            return datetime.combine(at, time()), self._zone
        if at.tzinfo is None:
            return at, self._zone
        if isinstance(at.tzinfo, ZoneInfo) or at.utcoffset() == _ZERO:
            return at.replace(tzinfo=None), at.tzinfo if isinstance(at.tzinfo, ZoneInfo) else UTC
        raise ValueError(f"there is no time zone {at.tzname()!r} in the IANA database")

    def _in(self, at: date, zone: tzinfo) -> datetime:
        local, own = self._local(at)
        return local if own == zone else local.replace(tzinfo=own).astimezone(zone).replace(tzinfo=None, fold=0)
