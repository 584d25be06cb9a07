"""The events of a calendar file as shifts: the effective version of each event, its times, and its people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from tocsin.conf.calendars.content import Component
from tocsin.conf.calendars.persons import Names
from tocsin.conf.calendars.values import (
    LAST_YEAR,
    CalendarMoment,
    Period,
    duration_of,
    moment_in,
    moment_of,
    moments_in,
)
from tocsin.conf.calendars.zones import Zones
from tocsin.core.errors import WindowError
from tocsin.core.oncall.calendar import CalendarEvent
from tocsin.core.oncall.people import Person
from tocsin.core.schedule.rrule import RRule, parse

MAX_SHIFTS = 20_000
"""Maximum number of single shifts of one file: single events, and further dates of series (RDATE)."""
MAX_TIMES_A_DAY = 1000
"""Maximum number of times a day of all series of one file together; each series counts at least once."""
MAX_COUNTED = 500_000
"""Maximum number of periods and times examined for all COUNTs of one file, which takes about a second."""
LONGEST = timedelta(days=3660)
"""Maximum length of an event."""

_DAY = timedelta(days=1)
_ZERO = timedelta(0)
_NAME_IT = "write the name, full name or e-mail address of a person into its summary"
_MISSING = "correct it in the calendar and export it again; until then a shift may be missing"


class Report(Protocol):
    """Receiver of the unreadable parts and likely mistakes in a file, each with its line and its remedy."""

    def warn(self, line: int, message: str, hint: str) -> None:
        """Report a likely mistake."""
        ...

    def unreadable(self, line: int, message: str, hint: str) -> None:
        """Report a part that cannot be read: a shift may be missing."""
        ...


@dataclass
class _Event:
    """An event of the file."""

    component: Component
    uid: str
    replaces: CalendarMoment | None
    """RECURRENCE-ID: the occurrence of the series that this event replaces."""
    version: tuple[int, str]
    """(SEQUENCE, DTSTAMP)"""

    @property
    def line(self) -> int:
        return self.component.line

    @property
    def title(self) -> str:
        return f"the event {self.component.text('SUMMARY')[:80]!r}"

    @property
    def is_cancelled(self) -> bool:
        return self.component.text("STATUS").upper() == "CANCELLED"

    @property
    def is_for_the_future(self) -> bool:
        replaces = self.component.first("RECURRENCE-ID")
        return replaces is not None and replaces.parameters.get("RANGE", "").upper() == "THISANDFUTURE"


class _Times(NamedTuple):
    """The times of an event."""

    zone: tzinfo
    starts: datetime
    length: timedelta
    is_date: bool
    rules: list[str]


@dataclass
class _Series:
    """The events with the same UID."""

    masters: list[_Event] = field(default_factory=list)
    exceptions: list[_Event] = field(default_factory=list)


class EventReader:
    """A reader that turns the components of one file into shifts."""

    def __init__(
        self, components: Sequence[Component], persons: Mapping[str, Person], zone: ZoneInfo, report: Report
    ) -> None:
        self._components = components
        self._names = Names(persons)
        self._default = zone
        self._zones = Zones(components)
        self._report = report
        self._outdated: set[int] = set()
        """Ids of exceptions that replace a time which a newer version of the series no longer has."""
        self._times_a_day_left = MAX_TIMES_A_DAY
        self._counted_left = MAX_COUNTED

    def events(self) -> list[CalendarEvent]:
        """Return the shifts, and the events that name no person. Unreadable parts are reported."""
        result: list[CalendarEvent] = []
        for series in self._series():
            result += self._of_series(series)
        return self._within_limits(result)

    def _series(self) -> Iterable[_Series]:
        """Return the newest versions of the events, grouped by UID; an event without a UID is a group of its own."""
        versions: dict[object, list[_Event]] = {}
        for place, component in enumerate(self._components):
            if component.name == "VEVENT" and (event := self._event(component)) is not None:
                at = self._instant(event.replaces) if event.replaces is not None else None
                versions.setdefault((event.uid, at) if event.uid else place, []).append(event)
        grouped: dict[object, _Series] = {}
        for key, candidates in versions.items():
            latest = max(event.version for event in candidates)
            for event in self._that_count([event for event in candidates if event.version == latest]):
                series = grouped.setdefault(event.uid or key, _Series())
                (series.masters if event.replaces is None else series.exceptions).append(event)
        return grouped.values()

    def _that_count(self, events: list[_Event]) -> list[_Event]:
        """Return all events of the same version, because dropping one would lose a shift; warn if they differ."""
        if len({event.component.text("SUMMARY") for event in events}) > 1:
            message = f"{events[-1].title} has the UID, SEQUENCE and DTSTAMP of the event in line {events[0].line}"
            self._report.warn(events[-1].line, f"{message}: both count", "give each event a UID of its own")
        return events

    def _event(self, component: Component) -> _Event | None:
        """Return the event; None if the occurrence that it replaces is unclear, which is reported."""
        sequence = component.text("SEQUENCE")
        version = (int(sequence) if sequence.isdecimal() and len(sequence) < 10 else 0, component.text("DTSTAMP"))
        event = _Event(component, component.text("UID"), None, version)
        replaces = component.first("RECURRENCE-ID")
        if replaces is None:
            return event
        try:
            return replace(event, replaces=moment_in(replaces))
        except ValueError as error:
            self._cannot_be_read(event, error)
            return None

    def _of_series(self, series: _Series) -> Iterator[CalendarEvent]:
        """Yield the shifts of the events with the same UID."""
        for master in series.masters:
            if not master.is_cancelled:
                yield from self._of_master(master, series.exceptions)
        is_alone = all(master.is_cancelled for master in series.masters)
        for event in series.exceptions:
            counts = not event.is_cancelled and id(event) not in self._outdated
            if counts and (is_alone or not event.is_for_the_future):
                yield from self._of_one(event)

    def _of_one(self, event: _Event) -> Iterator[CalendarEvent]:
        """Yield the shift of an exception. Ignore its RRULE: many exports repeat the RRULE of the series there."""
        times = self._times(event)
        if times is not None:
            yield from self._repeated(event, times, frozenset(), [(None, None)])

    def _of_master(self, master: _Event, exceptions: Sequence[_Event]) -> Iterator[CalendarEvent]:
        """Yield the shifts of a series, except the occurrences that exceptions replace."""
        times = self._times(master)
        if times is None:
            return
        replaced = {
            id(event): self._time_of_series(event.replaces, times) for event in exceptions if event.replaces is not None
        }
        left_out = self._left_out(master, times)
        whole = list(self._repeated(master, times, left_out, list(self._rules(master, times))))
        self._outdated |= {
            id(event)
            for event in exceptions
            if event.version[0] < master.version[0] and not _has(whole, replaced[id(event)])
        }
        without = left_out.union(replaced[id(event)] for event in exceptions if not event.is_for_the_future)
        pieces = [replace(piece, without=without) for piece in whole]
        changes = sorted(
            ((replaced[id(event)], event) for event in exceptions if event.is_for_the_future),
            key=lambda change: change[0],
        )
        until = [at for at, _ in changes]
        yield from _cut(pieces, until=until[0]) if until else pieces
        for (since, event), end in zip(changes, [*until[1:], None], strict=False):
            yield from self._from_then_on(event, times, pieces, since, end)

    def _from_then_on(
        self, event: _Event, series: _Times, pieces: list[CalendarEvent], since: datetime, until: datetime | None
    ) -> Iterator[CalendarEvent]:
        """Yield the rest of a series as a THISANDFUTURE exception changes it."""
        times = None if event.is_cancelled else self._times(event)
        if times is None:
            return
        own = [prop.text.upper() for prop in event.component.every("RRULE")]
        if own and own != series.rules:
            yield from self._repeated(event, times, frozenset(), list(self._rules(event, times)))
            return
        starts = _shown(times.starts, times.zone, series.zone)
        for person in self._persons(event):
            for piece in pieces:
                changed = replace(
                    piece,
                    person=person,
                    length=times.length,
                    moved=starts - since,
                    summary=event.component.text("SUMMARY"),
                )
                yield from _cut([changed], since=since, until=until)

    def _repeated(
        self,
        event: _Event,
        times: _Times,
        without: frozenset[datetime],
        rules: Sequence[tuple[RRule | None, datetime | None]],
    ) -> Iterator[CalendarEvent]:
        """Yield the shifts of one event: for each person, for each rule and each further date."""
        further = [(starts, length) for starts, length in self._further(event, times) if length > _ZERO]
        if not times.length and not further:
            problem = f"{event.title} begins and ends at the same time: no one is on call by it"
            self._report.warn(event.line, problem, "give it an end (DTEND), or remove it")
            return
        for person in self._persons(event):
            shift = CalendarEvent(
                person, times.zone, times.starts, times.length, without=without, summary=event.component.text("SUMMARY")
            )
            for rule, ends in rules or [(None, None)] if times.length else ():
                yield replace(shift, rule=rule, ends=ends)
            for starts, length in further:
                yield replace(shift, starts=starts, length=length)

    def _persons(self, event: _Event) -> tuple[str, ...]:
        """Return the persons whom the event names; one empty name and a warning if it names no person."""
        participants = [attendee.value for attendee in event.component.every("ATTENDEE")]
        names = self._names.named(event.component.text("SUMMARY"), participants)
        if names:
            return names
        problem = f"{event.title} names no person of people.yaml"
        if event.replaces is not None:
            problem += ": no one is on call by the calendar at that time of its series"
        self._report.warn(event.line, problem, _NAME_IT)
        return ("",)

    def _times(self, event: _Event) -> _Times | None:
        """Return the times of the first occurrence; None if they cannot be read, which is reported."""
        try:
            begins = _beginning(event.component)
            zone = self._zone(begins, event)
            length = self._length(event, begins, zone)
        except (ValueError, OverflowError) as error:
            self._cannot_be_read(event, error)
            return None
        rules = [prop.text.upper() for prop in event.component.every("RRULE")]
        return _Times(zone, begins.local, length, begins.is_date, rules)

    def _length(self, event: _Event, begins: CalendarMoment, zone: tzinfo) -> timedelta:
        ends, duration = event.component.first("DTEND"), event.component.first("DURATION")
        length = _DAY if begins.is_date else _ZERO
        if ends is not None:
            length = self._local(moment_in(ends), zone, event) - begins.local or length
        elif duration is not None:
            length = duration_of(duration.value)
        return _expect_length(length)

    def _rules(self, event: _Event, times: _Times) -> Iterator[tuple[RRule, datetime | None]]:
        """Yield (rule, its last possible time); of an event with an unreadable rule, only the first time remains."""
        if event.component.every("EXRULE"):
            self._report.unreadable(event.line, f"{event.title} has an EXRULE, which is not read", "write EXDATE")
        for prop in event.component.every("RRULE"):
            if not prop.value.strip():
                continue
            try:
                rule = parse(prop.text)
                ends = self._end(rule, times)
                self._spend(rule)
            except (WindowError, ValueError, OverflowError) as error:
                problem = f"{event.title} does not recur, because its rule cannot be read: {error}"
                self._report.unreadable(event.line, problem, getattr(error, "hint", "") or _MISSING)
                continue
            yield rule, ends

    def _spend(self, rule: RRule) -> None:
        """Refuse a COUNT that exceeds the limit for all series of one file together.

        Raises:
            WindowError: The limit is exceeded.
        """
        if rule.times_a_day > self._times_a_day_left:
            problem = f"the series of this file come more than {MAX_TIMES_A_DAY} times a day in all"
            raise WindowError(problem, "export fewer of them")
        self._times_a_day_left -= rule.times_a_day

    def _end(self, rule: RRule, times: _Times) -> datetime | None:
        ends = _until(rule.until, times.zone) if rule.until else None
        if rule.count is None:
            return ends
        most, self._counted_left = self._counted_left, 1  # a COUNT that takes too long uses the limit up
        last, counted = rule.last_of(times.starts, most)
        self._counted_left = max(1, most - counted)
        return min(filter(None, (ends, last)), default=None)

    def _further(self, event: _Event, times: _Times) -> Iterator[tuple[datetime, timedelta]]:
        """Yield (beginning, length) of each further date."""
        for prop in event.component.every("RDATE"):
            try:
                for moment in moments_in(prop):
                    if isinstance(moment, CalendarMoment):
                        yield self._local(moment, times.zone, event), times.length
                        continue
                    starts = self._local(moment.begins, times.zone, event)
                    ends = moment.ends
                    length = self._local(ends, times.zone, event) - starts if isinstance(ends, CalendarMoment) else ends
                    yield starts, _expect_length(length)
            except (ValueError, OverflowError) as error:
                self._cannot_be_read(event, error)

    def _left_out(self, event: _Event, times: _Times) -> frozenset[datetime]:
        """Return the canceled times of a series (EXDATE)."""
        result: set[datetime] = set()
        for prop in event.component.every("EXDATE"):
            try:
                for moment in moments_in(prop):
                    result.add(self._time_of_series(moment.begins if isinstance(moment, Period) else moment, times))
            except (ValueError, OverflowError) as error:
                self._cannot_be_read(event, error)
        return frozenset(result)

    def _time_of_series(self, moment: CalendarMoment, series: _Times) -> datetime:
        """Return the time of a series that EXDATE or RECURRENCE-ID means, on the wall clock of the series.

        In a series of times, a date stands for the time on that day, because many exports write dates.
        """
        if moment.is_date or (series.is_date and not moment.is_utc):  # a whole day has no time zone
            return datetime.combine(moment.local.date(), series.starts.time())
        local = _shown(moment.local, self._zone(moment, None), series.zone)
        return datetime.combine(local.date(), series.starts.time()) if series.is_date else local

    def _local(self, moment: CalendarMoment, zone: tzinfo, event: _Event) -> datetime:
        """Return a moment on the wall clock of ``zone``."""
        return _shown(moment.local, self._zone(moment, event), zone)

    def _instant(self, moment: CalendarMoment) -> datetime:
        """Return a moment on UTC's wall clock."""
        return _shown(moment.local, self._zone(moment, None), UTC)

    def _zone(self, moment: CalendarMoment, event: _Event | None) -> tzinfo:
        """Return the time zone of a moment; the rotation's if the calendar's is unknown, which is reported."""
        if moment.is_utc:
            return UTC
        if not moment.tzid:
            return self._default
        zone = self._zones.zone(moment.tzid)
        if zone is None and event is not None:
            problem = f"{event.title} is in the time zone {moment.tzid[:60]!r}, which neither the file nor the IANA "
            problem += f"database defines: it is read as {self._default.key}"
            self._report.unreadable(
                event.line, problem, "use a name such as Europe/Berlin; its shift may be at a wrong time"
            )
        return zone or self._default

    def _cannot_be_read(self, event: _Event, error: Exception) -> None:
        self._report.unreadable(event.line, f"{event.title} cannot be read: {error}", _MISSING)

    def _within_limits(self, events: list[CalendarEvent]) -> list[CalendarEvent]:
        """Drop single shifts above the limit, those that began first; series are kept."""
        once = [event for event in events if event.rule is None]
        if len(once) <= MAX_SHIFTS:
            return events
        problem = f"has {len(once)} shifts; only the {MAX_SHIFTS} that begin last are read"
        self._report.unreadable(1, problem, "export fewer years")
        kept = {id(event) for event in sorted(once, key=lambda event: event.starts)[-MAX_SHIFTS:]}
        return [event for event in events if event.rule is not None or id(event) in kept]


