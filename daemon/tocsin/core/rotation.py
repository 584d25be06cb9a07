"""A rotation: who is on call at a moment, as turns that go round on the wall clock of a time zone.

A hand-over at 09:00 is at 09:00 on the wall clock on both sides of both nights
in which the clock moves; so the turn in which it moves is an hour shorter or
longer. Two nights need a decision. A time that the clock skips: the hand-over
is at the moment of the jump. A time that it shows twice: the first of them.
Both follow from one sentence: *a turn begins at the first moment at which the
wall clock shows its time or a later one*. That moment never runs backwards, so
turns tile the time line: at each moment there is exactly one. A turn that lies
wholly in the skipped hour does not take place.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

import msgspec

from tocsin.core.playbook import DAY, SECOND
from tocsin.core.recurrence import Span, moment

LOOKED_AHEAD = 400 * DAY
"""How far the end of a shift is looked for, and its beginning backwards."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECES = (DAY, 8 * DAY, 64 * DAY, LOOKED_AHEAD)
_ONE_DAY = timedelta(days=1)
_NOBODY: tuple[str, ...] = ()


def wall(at: int, zone: tzinfo) -> datetime:
    """What the wall clock of ``zone`` shows at a moment, without a zone of its own."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=16384)
def first_at(local: datetime, zone: tzinfo) -> int:
    """The first moment at which the wall clock of ``zone`` shows ``local`` (whole seconds) or later."""
    at = moment(local, zone)
    if wall(at, zone) == local:
        return at
    # Skipped: between the readings with the offsets from before and after the jump, the clock jumps past it.
    shown = local.replace(tzinfo=zone, fold=1).astimezone(UTC) - _EPOCH
    low, high = shown // timedelta(seconds=1), at // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if wall(middle * SECOND, zone) < local:
            low = middle
        else:
            high = middle
    return high * SECOND


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """For a time somebody takes a rotation over; or two of its people change places (a swap).

    Times are microseconds since the epoch, UTC.
    """

    rotation: str
    person: str
    swaps_with: str = ""
    """A swap: whenever one of the two would be on call, the other is."""
    starts_at: int
    ends_at: int
    """When it is over; earlier than planned where somebody ended it."""
    id: str = ""
    """Of one that was made while tocsin ran; empty for one of people.yaml."""
    planned_ends_at: int = 0
    comment: str = ""
    author: str = ""
    via: str = ""
    created_at: int = 0
    ended_at: int | None = None
    """When somebody ended it."""
    ended_by: str | None = None
    ended_via: str | None = None

    def covers(self, at: int) -> bool:
        """Whether it says who is on call at ``at``."""
        return self.starts_at <= at < self.ends_at


class Shift(NamedTuple):
    """A time for which the same people are on call. Nobody: a gap."""

    starts_at: int
    ends_at: int
    names: tuple[str, ...]


class Membership(NamedTuple):
    """The persons whom a source names."""

    names: tuple[str, ...]
    since: int = 0
    before: tuple[str, ...] = ()
    """Whom it named until then."""


_NO_MEMBERS = Membership(())


@dataclass(frozen=True)
class Duty:
    """What says who is on call, beside the rotations themselves."""

    now: int
    overrides: tuple[Override, ...] = ()
    """Made while tocsin runs, the oldest first. They go before those of people.yaml."""
    rosters: Mapping[str, Membership] = field(default_factory=dict)
    """Whom a source names that is asked while tocsin runs, by its key."""


class Layer(Protocol):
    """One of the schedules of a rotation."""

    faults: tuple[str, ...] = ()
    """The parts of it that could not be read."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody whom it may stand for, as far as the configuration says."""
        ...

    def on_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Who has it at ``at``."""
        ...

    def waiting(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Whose turns come after that of whoever has it, the next one first."""
        ...

    def changes(self, after: int, before: int, duty: Duty) -> Iterable[int]:
        """The moments between the two at which it may pass to somebody else."""
        ...

    @property
    def begins_at(self) -> int | None:
        """Return the time before which this layer never has an on-call person; None if it is unknown."""
        return None

    def remarks_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Return the reasons, if known, why this layer has no on-call person."""
        del at, duty
        return ()


@dataclass(frozen=True)
class DutyHours:
    """A piece of some weekdays, on the wall clock."""

    days: frozenset[int]
    """Those on which it begins; Monday is 0."""
    opens: timedelta
    closes: timedelta
    """Counted like ``opens`` from the midnight before; more than 24 h where it ends on the next day."""

    def spans(self, zone: tzinfo, after: int, before: int) -> Iterator[Span]:
        """The spans of it that overlap (after, before)."""
        day = wall(after, zone).replace(hour=0, minute=0, second=0, microsecond=0) - 2 * _ONE_DAY
        last = wall(before, zone)
        while day <= last:
            if day.weekday() in self.days:
                span = Span(first_at(day + self.opens, zone), first_at(day + self.closes, zone))
                if span.starts_at < before and span.ends_at > after:
                    yield span
            day += _ONE_DAY


@dataclass(frozen=True)
class Turns(Layer):
    """Members take turns in their order. The first has the turn in which ``starts`` lies; before it there is nobody."""

    members: tuple[str, ...]
    zone: tzinfo
    starts: datetime
    """On the wall clock."""
    anchor: datetime
    """Hand-overs are at anchor + n * period + each of the offsets, on the wall clock."""
    period: timedelta
    offsets: tuple[timedelta, ...] = (timedelta(0),)
    """Ascending, each less than the period."""
    only: tuple[DutyHours, ...] = ()
    """Outside of these hours nobody has it; empty: at all hours."""

    @property
    def names(self) -> tuple[str, ...]:
        """The members, each once."""
        return tuple(dict.fromkeys(self.members))

    @property
    def begins_at(self) -> int | None:
        """Return when the first turn begins."""
        return self._starts_at

    @cached_property
    def _first(self) -> int:
        return self._number(self.starts)

    @cached_property
    def _starts_at(self) -> int:
        return first_at(self.starts, self.zone)

    def _number(self, local: datetime) -> int:
        rounds, rest = divmod(local - self.anchor, self.period)
        return rounds * len(self.offsets) + bisect_right(self.offsets, rest) - 1

    def _begins(self, number: int) -> int:
        rounds, place = divmod(number, len(self.offsets))
        return first_at(self.anchor + rounds * self.period + self.offsets[place], self.zone)

    def _turn_at(self, at: int) -> int:
        number = self._number(wall(at, self.zone))
        while self._begins(number) > at:
            number -= 1
        while self._begins(number + 1) <= at:
            number += 1
        return number

    def _is_open(self, at: int) -> bool:
        return not self.only or any(
            span.starts_at <= at for hours in self.only for span in hours.spans(self.zone, at, at + 1)
        )

    def on_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """The member whose turn it is."""
        del duty
        if at < self._starts_at or not self._is_open(at):
            return _NOBODY
        return (self.members[(self._turn_at(at) - self._first) % len(self.members)],)

    def waiting(self, at: int, duty: Duty) -> tuple[str, ...]:
        """The other members, in the order of their turns."""
        del duty
        if at < self._starts_at:
            return self.members
        place = (self._turn_at(at) - self._first) % len(self.members)
        following = (*self.members[place + 1 :], *self.members[:place])
        return tuple(dict.fromkeys(name for name in following if name != self.members[place]))

    def changes(self, after: int, before: int, duty: Duty) -> Iterable[int]:
        """Its beginning, hand-overs, and where its hours begin and end."""
        del duty
        yield self._starts_at
        number = self._turn_at(max(after, self._starts_at))
        while (at := self._begins(number)) < before:
            yield at
            number += 1
        for hours in self.only:
            for span in hours.spans(self.zone, after, before):
                yield from span


@dataclass(frozen=True)
class Listed(Layer):
    """Everybody whom a source names that is asked while tocsin runs (a Slack user group)."""

    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Nobody can say."""
        return _NOBODY

    def on_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """All of them."""
        named = duty.rosters.get(self.source, _NO_MEMBERS)
        return named.names if at >= named.since else named.before

    def waiting(self, at: int, duty: Duty) -> tuple[str, ...]:
        """There are no turns."""
        del at, duty
        return _NOBODY

    def changes(self, after: int, before: int, duty: Duty) -> Iterable[int]:
        """When it last named others; nobody can say when it will."""
        del after, before
        return (duty.rosters.get(self.source, _NO_MEMBERS).since,)


