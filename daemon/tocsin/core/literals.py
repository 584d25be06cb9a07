"""Texts that whatever matches an expression must contain.

Only what stands outside of groups, classes and alternatives is looked at, and
whatever is not surely understood counts as nothing: an index may ask RE2 once
too often, never once too little.
"""

import re

_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_COUNT = re.compile(r"\{\d+(?:,\d*)?\}")
_UNCLEAR_ESCAPES = frozenset("QEpPxC0123456789")
"""Behind a backslash: more of what follows belongs to it, or it changes how that is read."""
_BREAKS = frozenset("dDsSwWbBAz")
"""Behind a backslash: something of its own that is no literal."""


def needed_literals(regex: str) -> tuple[str, ...]:
    """Texts that every match of an expression contains, as far as that is plain to see."""
    runs = _Runs()
    at = 0
    while at < len(regex):
        step = _step(regex, at, runs)
        if not step:
            return ()
        at += step
    runs.end()
    return tuple(runs.found)


class _Runs:
    """Literal characters that follow on each other."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self._run = ""

    def add(self, char: str) -> None:
        self._run += char

    def end(self) -> None:
        if self._run:
            self.found[self._run] = None
        self._run = ""

    def drop(self) -> None:
        """The last character may be missing."""
        self._run = self._run[:-1]
        self.end()


def _step(regex: str, at: int, runs: _Runs) -> int:
    """Reads on; returns how many characters that were, 0 where it is not clear what they mean."""
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
    """How long a group is."""
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


def _length(found: re.Match[str] | None) -> int:
    return len(found[0]) if found else 0