def _has(pieces: Iterable[CalendarEvent], at: datetime) -> bool:
    """Return whether a time is an occurrence of the series."""
    return any(True for piece in pieces for _ in piece.begins(at, at))


def _beginning(component: Component) -> CalendarMoment:
    starts = component.first("DTSTART")
    if starts is None:
        raise ValueError("it has no DTSTART")
    return moment_in(starts)


def _expect_length(length: timedelta) -> timedelta:
    if length < _ZERO:
        raise ValueError("it ends before it begins")
    if length > LONGEST:
        raise ValueError("it is longer than ten years")
    return length


def _shown(local: datetime, zone: tzinfo, other: tzinfo) -> datetime:
    """Return a wall clock time of ``zone`` on the wall clock of ``other``."""
    if zone is other:
        return local
    return local.replace(tzinfo=zone).astimezone(other).replace(tzinfo=None, fold=0)


def _cut(
    events: Iterable[CalendarEvent], since: datetime | None = None, until: datetime | None = None
) -> Iterator[CalendarEvent]:
    """Yield the events as parts of their series: from ``since`` until before ``until``."""
    for event in events:
        yield replace(event, since=since, until=until)


def _until(text: str, zone: tzinfo) -> datetime | None:
    """Return UNTIL on the wall clock of a series; None if it is so late that it has no effect."""
    if text[:4].isdecimal() and int(text[:4]) > LAST_YEAR:
        return None
    until = moment_of(text)
    if until.is_date:
        return until.local + _DAY - timedelta(microseconds=1)
    return _shown(until.local, UTC, zone) if until.is_utc else until.local
