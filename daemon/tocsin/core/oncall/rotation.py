"""Rotations: the person on call at a time, as turns on the wall clock of a time zone.

A hand-over at 09:00 is at 09:00 on the wall clock before and after each change
of the clock; so a turn with such a change is an hour shorter or longer. Two
nights need a decision. If the clock skips a time, the hand-over is at the
moment of the jump. If it shows a time twice, the first one counts. Both follow
from one sentence: *a turn begins at the first moment at which the wall clock
shows its time or a later one*. That moment never runs backwards, so turns
cover the time line without gaps or overlaps. A turn that lies entirely within
the skipped hour does not take place.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

import msgspec

from tocsin.core.duration import DAY, SECOND
from tocsin.core.schedule.recurrence import Span, moment

LOOKED_AHEAD = 400 * DAY
"""Maximum distance of the start and the end of a shift that are searched for."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECES = (DAY, 8 * DAY, 64 * DAY, LOOKED_AHEAD)
_ONE_DAY = timedelta(days=1)
_NO_ONE: tuple[str, ...] = ()


def wall(at: int, zone: tzinfo) -> datetime:
    """Return the time on the wall clock of ``zone``, as a naive datetime."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=16384)
def first_at(local: datetime, zone: tzinfo) -> int:
    """Return the first moment at which the wall clock of ``zone`` shows ``local`` (whole seconds) or later."""
    at = moment(local, zone)
    if wall(at, zone) == local:
        return at
    # Skipped: the clock jumps past it between the two readings, with the offset from before and from after the jump.
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
    """A temporary replacement in a rotation; or a swap, in which two of its people change places.

    Times are microseconds since the epoch, UTC.
    """

    rotation: str
    person: str
    swaps_with: str = ""
    """For a swap, the second person: whenever one of the two would be on call, the other is. "" for an override."""
    starts_at: int
    ends_at: int
    """The end of the override; earlier than planned if a person ended the override."""
    id: str = ""
    """The id of an override made at run time; empty for an override of people.yaml."""
    planned_ends_at: int = 0
    comment: str = ""
    author: str = ""
    via: str = ""
    created_at: int = 0
    ended_at: int | None = None
    """The time at which a person ended the override; None if no one has."""
    ended_by: str | None = None
    ended_via: str | None = None

    def covers(self, at: int) -> bool:
        """Return whether the override is in effect at ``at``."""
        return self.starts_at <= at < self.ends_at


class Shift(NamedTuple):
    """A time during which the same people are on call. Empty ``names``: a gap."""

    starts_at: int
    ends_at: int
    names: tuple[str, ...]


class Membership(NamedTuple):
    """The members of a group that is polled at run time."""

    names: tuple[str, ...]
    since: int = 0
    """The time at which the present members were first seen."""
    before: tuple[str, ...] = ()
    """The members before ``since``."""


_NO_MEMBERS = Membership(())


@dataclass(frozen=True)
class OnCallInput:
    """The time, overrides and rosters that decide who is on call, together with the rotations."""

    now: int
    overrides: tuple[Override, ...] = ()
    """The overrides made at run time, oldest first. They take precedence over those of people.yaml."""
    rosters: Mapping[str, Membership] = field(default_factory=dict)
    """The members of each group that is polled at run time, by the key of the group."""


class Layer(Protocol):
    """One of the schedules of a rotation."""

    unreadable_parts: tuple[str, ...] = ()
    """The parts of the calendar file that cannot be read."""
    calendar_file: str = ""
    """The calendar file of the layer; empty if the layer is written in people.yaml."""

    @property
    def names(self) -> tuple[str, ...]:
        """The persons who can be on call by this layer, according to the configuration."""
        ...

    def on_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons on call at ``at``."""
        ...

    def waiting(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons whose turns follow the current turn, the next person first."""
        ...

    def changes(self, after: int, before: int, inputs: OnCallInput) -> Iterable[int]:
        """Return the times at which the persons on call can change, between ``after`` and ``before``."""
        ...

    @property
    def begins_at(self) -> int | None:
        """The time before which the layer has no on-call person; None if that time is unknown."""
        return None

    def remarks_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the reasons, if known, why this layer has no on-call person."""
        del at, inputs
        return ()


@dataclass(frozen=True)
class OnCallHours:
    """Hours on some weekdays, on the wall clock."""

    days: frozenset[int]
    """The days on which the hours begin; Monday is 0."""
    opens: timedelta
    closes: timedelta
    """The time since the midnight before ``opens``; more than 24 h if the hours end on the next day."""

    def spans(self, zone: tzinfo, after: int, before: int) -> Iterator[Span]:
        """Yield the spans of these hours that overlap (after, before)."""
        day = wall(after, zone).replace(hour=0, minute=0, second=0, microsecond=0) - 2 * _ONE_DAY
        last = wall(before, zone)
        while day <= last:
            if day.weekday() in self.days:
                span = Span(first_at(day + self.opens, zone), first_at(day + self.closes, zone))
                if span.starts_at < before and span.ends_at > after:
                    yield span
            day += _ONE_DAY


@dataclass(frozen=True)
class TurnsLayer(Layer):
    """Members who take turns in order, from ``starts`` on: the first member has the turn that contains ``starts``."""

    members: tuple[str, ...]
    zone: tzinfo
    starts: datetime
    """The time from which the members take turns, on the wall clock; it may be within the first turn."""
    anchor: datetime
    """The reference of the hand-overs: they are at anchor + n * period + each of the offsets, on the wall clock."""
    period: timedelta
    offsets: tuple[timedelta, ...] = (timedelta(0),)
    """Ascending, each less than the period."""
    only: tuple[OnCallHours, ...] = ()
    """Outside these hours no one is on call; empty: at all hours."""

    @property
    def names(self) -> tuple[str, ...]:
        """The members, each once."""
        return tuple(dict.fromkeys(self.members))

    @property
    def begins_at(self) -> int | None:
        """The start of the first turn."""
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

    def on_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the member whose turn it is."""
        del inputs
        if at < self._starts_at or not self._is_open(at):
            return _NO_ONE
        return (self.members[(self._turn_at(at) - self._first) % len(self.members)],)

    def waiting(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the other members, in the order of their turns."""
        del inputs
        if at < self._starts_at:
            return self.members
        place = (self._turn_at(at) - self._first) % len(self.members)
        following = (*self.members[place + 1 :], *self.members[:place])
        return tuple(dict.fromkeys(name for name in following if name != self.members[place]))

    def changes(self, after: int, before: int, inputs: OnCallInput) -> Iterable[int]:
        """Yield the start of the first turn, the hand-overs, and the starts and ends of the hours in ``only``."""
        del inputs
        yield self._starts_at
        number = self._turn_at(max(after, self._starts_at))
        while (at := self._begins(number)) < before:
            yield at
            number += 1
        for hours in self.only:
            for span in hours.spans(self.zone, after, before):
                yield from span


@dataclass(frozen=True)
class RosterLayer(Layer):
    """All members of a group that is polled at run time, such as a Slack user group."""

    group: str
    """The key of the group: see `core.oncall.roster.slack_group_key`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Empty, because the configuration does not name the members."""
        return _NO_ONE

    def on_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return all members of the group."""
        named = inputs.rosters.get(self.group, _NO_MEMBERS)
        return named.names if at >= named.since else named.before

    def waiting(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return nothing: there are no turns."""
        del at, inputs
        return _NO_ONE

    def changes(self, after: int, before: int, inputs: OnCallInput) -> Iterable[int]:
        """Return the time of the last change; future ones are unknown."""
        del after, before
        return (inputs.rosters.get(self.group, _NO_MEMBERS).since,)


def _with_overrides(names: tuple[str, ...], overrides: Sequence[Override]) -> tuple[str, ...]:
    """Return the names after applying each override and swap in order; a repeated swap counts once."""
    done: set[frozenset[str]] = set()
    for override in overrides:
        pair = frozenset((override.person, override.swaps_with))
        if not override.swaps_with:
            names = (override.person,)
        elif pair not in done:
            done.add(pair)
            swapped = {override.person: override.swaps_with, override.swaps_with: override.person}
            names = tuple(swapped.get(name, name) for name in names)
    return names


@dataclass(frozen=True)
class Rotation:
    """A target that stands for the persons on call."""

    name: str
    layers: tuple[Layer, ...]
    """The first layer with an on-call person decides."""
    time_zone: str = "UTC"
    """The time zone in which the rotation is written and shown."""
    overrides: tuple[Override, ...] = ()
    """The overrides of people.yaml."""
    secondary: tuple[str, ...] = ()
    """The persons or rotations that are paged together with the next tier."""
    secondary_is_next: bool = False
    """True if the secondary is the member whose turn is next."""
    backup: tuple[str, ...] = ()
    """The targets that are paged if no on-call person can be reached."""

    @property
    def names(self) -> tuple[str, ...]:
        """All persons and targets that the rotation can stand for, according to people.yaml."""
        members = (name for layer in self.layers for name in layer.names)
        others = (name for override in self.overrides for name in (override.person, override.swaps_with) if name)
        return tuple(dict.fromkeys((*members, *others, *self.secondary, *self.backup)))

    @property
    def has_roster(self) -> bool:
        """True if a layer's members come from a group that is polled at run time."""
        return any(isinstance(layer, RosterLayer) for layer in self.layers)

    def is_roster_known(self, inputs: OnCallInput) -> bool:
        """Return whether each polled group of the rotation has answered at least once."""
        return all(layer.group in inputs.rosters for layer in self.layers if isinstance(layer, RosterLayer))

    @property
    def begins_at(self) -> int | None:
        """The time before which the rotation has no on-call person; None if that time is unknown."""
        begins = [layer.begins_at for layer in self.layers]
        return min((at for at in begins if at is not None), default=None) if None not in begins else None

    def on_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons on call; empty during a gap."""
        return _with_overrides(self._layer_at(at, inputs)[1], self._overrides_at(at, inputs))

    def remarks_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the reasons, if known, why no one is on call; empty while someone is."""
        if self.on_at(at, inputs):
            return _NO_ONE
        return tuple(remark for layer in self.layers for remark in layer.remarks_at(at, inputs))

    @property
    def unreadable_parts(self) -> tuple[str, ...]:
        """The parts of calendar files that cannot be read: a shift may be missing."""
        return tuple(part for layer in self.layers for part in layer.unreadable_parts)

    def _overrides_at(self, at: int, inputs: OnCallInput) -> list[Override]:
        """Return the overrides in effect, in order: those of people.yaml, swaps first; then those made at run time."""
        own = sorted(self.overrides, key=lambda override: not override.swaps_with)
        return [
            override for override in (*own, *inputs.overrides) if override.rotation == self.name and override.covers(at)
        ]

    def secondary_at(self, at: int, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons to page with the next tier."""
        if not self.secondary_is_next:
            return self.secondary
        primary = self.on_at(at, inputs)
        swaps = [override for override in self._overrides_at(at, inputs) if override.swaps_with]
        layer, _ = self._layer_at(at, inputs)
        waiting = _with_overrides(layer.waiting(at, inputs) if layer is not None else _NO_ONE, swaps)
        return next(((name,) for name in waiting if name not in primary), _NO_ONE)

    def shifts(self, after: int, before: int, inputs: OnCallInput) -> list[Shift]:
        """Return all shifts from ``after`` until before ``before``; a gap is a shift without names."""
        moments = {after}
        for layer in self.layers:
            moments.update(layer.changes(after, before, inputs))
        for override in (*self.overrides, *inputs.overrides):
            if override.rotation == self.name:
                moments.update((override.starts_at, override.ends_at))
        shifts: list[Shift] = []
        for at in sorted(start for start in moments if after <= start < before):
            names = self.on_at(at, inputs)
            if not shifts or shifts[-1].names != names:
                shifts.append(Shift(at, before, names))
        return [
            Shift(shift.starts_at, later.starts_at if later else before, shift.names)
            for shift, later in zip(shifts, [*shifts[1:], None], strict=True)
        ]

    def shift_at(self, at: int, inputs: OnCallInput) -> Shift:
        """Return the whole shift at ``at``; its start and end are at most 400 days away."""
        starts_at, ends_at = at - LOOKED_AHEAD, at + LOOKED_AHEAD
        for length in _PIECES:
            ahead = self.shifts(at, at + length, inputs)
            if len(ahead) > 1:
                ends_at = ahead[0].ends_at
                break
        for length in _PIECES:
            behind = self.shifts(at - length, at + 1, inputs)
            if len(behind) > 1:
                starts_at = behind[-1].starts_at
                break
        return Shift(starts_at, ends_at, self.on_at(at, inputs))

    def gaps(self, after: int, before: int, inputs: OnCallInput) -> list[Span]:
        """Return the spans in which no one is on call."""
        return [Span(*shift[:2]) for shift in self.shifts(after, before, inputs) if not shift.names]

    def gap_ends_at(self, at: int, inputs: OnCallInput) -> int | None:
        """Return the start of the next shift, for a rotation without an on-call person; None: not within 400 days."""
        ends_at = self.shift_at(at, inputs).ends_at
        return ends_at if ends_at < at + LOOKED_AHEAD else None

    def _layer_at(self, at: int, inputs: OnCallInput) -> tuple[Layer | None, tuple[str, ...]]:
        """Return the first layer with an on-call person, and its persons on call."""
        for layer in self.layers:
            if names := layer.on_at(at, inputs):
                return layer, names
        return None, _NO_ONE


def overlaps(overrides: Sequence[Override]) -> list[tuple[Override, Override]]:
    """Return pairs (loser, winner) of overrides that put different persons on call at the same time."""
    plain = [override for override in overrides if not override.swaps_with]
    return [
        (losing, winning)
        for place, losing in enumerate(plain)
        for winning in plain[place + 1 :]
        if losing.rotation == winning.rotation
        and losing.person != winning.person
        and losing.starts_at < winning.ends_at
        and winning.starts_at < losing.ends_at
    ]
