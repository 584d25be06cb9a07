"""``rotations:`` of people.yaml: who is on call when."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from tocsin.conf.calendars import calendar_of
from tocsin.conf.schema import IdForm, Name, Section, Text, mistake
from tocsin.conf.source import Findings, Node
from tocsin.conf.wall_clock import Local, TimeOfDay, TimeZone, Weekdays, WeekTimes
from tocsin.core.duration import parse_duration
from tocsin.core.oncall.people import Person
from tocsin.core.oncall.roster import slack_group_key
from tocsin.core.oncall.rotation import (
    Layer,
    OnCallHours,
    Override,
    RosterLayer,
    Rotation,
    TurnsLayer,
    first_at,
    overlaps,
)
from tocsin.core.schedule.hours import A_DAY
from tocsin.core.suggestions import did_you_mean, did_you_mean_or_add

SLACK = "slack"
"""The kind of channel that can be queried for the members of a user group."""
NEXT = "next"
"""The value of ``secondary`` that stands for the member whose turn is next."""

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_SHORTEST = timedelta(minutes=30)
_LONGEST = timedelta(days=366)
_EVERY = {"daily": _DAY, "weekly": _WEEK}


def _every(value: object) -> timedelta:
    if isinstance(value, str) and value in _EVERY:
        return _EVERY[value]
    hint = "write daily, weekly, or a length such as 12h or 14d"
    if not isinstance(value, str):
        raise mistake("the length of a turn is expected here", hint)
    try:
        result = timedelta(microseconds=parse_duration(value))
    except ValueError:
        raise mistake(f"{value!r} is not a length of a turn", hint) from None
    if not _SHORTEST <= result <= _LONGEST or result % timedelta(minutes=1):
        raise mistake("a turn is whole minutes long, 30m to 366d", hint)
    return result


Every = Annotated[
    timedelta,
    BeforeValidator(_every),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["daily", "weekly", "12h", "14d"]}),
]


_OF_TURNS = ("only", "every", "hand_over", "starts")
"""Keys that are valid only together with ``members``."""


class OnlyEntry(Section):
    """One entry of ``only:``: hours at which the layer has someone on call."""

    days: Weekdays = tuple(range(7))
    opens: Annotated[TimeOfDay, Field(alias="from")] = 0
    closes: Annotated[TimeOfDay, Field(alias="to")] = A_DAY


class SlackGroupEntry(Section):
    """``slack_group:``: a user group by its id, queried through a Slack channel."""

    channel: Name
    group: Annotated[
        str, IdForm(r"S[A-Z0-9]{2,}", "a Slack user group id such as S0123ABCD", "in the group's address in Slack")
    ]


class LayerEntry(Section):
    """A layer: members who take turns (``every`` or ``hand_over``), a calendar, or a user group."""

    calendar: Text | None = None
    slack_group: SlackGroupEntry | None = None
    members: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    starts: Local | None = None
    every: Every | None = None
    hand_over: WeekTimes | None = None
    only: tuple[OnlyEntry, ...] = ()


class OverrideEntry(Section):
    """One entry of ``overrides:``: a person who is on call for a time."""

    person: Name
    starts: Annotated[Local, Field(alias="from")]
    until: Local
    comment: str = ""


class SwapEntry(Section):
    """One entry of ``swaps:``: two people who exchange their shifts for a time."""

    between: Annotated[tuple[Name, ...], Field(min_length=2, max_length=2)]
    starts: Annotated[Local, Field(alias="from")]
    until: Local
    comment: str = ""


class RotationEntry(LayerEntry):
    """One entry of ``rotations:``: either a single layer, or several."""

    time_zone: TimeZone = "UTC"
    layers: tuple[LayerEntry, ...] = ()
    secondary: Annotated[tuple[Name, ...], Field(min_length=1)] | Literal["next"] | None = None
    backup: tuple[Name, ...] = ()
    overrides: tuple[OverrideEntry, ...] = ()
    swaps: tuple[SwapEntry, ...] = ()


@dataclass(frozen=True)
class Known:
    """The names that rotations may use."""

    persons: Mapping[str, Person]
    targets: Collection[str]
    """Persons, groups, rotations and places."""
    channels: Mapping[str, str]
    """The kind of each channel."""


class RotationReader:
    """Reads entries of the right form as rotations, and reports mistakes."""

    def __init__(self, known: Known, findings: Findings) -> None:
        self._known = known
        self._findings = findings
        self._report = findings.problem

    def read(self, name: str, entry: RotationEntry, node: Node) -> Rotation:
        """Return the rotation; mistakes are reported."""
        secondary = entry.secondary if isinstance(entry.secondary, tuple) else ()
        for names, place in ((secondary, node.at("secondary")), (entry.backup, node.at("backup"))):
            self._expect_others(name, names, place)
        result = Rotation(
            name,
            layers=tuple(self._layers(entry, node)),
            time_zone=entry.time_zone,
            overrides=self._overrides(name, entry, node),
            secondary=secondary,
            secondary_is_next=entry.secondary == NEXT,
            backup=entry.backup,
        )
        self._look_at_swaps(result, entry, node)
        return result

    def _look_at_swaps(self, result: Rotation, entry: RotationEntry, node: Node) -> None:
        """Report swaps without effect. Swaps are applied before overrides, each to the result of the previous one."""
        if result.has_roster or len(result.layers) < len(entry.layers or (entry,)):
            return  # the people who may be on call are not known
        known = {name for layer in result.layers for name in layer.names}
        for index, swap in enumerate(entry.swaps):
            if known.isdisjoint(swap.between):
                message = f"neither {' nor '.join(swap.between)} is ever on call here: the swap changes nothing"
                self._findings.warn(
                    node.at("swaps", index).head, message, "name a member of this rotation, or remove it"
                )
            else:
                known.update(swap.between)

    def _layers(self, entry: RotationEntry, node: Node) -> Iterator[Layer]:
        own = [key for key in LayerEntry.model_fields if node.child(key) is not None]
        if entry.layers and own:
            message = f"has both layers and {own[0]} of its own"
            self._report(node.at(own[0]).head, message, "write it into a layer of its own")
            return
        for layer, place in (
            [(layer, node.at("layers", index)) for index, layer in enumerate(entry.layers)]
            if entry.layers
            else [(entry, node)]
        ):
            result = self._layer(layer, place, ZoneInfo(entry.time_zone))
            if result is not None:
                yield result

    def _layer(self, entry: LayerEntry, node: Node, zone: ZoneInfo) -> Layer | None:
        sources = [key for key in ("members", "calendar", "slack_group") if getattr(entry, key) is not None]
        if len(sources) > 1:
            self._report(
                node.at(sources[1]).head, f"has both {sources[0]} and {sources[1]}", "keep one, or write layers:"
            )
            return None
        if sources and sources[0] != "members":
            idle = next((key for key in _OF_TURNS if node.child(key) is not None), None)
            if idle is not None:
                message = f"{idle} says nothing of a {sources[0]}, which says itself who is on call when"
                self._report(node.at(idle).head, message, "remove it, or write members:")
                return None
        if entry.calendar is not None:
            return calendar_of(entry.calendar, node.at("calendar"), self._known.persons, zone, self._findings)
        if entry.slack_group is not None:
            return self._slack_group(entry.slack_group, node.at("slack_group"))
        return self._turns(entry, node, zone)

    def _slack_group(self, entry: SlackGroupEntry, node: Node) -> Layer | None:
        kind = self._known.channels.get(entry.channel)
        if kind is None:
            message = f"no channel {entry.channel!r} is configured: this rotation has no members"
            self._findings.warn(node.at("channel").mark, message, did_you_mean(entry.channel, self._known.channels))
        elif kind != SLACK:
            self._report(
                node.at("channel").mark, f"the channel {entry.channel} is not a Slack channel", "name one of kind slack"
            )
        return RosterLayer(slack_group_key(entry.channel, entry.group))

    def _turns(self, entry: LayerEntry, node: Node, zone: tzinfo) -> TurnsLayer | None:
        if entry.members is None:
            self._report(node.head, "'members' is missing", "write who takes turns: members: [alex, robin]")
            return None
        for index, member in enumerate(entry.members):
            self._person(member, node.at("members", index))
        only = tuple(self._hours(hours, node.at("only", index)) for index, hours in enumerate(entry.only))
        if entry.starts is None:
            if len(set(entry.members)) > 1:
                self._report(node.head, "'starts' is missing", 'write when the first turn begins: "2026-01-05 09:00"')
                return None
            starts = datetime(2000, 1, 3)  # noqa: DTZ001 - a Monday on the wall clock
        else:
            starts = entry.starts
        if entry.every is not None and entry.hand_over is not None:
            self._report(node.at("hand_over").head, "has both `every` and `hand_over`", "remove one")
            return None
        if entry.hand_over is not None:
            monday = (starts - starts.weekday() * _DAY).replace(hour=0, minute=0, second=0)
            return TurnsLayer(
                entry.members, zone, starts, anchor=monday, period=_WEEK, offsets=entry.hand_over, only=only
            )
        if entry.every is None and len(set(entry.members)) > 1:
            self._report(
                node.head, "does not say when it is handed over", 'write every: weekly, or hand_over: ["Mon 09:00"]'
            )
        return TurnsLayer(entry.members, zone, starts, anchor=starts, period=entry.every or _WEEK, only=only)

    def _hours(self, entry: OnlyEntry, node: Node) -> OnCallHours:
        if entry.opens == A_DAY:
            self._report(node.at("from").mark, "24:00 is the end of a day", 'write from: "00:00", and the day after')
        closes = entry.closes if entry.closes > entry.opens else entry.closes + A_DAY
        return OnCallHours(frozenset(entry.days), timedelta(minutes=entry.opens), timedelta(minutes=closes))

    def _overrides(self, name: str, entry: RotationEntry, node: Node) -> tuple[Override, ...]:
        """Return swaps and overrides, in this order, so that an override takes precedence over every swap."""
        zone = ZoneInfo(entry.time_zone)
        swaps: list[Override] = []
        for index, swap in enumerate(entry.swaps):
            place = node.at("swaps", index)
            one, other = swap.between
            for number, person in enumerate(swap.between):
                self._person(person, place.at("between", number))
            if one == other:
                self._report(place.at("between").mark, "a person cannot swap with themselves", "name two persons")
            swaps.append(self._override(name, (one, other), swap, zone, place))
        result: list[Override] = []
        for index, text in enumerate(entry.overrides):
            place = node.at("overrides", index)
            self._person(text.person, place.at("person"))
            override = self._override(name, (text.person, ""), text, zone, place)
            clash = next((earlier for earlier in result if overlaps((earlier, override))), None)
            if clash is not None:
                message = f"for some of that time {clash.person} is named as well; this one counts"
                self._findings.warn(place.head, message, "end the one where the other begins")
            result.append(override)
        return (*swaps, *result)

    def _override(
        self, name: str, who: tuple[str, str], entry: OverrideEntry | SwapEntry, zone: tzinfo, node: Node
    ) -> Override:
        if entry.until <= entry.starts:
            self._report(node.at("until").mark, "ends before it begins", "the end must be later than the start")
        ends_at = first_at(entry.until, zone)
        return Override(
            rotation=name,
            person=who[0],
            swaps_with=who[1],
            starts_at=first_at(entry.starts, zone),
            ends_at=ends_at,
            planned_ends_at=ends_at,
            comment=entry.comment,
        )

    def _person(self, name: str, node: Node) -> None:
        if name not in self._known.persons:
            self._report(node.mark, f"there is no person {name!r}", did_you_mean_or_add(name, self._known.persons))

    def _expect_others(self, rotation: str, names: tuple[str, ...], node: Node) -> None:
        for index, name in enumerate(names):
            mark = node.at(index).mark
            if name == rotation:
                self._report(mark, f"{name} cannot stand in for itself", "name a person, a group or another rotation")
            elif name not in self._known.targets:
                self._report(
                    mark, f"{name!r} is neither a person nor a target", did_you_mean_or_add(name, self._known.targets)
                )
