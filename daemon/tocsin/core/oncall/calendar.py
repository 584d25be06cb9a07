"""The shifts of a calendar file: events that name a person, single or recurring.

An event ends when the wall clock shows the time of its end. RFC 5545 would let
each event of a series last equally long; then a shift from Monday 09:00 to
Monday 09:00 would leave an hour without an on-call person in the week in which
the clock moves.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from itertools import accumulate

from tocsin.core.duration import DAY
from tocsin.core.oncall.rotation import Layer, OnCallInput, first_at
from tocsin.core.schedule.recurrence import Span
from tocsin.core.schedule.rrule import RRule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_BLOCK = 64 * DAY
"""Size of the parts of the time line whose spans are cached."""
_MARGIN = timedelta(days=2)
"""More than the difference between any wall clock and UTC."""
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = datetime(1000, 1, 1), datetime(3000, 1, 1)  # noqa: DTZ001 - on a wall clock
"""The limits of the time for which calendars are evaluated."""


@dataclass(frozen=True)
class CalendarEvent:
    """A shift of one person from ``starts`` on, for ``length`` on the wall clock; it may recur."""

    person: str
    """The person on call; "" for an event that names no person and so puts no one on call."""
    zone: tzinfo
    starts: datetime
    length: timedelta
    rule: RRule | None = None
    """The recurrence rule; None for a single event."""
    ends: datetime | None = None
    """The last possible start in the series (by UNTIL or COUNT); None: no limit."""
    without: frozenset[datetime] = frozenset()
    """Starts of the series that are canceled (EXDATE) or that another event replaces."""
    since: datetime | None = None
    """The first start that belongs to this event; earlier starts belong to another event (RANGE=THISANDFUTURE)."""
    until: datetime | None = None
    """The start from which the occurrences belong to another event."""
    moved: timedelta = timedelta(0)
    """Offset of the event's times from the starts of the series."""
    summary: str = ""

    @cached_property
    def once(self) -> Span:
        """The first span of the event."""
        return self._span(self.starts)

    @property
    def takes_place(self) -> bool:
        """True unless the first start of the event is canceled or belongs to another event."""
        return self._is_own(self.starts)

    def spans(self, after: int, before: int) -> Iterator[Span]:
        """Yield the spans of the event that overlap (after, before)."""
        if self.rule is None:
            if self.takes_place and self.once.starts_at < before and self.once.ends_at > after:
                yield self.once
            return
        longest = self.length // _MICROSECOND + DAY
        for number in range((after - longest) // _BLOCK, before // _BLOCK + 1):
            spans = _block(self, number)
            for index in range(bisect_left(spans, (after - longest, 0)), bisect_left(spans, (before, 0))):
                if spans[index].ends_at > after:
                    yield spans[index]

    def begins(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Yield the starts of the series from ``first`` to ``last`` that belong to this event, before they are moved.

        DTSTART is a start even if the rule does not name it.
        """
        last = last if self.ends is None else min(last, self.ends)
        if first <= self.starts <= last and self._is_own(self.starts):
            yield self.starts
        if self.rule is not None:
            for local in self.rule.between(self.starts, first, last):
                if local != self.starts and self._is_own(local):
                    yield local

    def _is_own(self, local: datetime) -> bool:
        return (
            local not in self.without
            and (self.since is None or local >= self.since)
            and (self.until is None or local < self.until)
        )

    def _span(self, local: datetime) -> Span:
        begins = local + self.moved
        return Span(first_at(begins, self.zone), first_at(begins + self.length, self.zone))


@lru_cache(maxsize=4096)
def _block(event: CalendarEvent, number: int) -> tuple[Span, ...]:
    """Return the spans of an event that begin within the block ``number`` of the time line."""
    begins, ends = number * _BLOCK, (number + 1) * _BLOCK
    first = max(_FIRST, _EPOCH + timedelta(microseconds=begins) - _MARGIN) - event.moved
    last = min(_LAST, _EPOCH + timedelta(microseconds=ends) + _MARGIN) - event.moved
    spans = {event._span(local) for local in event.begins(first, last)}  # noqa: SLF001
    return tuple(sorted(span for span in spans if begins <= span.starts_at < ends))


class _Index:
    """An index of events by time."""

    def __init__(self, events: Sequence[CalendarEvent]) -> None:
        numbered = list(enumerate(events))
        once = [(event.once, place, event) for place, event in numbered if not event.rule and event.takes_place]
        self._once = sorted(once, key=lambda entry: entry[:2])
        self._starts = [span.starts_at for span, _, _ in self._once]
        self._latest_end = list(accumulate((span.ends_at for span, _, _ in self._once), max))
        self._series = [(place, event) for place, event in numbered if event.rule]

    def overlapping(self, after: int, before: int) -> list[tuple[int, Span, CalendarEvent]]:
        """Return (index of the event, span, event) of each span that overlaps (after, before), in the file's order."""
        entries = [(place, span, event) for place, event in self._series for span in event.spans(after, before)]
        number = bisect_left(self._starts, before) - 1
        while number >= 0 and self._latest_end[number] > after:
            span, place, event = self._once[number]
            if span.ends_at > after:
                entries.append((place, span, event))
            number -= 1
        return sorted(entries, key=lambda entry: entry[:2])


@dataclass(frozen=True)
class Calendar(Layer):
    """A layer of a rotation: the persons with an event at a time are on call."""

    events: tuple[CalendarEvent, ...]
    unreadable_parts: tuple[str, ...] = ()
    """Descriptions of the parts of the file that cannot be read: a shift may be missing."""
    calendar_file: str = ""
    """The name of the file, as in people.yaml."""

    def __post_init__(self) -> None:
        """Build the indexes now, so that no page has to wait for them."""
        _ = self._named, self._unnamed

    @property
    def names(self) -> tuple[str, ...]:
        """The persons whom any event names."""
        return tuple(dict.fromkeys(event.person for event in self.events if event.person))

    @cached_property
    def _named(self) -> _Index:
        return _Index([event for event in self.events if event.person])

    @cached_property
    def _unnamed(self) -> _Index:
        return _Index([event for event in self.events if not event.person])

    @property
    def begins_at(self) -> int | None:
        """The start of the first event that names a person."""
        return min((event.once.starts_at for event in self.events if event.person), default=None)

    def on_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons with an event at ``at``, each once."""
        del inputs
        return tuple(dict.fromkeys(event.person for _, _, event in self._named.overlapping(at, at + 1)))

    def waiting(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons whose events begin next, within 64 days."""
        on_call = self.on_at(at, inputs)
        ahead = self._named.overlapping(at, at + _BLOCK)
        next_starts = sorted((span.starts_at, event.person) for _, span, event in ahead if span.starts_at > at)
        return tuple(dict.fromkeys(name for _, name in next_starts if name not in on_call))

    def changes(self, after: int, before: int, inputs: OnCallInput) -> Iterable[int]:
        """Yield the times at which events begin and end."""
        del inputs
        for _, span, _ in self._named.overlapping(after, before):
            yield from span

    def remarks_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return a remark for each event at ``at`` that names no person; empty if another event names one."""
        if self.on_at(at, inputs):
            return ()
        return tuple(
            dict.fromkeys(
                f"the calendar's event {event.summary!r} names no person of people.yaml"
                for _, _, event in self._unnamed.overlapping(at, at + 1)
            )
        )
