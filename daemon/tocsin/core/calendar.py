"""The shifts of a calendar: events that name a person, once or again and again.

An event ends when the wall clock shows the time of its end. RFC 5545 would let
each of a series last equally long; then a shift from Monday 09:00 to Monday
09:00 would leave an hour to nobody in the week in which the clock moves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache

from tocsin.core.playbook import DAY
from tocsin.core.recurrence import Span, local_times
from tocsin.core.rotation import Duty, first_at

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_BLOCK = 64 * DAY
_MARGIN = timedelta(days=2)
"""No wall clock is further from UTC than this."""


@dataclass(frozen=True)
class CalendarEvent:
    """A person has it from ``starts`` on, for ``length`` on the wall clock."""

    person: str
    zone: tzinfo
    starts: datetime
    length: timedelta
    rule: str = ""
    """The value of an RRULE; empty: once."""
    more: tuple[datetime, ...] = ()
    """Further beginnings (RDATE)."""
    without: frozenset[datetime] = frozenset()
    """Beginnings that do not take place (EXDATE), or that stand elsewhere as an event of their own."""

    @cached_property
    def _once(self) -> Span:
        """The first of its spans; for all but those that come again, of which a calendar holds few."""
        return Span(first_at(self.starts, self.zone), first_at(self.starts + self.length, self.zone))

    def begins(self, until: datetime) -> Iterator[datetime]:
        """When it begins, up to ``until``, in no order.

        Raises:
            WindowError: The rule cannot be used.
        """
        series = local_times(self.rule, self.starts, self.zone, until) if self.rule else iter((self.starts,))
        for local in (*series, *self.more):
            if local <= until and local not in self.without:
                yield local

    def spans(self, after: int, before: int) -> Iterator[Span]:
        """Those of its spans that overlap (after, before)."""
        if not self.rule and not self.more:
            if self.starts not in self.without and self._once.starts_at < before and self._once.ends_at > after:
                yield self._once
            return
        longest = self.length // timedelta(microseconds=1) + DAY
        for number in range((after - longest) // _BLOCK, before // _BLOCK + 1):
            for span in _block(self, number):
                if span.starts_at < before and span.ends_at > after:
                    yield span


@lru_cache(maxsize=4096)
def _block(event: CalendarEvent, number: int) -> tuple[Span, ...]:
    """The spans that begin within a piece of the time line; worked out once, as a rule is walked from its start."""
    begins, ends = number * _BLOCK, (number + 1) * _BLOCK
    last = _EPOCH + timedelta(microseconds=ends) + _MARGIN
    spans = {
        Span(first_at(local, event.zone), first_at(local + event.length, event.zone)) for local in event.begins(last)
    }
    return tuple(sorted(span for span in spans if begins <= span.starts_at < ends))


@dataclass(frozen=True)
class Calendar:
    """A layer of a rotation: everybody named by an event of that moment."""

    events: tuple[CalendarEvent, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody whom an event names."""
        return tuple(dict.fromkeys(event.person for event in self.events))

    def on_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Whoever an event of that moment names, each once."""
        del duty
        return tuple(dict.fromkeys(event.person for event in self.events if any(event.spans(at, at + 1))))

    def waiting(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Whose events begin next, within 64 days."""
        on_call = self.on_at(at, duty)
        later = sorted(
            (span.starts_at, event.person)
            for event in self.events
            for span in event.spans(at, at + _BLOCK)
            if span.starts_at > at
        )
        return tuple(dict.fromkeys(name for _, name in later if name not in on_call))

    def changes(self, after: int, before: int, duty: Duty) -> Iterable[int]:
        """Where events begin and end."""
        del duty
        for event in self.events:
            for span in event.spans(after, before):
                yield from span
