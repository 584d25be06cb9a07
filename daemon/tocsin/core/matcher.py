"""Alertmanager's matchers: ``severity=~"critical|page"``.

A label that an alert does not have counts as empty, so ``team=""`` matches
its absence and ``team!="x"`` too. Several matchers must all match.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin.core import matcher_grammar
from tocsin.core.errors import MatcherError
from tocsin.core.matcher_grammar import RESERVED, Parsed
from tocsin.core.pattern import Test, compile_test

OPERATORS = ("=", "!=", "=~", "!~")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label.

    Raises:
        MatcherError: The operator is none, or the value is no regular expression where one is wanted.
    """

    name: str
    op: str
    value: str
    test: Test = field(init=False, repr=False, compare=False)
    """Whether a value of the label (empty: it is missing) is as this wants it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "test", _test(self.op, self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are as this wants them."""
        return self.test(labels.get(self.name, ""))

    def __reduce__(self) -> tuple[type["Matcher"], tuple[str, str, str]]:
        """What it is made of: its test is made anew where it arrives."""
        return Matcher, (self.name, self.op, self.value)

    def __str__(self) -> str:
        name = _quote(self.name) if not self.name or RESERVED.search(self.name) else self.name
        return f"{name}{self.op}{_quote(self.value)}"


Matchers = tuple[Matcher, ...]


class Reading(NamedTuple):
    """Matchers, and what their author should know about how they were read."""

    matchers: Matchers
    warning: str = ""


def _test(op: str, value: str) -> Test:
    if op == "=":
        return value.__eq__
    if op == "!=":
        return value.__ne__
    if op not in OPERATORS:
        raise MatcherError(f"{op!r} is no operator: write one of {', '.join(OPERATORS)}")
    test = compile_test(value)
    return test if op == "=~" else lambda text: not test(text)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def show_matchers(matchers: Iterable[Matcher]) -> str:
    """Matchers as Alertmanager writes them: ``{a="b",c=~"d"}``."""
    return "{" + ",".join(map(str, matchers)) + "}"


def parse_utf8(text: str) -> Matchers:
    """Read matchers by the grammar of Alertmanager's ``utf8-strict-mode``.

    Raises:
        MatcherError: They do not parse.
    """
    return _build(matcher_grammar.utf8, text)


def parse_classic(text: str) -> Matchers:
    """Read matchers by the grammar of Alertmanager's ``classic-mode``.

    Raises:
        MatcherError: They do not parse.
    """
    return _build(matcher_grammar.classic, text)


def read_matchers(text: str) -> Reading:
    """Read matchers as Alertmanager does by default, by both grammars.

    Where they disagree, or only the classic one can read the text, the classic reading counts, with a warning.

    Raises:
        MatcherError: Neither can read it; told is what the UTF-8 grammar has against it.
    """
    try:
        modern = parse_utf8(text)
    except MatcherError as error:
        try:
            found = parse_classic(text)
        except MatcherError:
            raise error from None
        return Reading(found, f"only the classic grammar can read this; write {show_matchers(found)}")
    try:
        found = parse_classic(text)
    except MatcherError:
        return Reading(modern)
    if found == modern:
        return Reading(modern)
    return Reading(found, f"the two grammars disagree and the classic one counts; write {show_matchers(found)}")


def parse_matchers(text: str) -> Matchers:
    """Read matchers as Alertmanager does by default; see `read_matchers`.

    Raises:
        MatcherError: They do not parse.
    """
    return read_matchers(text).matchers


def parse_matcher(text: str, parse: Callable[[str], Matchers] = parse_matchers) -> Matcher:
    """Read exactly one matcher.

    Raises:
        MatcherError: It does not parse, or it is none or more than one.
    """
    found = parse(text)
    if len(found) != 1:
        raise MatcherError(f"expected one matcher instead of {len(found)}", 0, len(text))
    return found[0]


def _build(grammar: Callable[[str], list[Parsed]], text: str) -> Matchers:
    return tuple(_matcher(parsed) for parsed in grammar(text))


def _matcher(parsed: Parsed) -> Matcher:
    try:
        return Matcher(parsed.name, parsed.op, parsed.value)
    except MatcherError as error:
        raise MatcherError(str(error), parsed.start, parsed.end) from None