def _changed(names: tuple[str, ...], made: Sequence[Override]) -> tuple[str, ...]:
    """With each override and swap applied to what those before it have left; a swap that stands there twice is one."""
    done: set[frozenset[str]] = set()
    for one in made:
        pair = frozenset((one.person, one.swaps_with))
        if not one.swaps_with:
            names = (one.person,)
        elif pair not in done:
            done.add(pair)
            other = {one.person: one.swaps_with, one.swaps_with: one.person}
            names = tuple(other.get(name, name) for name in names)
    return names


@dataclass(frozen=True)
class Rotation:
    """A target that stands for whoever is on call."""

    name: str
    layers: tuple[Layer, ...]
    """The first that has somebody says who."""
    time_zone: str = "UTC"
    """In which it was written, and is shown."""
    overrides: tuple[Override, ...] = ()
    """Those of people.yaml."""
    secondary: tuple[str, ...] = ()
    """Who is paged together with the next tier: persons or rotations."""
    secondary_is_next: bool = False
    """In place of that: the member whose turn is next."""
    backup: tuple[str, ...] = ()
    """Who is paged where whoever is on call cannot be reached, or nobody is on call."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody whom it may stand for, as far as people.yaml says."""
        members = (name for layer in self.layers for name in layer.names)
        others = (name for one in self.overrides for name in (one.person, one.swaps_with) if name)
        return tuple(dict.fromkeys((*members, *others, *self.secondary, *self.backup)))

    @property
    def is_asked_for(self) -> bool:
        """Whether a source says who is on call, which is asked while tocsin runs."""
        return any(isinstance(layer, Listed) for layer in self.layers)

    @property
    def begins_at(self) -> int | None:
        """Return the time before which there is never an on-call person; None if it is unknown."""
        begins = [layer.begins_at for layer in self.layers]
        return min((at for at in begins if at is not None), default=None) if None not in begins else None

    def on_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Who is on call; empty: nobody."""
        return _changed(self._layer_at(at, duty)[1], self._made(at, duty))

    def remarks_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Return the reasons why there is no on-call person; empty while there is one."""
        if self.on_at(at, duty):
            return _NOBODY
        return tuple(remark for layer in self.layers for remark in layer.remarks_at(at, duty))

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what could not be read of its calendars: a shift may be missing."""
        return tuple(fault for layer in self.layers for fault in layer.faults)

    def _made(self, at: int, duty: Duty) -> list[Override]:
        """What changes it at a moment, in its order: those of people.yaml, swaps first; then those made by hand."""
        own = sorted(self.overrides, key=lambda one: not one.swaps_with)
        return [one for one in (*own, *duty.overrides) if one.rotation == self.name and one.covers(at)]

    def secondary_at(self, at: int, duty: Duty) -> tuple[str, ...]:
        """Who is paged with the next tier."""
        if not self.secondary_is_next:
            return self.secondary
        primary = self.on_at(at, duty)
        swaps = [one for one in self._made(at, duty) if one.swaps_with]
        layer, _ = self._layer_at(at, duty)
        waiting = _changed(layer.waiting(at, duty) if layer is not None else _NOBODY, swaps)
        return next(((name,) for name in waiting if name not in primary), _NOBODY)

    def shifts(self, after: int, before: int, duty: Duty) -> list[Shift]:
        """Who is on call from ``after`` until before ``before``, without a hole: a gap is a shift of nobody."""
        moments = {after}
        for layer in self.layers:
            moments.update(layer.changes(after, before, duty))
        for one in (*self.overrides, *duty.overrides):
            if one.rotation == self.name:
                moments.update((one.starts_at, one.ends_at))
        found: list[Shift] = []
        for at in sorted(one for one in moments if after <= one < before):
            names = self.on_at(at, duty)
            if not found or found[-1].names != names:
                found.append(Shift(at, before, names))
        return [
            Shift(shift.starts_at, later.starts_at if later else before, shift.names)
            for shift, later in zip(found, [*found[1:], None], strict=True)
        ]

    def shift_at(self, at: int, duty: Duty) -> Shift:
        """The whole shift of that moment, as far as 400 days before and after it."""
        starts_at, ends_at = at - LOOKED_AHEAD, at + LOOKED_AHEAD
        for length in _PIECES:
            ahead = self.shifts(at, at + length, duty)
            if len(ahead) > 1:
                ends_at = ahead[0].ends_at
                break
        for length in _PIECES:
            behind = self.shifts(at - length, at + 1, duty)
            if len(behind) > 1:
                starts_at = behind[-1].starts_at
                break
        return Shift(starts_at, ends_at, self.on_at(at, duty))

    def gaps(self, after: int, before: int, duty: Duty) -> list[Span]:
        """When nobody is on call."""
        return [Span(*shift[:2]) for shift in self.shifts(after, before, duty) if not shift.names]

    def _layer_at(self, at: int, duty: Duty) -> tuple[Layer | None, tuple[str, ...]]:
        """Return the first layer that has an on-call person, and the persons on call by it."""
        for layer in self.layers:
            if names := layer.on_at(at, duty):
                return layer, names
        return None, _NOBODY


def overlaps(overrides: Sequence[Override]) -> list[tuple[Override, Override]]:
    """Pairs that say different things about the same time: (the one that does not count there, the one that does)."""
    plain = [one for one in overrides if not one.swaps_with]
    return [
        (one, other)
        for place, one in enumerate(plain)
        for other in plain[place + 1 :]
        if one.rotation == other.rotation
        and one.person != other.person
        and one.starts_at < other.ends_at
        and other.starts_at < one.ends_at
    ]
