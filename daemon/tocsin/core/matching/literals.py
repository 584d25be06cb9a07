"""Literal texts that every match of an expression must contain.

Only characters outside groups, classes and alternatives count, and a construct
that is not surely understood yields nothing: an unnecessary RE2 call is
acceptable, a missed match is not.
"""

import re

_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_COUNT = re.compile(r"\{\d+(?:,\d*)?\}")
_UNCLEAR_ESCAPES = frozenset("QEpPxC0123456789")
"""Characters that, after a backslash, make the escape longer or change how the rest is read."""
_BREAKS = frozenset("dDsSwWbBAz")
"""Characters that, after a backslash, stand for something other than a literal."""


def needed_literals(regex: str) -> tuple[str, ...]:
    """Return texts that every match of an expression contains, as far as that is certain."""
    runs = _Runs()
    at = 0
    while at < len(regex):
        step = _step(regex, at, runs)
        if not step:
            return ()
        at += step
    runs.end()
    return tuple(runs.texts)


class _Runs:
    """Runs of adjacent literal characters."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self._run = ""

    def add(self, char: str) -> None:
        self._run += char

    def end(self) -> None:
        if self._run:
            self.texts[self._run] = None
        self._run = ""

    def drop(self) -> None:
        """End the run without its last character, which is optional."""
        self._run = self._run[:-1]
        self.end()


def _step(regex: str, at: int, runs: _Runs) -> int:
    """Read one element at ``at`` and return its length in characters; 0 if its meaning is uncertain."""
    char = regex[at]
    if char in "*?{":
        runs.drop()
        count = _COUNT.match(regex, at)
        return 1 if char != "{" else len(count[0]) if count else 0
    if char in "+.^$":
        runs.end()
        return 1
    if char in "([":
        runs.end()
        return _group(regex, at) if char == "(" else _length(_CLASS.match(regex, at))
    if char == "\\":
        return _escape(regex, at, runs)
    if char in ")|":
        return 0
    runs.add(char)
    return 1


def _escape(regex: str, at: int, runs: _Runs) -> int:
    escaped = regex[at + 1 : at + 2]
    if escaped in _BREAKS and escaped:
        runs.end()
        return 2
    if not escaped.isascii() or escaped.isalnum() or escaped in _UNCLEAR_ESCAPES or not escaped:
        return 0
    runs.add(escaped)
    return 2


def _group(regex: str, start: int) -> int:
    """Return the length of the group at ``start``; 0 if its meaning is uncertain."""
    if regex.startswith("(?", start) and not regex.startswith("(?:", start):
        return 0
    depth, at = 0, start
    while at < len(regex):
        char = regex[at]
        if char == "[":
            at += _length(_CLASS.match(regex, at)) or len(regex)
            continue
        if char == "\\":
            if regex[at + 1 : at + 2] in _UNCLEAR_ESCAPES:
                return 0
            at += 2
            continue
        if regex.startswith("(?", at) and not regex.startswith("(?:", at):
            return 0
        depth += (char == "(") - (char == ")")
        at += 1
        if not depth:
            return at - start
    return 0


def _length(match: re.Match[str] | None) -> int:
    return len(match[0]) if match else 0
