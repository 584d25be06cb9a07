"""Differences between two configurations: names of rules, playbooks, people and settings, but no values."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from tocsin.conf.bundle import Bundle
from tocsin.core.rules.rule import Rule

_COMPARED_BY_NAME = frozenset({"channels", "trackers"})
"""Settings whose entries are compared by name."""


class ConfigChange(msgspec.Struct, frozen=True):
    """An item that was added, removed, changed or moved."""

    kind: str
    """``rule``, ``playbook``, ``person``, ``group``, ``target``, ``window``, ``channel``, ``tracker``, ``setting``."""
    name: str
    how: str
    """``added``, ``removed`` or ``changed``; for a rule also ``moved``, when its position among the others differs."""
    place: str = ""
    """``file:line`` of a rule; for a removed rule, its former place."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.how}{f' ({self.place})' if self.place else ''}"


def changes(old: Bundle, new: Bundle) -> tuple[ConfigChange, ...]:
    """Return the differences, rules first, in the order of the new configuration."""
    return (
        *_rules(old.rules.rules, new.rules.rules),
        *_named("playbook", old.playbooks, new.playbooks),
        *_named("person", old.people.persons, new.people.persons),
        *_named("group", old.people.groups, new.people.groups),
        *_named("rotation", old.people.rotations, new.people.rotations),
        *_named("target", old.people.places, new.people.places),
        *_named("window", {one.name: one for one in old.windows}, {one.name: one for one in new.windows}),
        *_named("channel", {one.name: one for one in old.channels}, {one.name: one for one in new.channels}),
        *_named("tracker", {one.name: one for one in old.trackers}, {one.name: one for one in new.trackers}),
        *(ConfigChange("setting", name, "changed") for name in _settings(old.settings, new.settings)),
    )


def _rules(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[ConfigChange]:
    before = {rule.name: rule for rule in old}
    after = {rule.name: rule for rule in new}
    position = {rule.name: index for index, rule in enumerate(old)}
    moved = _moved([rule.name for rule in new if rule.name in before], position)
    for rule in new:
        was = before.get(rule.name)
        if was is None:
            yield ConfigChange("rule", rule.name, "added", _place(rule))
        elif _content(was) != _content(rule):
            yield ConfigChange("rule", rule.name, "changed", _place(rule))
        elif rule.name in moved:
            yield ConfigChange("rule", rule.name, "moved", _place(rule))
    for rule in old:
        if rule.name not in after:
            yield ConfigChange("rule", rule.name, "removed", _place(rule))


def _content(rule: Rule) -> Rule:
    """Return the rule without its position."""
    return msgspec.structs.replace(rule, path="", line=0)


def _place(rule: Rule) -> str:
    return f"{rule.path}:{rule.line}" if rule.path else ""


def _moved(names: Sequence[str], position: Mapping[str, int]) -> set[str]:
    """Return the smallest set of rules that must move to turn the old order into the new one.

    The other rules are the longest increasing subsequence of the old positions.
    """
    ends: list[int] = []
    """For each length, the lowest old position at which an increasing subsequence of this length ends."""
    last: list[str] = []
    before: dict[str, str | None] = {}
    for name in names:
        length = bisect_left(ends, position[name])
        before[name] = last[length - 1] if length else None
        if length == len(ends):
            ends.append(position[name])
            last.append(name)
        else:
            ends[length] = position[name]
            last[length] = name
    stayed: set[str] = set()
    name_: str | None = last[-1] if last else None
    while name_ is not None:
        stayed.add(name_)
        name_ = before[name_]
    return set(names) - stayed


def _named(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ConfigChange]:
    for name, value in new.items():
        if name not in old:
            yield ConfigChange(kind, name, "added")
        elif old[name] != value:
            yield ConfigChange(kind, name, "changed")
    for name in old:
        if name not in new:
            yield ConfigChange(kind, name, "removed")


def _settings(old: BaseModel, new: BaseModel, within: str = "") -> Iterator[str]:
    """Yield the names of the settings that differ, such as ``delivery.timeout``."""
    for key, info in type(new).model_fields.items():
        name = f"{within}{info.alias or key}"
        was, is_ = getattr(old, key), getattr(new, key)
        if was == is_ or name in _COMPARED_BY_NAME:
            continue
        if isinstance(is_, BaseModel):
            yield from _settings(was, is_, f"{name}.")
        else:
            yield name
