"""Conditions of a rule: ``match``, ``any``, ``when_open`` and ``rate``."""

from typing import Any

from tocsin.conf.keys import key_hint
from tocsin.conf.rules.values import Values
from tocsin.conf.source import Findings, Node
from tocsin.core.errors import MatcherError
from tocsin.core.matching.condition import COLUMNS, AskOpen, AskRate
from tocsin.core.matching.matcher import Matchers
from tocsin.core.matching.matcher_slips import read_written
from tocsin.core.matching.placeholders import Template

KEYS = ("match", "any", "when_open", "rate")

_RATE = ("more_than", "within")


class WhenReader:
    """Reads the conditions of rules."""

    def __init__(self, values: Values, findings: Findings) -> None:
        self._values = values
        self._findings = findings
        self._report = findings.problem

    def match(self, node: Node, *, may_be_misspelled: bool = False) -> Matchers:
        """Return matchers that must all match; none: every alert matches."""
        child = node.child("match")
        if child is None:
            if node.child("any") is None and not may_be_misspelled:
                self._report(node.mark, "'match' is missing", "write `match: {}` for every alert")
            return ()
        if child.broken or child.value == {}:
            return ()
        if isinstance(child.value, dict):
            first = next(iter(child.value))
            quoted = f"put them in single quotes: '{child.braces}'" if child.braces else "put them in single quotes"
            hint = quoted if "=" in first or "!~" in first else f'write for example {first}="..."'
            self._report(child.mark, "matchers are text, not a mapping", hint)
            return ()
        texts = child.value if isinstance(child.value, list) else [child]
        return tuple(matcher for text in texts for matcher in self._matchers(text))

    def any_of(self, node: Node) -> tuple[Matchers, ...]:
        """Return groups of matchers of which one must match."""
        child = node.child("any")
        if child is None or child.broken:
            return ()
        if not isinstance(child.value, list) or not child.value:
            self._report(child.head, "a list of matchers is expected here", "write one line each that begins with -")
            return ()
        return tuple(self._matchers(entry) for entry in child.value)

    def _matchers(self, node: Node) -> Matchers:
        text = self._values.text(node)
        if text is None:
            return ()
        if not text.strip():
            self._report(node.mark, "has no matcher", "write `match: {}` for every alert")
            return ()
        try:
            result, warning = read_written(text)
        except MatcherError as error:
            self._report(node.inside(error.start or 0), f"bad matcher: {error}")
            return ()
        if warning:
            self._findings.warn(node.mark, warning)
        return result

    def when_open(self, node: Node) -> AskOpen | None:
        """Return the condition on another open incident."""
        child = self._mapping(node, "when_open", COLUMNS, 'write for example `{service: "db-{cluster}"}`')
        if child is None:
            return None
        given: dict[str, Any] = {}
        for name, value in child.children():
            if name == "severity":
                given["severity"] = self._severities(value)
            elif name in COLUMNS:
                given[str(name)] = self._values.template(value)
        if not any(given.values()):
            if not child.value:
                self._report(child.head, "says nothing of the incident", f"write at least one of {', '.join(COLUMNS)}")
            return None
        return AskOpen(**given)

    def _severities(self, node: Node) -> tuple[Template, ...]:
        listed = node.value if isinstance(node.value, list) else [node]
        if not listed:
            self._report(node.head, "has no value", "write a severity, or remove the line")
        return tuple(result for each in listed if (result := self._values.template(each)) is not None)

    def rate(self, node: Node) -> AskRate | None:
        """Return the required frequency of the alert."""
        example = "write for example `{more_than: 5, within: 10m}`"
        child = self._mapping(node, "rate", _RATE, example)
        if child is None:
            return None
        for name in _RATE:
            if child.child(name) is None:
                self._report(child.head, f"{name!r} is missing", example)
        count, within = child.child("more_than"), child.child("within")
        if count is None or within is None:
            return None
        more_than, duration = self._values.count(count), self._values.duration(within)
        if duration == 0:
            self._report(within.mark, "nothing happens within no time", "write for example 10m")
        return AskRate(more_than=more_than, within=duration) if more_than and duration else None

    def _mapping(self, node: Node, key: str, known: tuple[str, ...], example: str) -> Node | None:
        child = node.child(key)
        if child is None or child.broken:
            return None
        if not isinstance(child.value, dict):
            self._values.no_mapping(child, example)
            return None
        for name, value in child.value.items():
            if name not in known:
                self._report(value.head, f"unknown key {name!r}", key_hint(name, known))
        return child
