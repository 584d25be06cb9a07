"""Cutting the body of a large webhook into slices of a few alerts each.

The whole body is scanned once, so that a body that is not a webhook is refused before
any of it is accepted. No step holds the interpreter for long. Only positions are kept:
a list of millions of small numbers takes 16 MB as a body, but would take 500 MB as
objects.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tocsin.web.alertmanager.lenient import Malformed, expected, has_labels, why_unplaceable
from tocsin.web.alertmanager.payload import integer, no_constant, not_json
from tocsin.web.alertmanager.rejected import Rejected

ALERTS = 300
"""Maximum number of alerts in a slice."""
LONGEST = 256 * 1024
"""Number of characters after which a slice ends, however few alerts it holds."""

_SPACE = re.compile(r"[ \t\n\r]*").match
_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"
_NOT_ALERTS = re.compile(rf'(?:(?:{_NUMBER}|true|false|null|""|\[\]|{{}})[ \t\n\r]*,[ \t\n\r]*)+').match
_WINDOW = 16 * 1024
"""Number of characters that one search for non-alerts covers."""

_decode = json.JSONDecoder(parse_constant=no_constant, parse_int=integer).raw_decode

Span = tuple[int, int]


@dataclass
class Slices:
    """The positions of the alerts in a body."""

    text: str
    envelope: dict[str, Any] = field(default_factory=dict)
    """The members of the body besides the alerts."""
    spans: list[list[Span]] = field(default_factory=list)
    """For each slice, the spans of text with alerts that have labels."""

    def __iter__(self) -> Iterator[str]:
        """Yield each slice: a few alerts as JSON, separated by commas."""
        for spans in self.spans:
            yield ",".join(self.text[start:end] for start, end in spans)


def cut(text: str, rejected: Rejected) -> Slices:
    """Cut a body into slices; alerts without labels go to ``rejected``.

    Raises:
        Malformed: The body is not JSON, or not a webhook.
        RecursionError: The body is nested too deeply.
    """
    return _Cutter(text, rejected).cut()


class _Cutter:
    """A single pass over one body."""

    def __init__(self, text: str, rejected: Rejected) -> None:
        self._text = text
        self._rejected = rejected
        self._slices = Slices(text)
        self._spans: list[Span] = []
        """Spans of the current slice."""
        self._alerts = 0
        """Number of alerts in the current slice."""

    def cut(self) -> Slices:
        """Return the slices."""
        at = self._skip(0)
        if not self._text.startswith("{", at):
            value, at = self._value(at)
            expected("an object", value, "$")
        at = self._members(at + 1)
        if (end := self._skip(at)) < len(self._text):
            raise self._not_json("Extra data", end)
        if "alerts" not in self._slices.envelope:
            expected("a list", None, "$.alerts")
        self._end_slice()
        return self._slices

    def _members(self, at: int) -> int:
        """Read the members of the body; return the position after it."""
        at = self._skip(at)
        if self._text.startswith("}", at):
            return at + 1
        while True:
            name, at = self._value(at)
            if not isinstance(name, str):
                raise self._not_json("Expecting property name enclosed in double quotes", at)
            at = self._skip(self._expect(":", self._skip(at)))
            if name != "alerts":
                self._slices.envelope[name], at = self._value(at)
            elif self._text.startswith("[", at):
                self._slices.envelope[name] = True
                at = self._elements(at + 1)
            else:
                value, at = self._value(at)
                expected("a list", value, "$.alerts")
            at = self._skip(at)
            if self._text.startswith("}", at):
                return at + 1
            at = self._skip(self._expect(",", at))

    def _elements(self, at: int) -> int:
        """Read the list of alerts; return the position after it."""
        at = self._skip(at)
        if self._text.startswith("]", at):
            return at + 1
        index = 0
        while True:
            if self._rejected.is_full and (run := _NOT_ALERTS(self._text, at, at + _WINDOW)) is not None:
                count = self._text.count(",", run.start(), run.end())
                self._rejected.add_unseen(count)
                index, at = index + count, self._skip(run.end())
            value, end = self._value(at)
            self._add(value, at, end, index)
            index += 1
            at = self._skip(end)
            if self._text.startswith("]", at):
                return at + 1
            at = self._skip(self._expect(",", at))

    def _add(self, alert: object, start: int, end: int, index: int) -> None:
        if not has_labels(alert):
            if self._rejected.is_full:
                self._rejected.add_unseen(1)
            else:
                self._rejected.add(alert, why_unplaceable(alert, f"$.alerts[{index}]"))
            return
        is_adjacent = self._spans and self._text[self._spans[-1][1] : start].strip(" \t\n\r") == ","
        if is_adjacent:
            self._spans[-1] = (self._spans[-1][0], end)
        else:
            self._spans.append((start, end))
        self._alerts += 1
        if self._alerts >= ALERTS or end - self._spans[0][0] >= LONGEST:
            self._end_slice()

    def _end_slice(self) -> None:
        if self._spans:
            self._slices.spans.append(self._spans)
        self._spans, self._alerts = [], 0

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return _decode(self._text, at)
        except ValueError as error:
            raise not_json(self._text, error) from None

    def _expect(self, mark: str, at: int) -> int:
        if not self._text.startswith(mark, at):
            raise self._not_json(f"Expecting {mark!r} delimiter", at)
        return at + 1

    def _skip(self, at: int) -> int:
        """Return the position of the next character that is not white space."""
        match = _SPACE(self._text, at)
        return match.end() if match is not None else at

    def _not_json(self, message: str, at: int) -> Malformed:
        return not_json(self._text, json.JSONDecodeError(message, self._text, at))
