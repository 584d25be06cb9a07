"""Alertmanager's matchers: ``severity=~"critical|page"``.

A missing label counts as empty, so both ``team=""`` and ``team!="x"`` match
an alert without it. Several matchers must all match.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin.core.errors import MatcherError
from tocsin.core.matching import grammar as matcher_grammar
from tocsin.core.matching.grammar import RESERVED, Parsed
from tocsin.core.matching.pattern import Test, compile_test

OPERATORS = ("=", "!=", "=~", "!~")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label.

    Raises:
        MatcherError: The operator is unknown, or the value is not a valid regular expression.
    """

    name: str
    op: str
    value: str
    test: Test = field(init=False, repr=False, compare=False)
    """A function that tests a value of the label ("": the label is missing)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "test", _test(self.op, self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether these labels satisfy the matcher."""
        return self.test(labels.get(self.name, ""))

    def __reduce__(self) -> tuple[type["Matcher"], tuple[str, str, str]]:
        """Pickle the fields only: the test is compiled again on arrival."""
        return Matcher, (self.name, self.op, self.value)

    def __str__(self) -> str:
        name = _quote(self.name) if not self.name or RESERVED.search(self.name) else self.name
        return f"{name}{self.op}{_quote(self.value)}"


Matchers = tuple[Matcher, ...]


class Reading(NamedTuple):
    """Matchers, and a warning for their author about how they were read."""

    matchers: Matchers
    warning: str = ""


def _test(op: str, value: str) -> Test:
    if op == "=":
        return value.__eq__
    if op == "!=":
        return value.__ne__
    if op not in OPERATORS:
        raise MatcherError(f"{op!r} is not an operator: write one of {', '.join(OPERATORS)}")
    test = compile_test(value)
    return test if op == "=~" else lambda text: not test(text)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def show_matchers(matchers: Iterable[Matcher]) -> str:
    """Return matchers as Alertmanager writes them: ``{a="b",c=~"d"}``."""
    return "{" + ",".join(map(str, matchers)) + "}"


def parse_utf8(text: str) -> Matchers:
    """Parse matchers by the grammar of Alertmanager's ``utf8-strict-mode``.

    Raises:
        MatcherError: The text does not parse.
    """
    return _build(matcher_grammar.utf8, text)


def parse_classic(text: str) -> Matchers:
    """Parse matchers by the grammar of Alertmanager's ``classic-mode``.

    Raises:
        MatcherError: The text does not parse.
    """
    return _build(matcher_grammar.classic, text)


def read_matchers(text: str) -> Reading:
    """Parse matchers by both grammars, as Alertmanager does by default.

    If the grammars disagree, or only the classic one can parse the text, the classic reading counts, with a warning.

    Raises:
        MatcherError: Neither grammar can parse the text; the message is that of the UTF-8 grammar.
    """
    try:
        utf8 = parse_utf8(text)
    except MatcherError as error:
        try:
            classic = parse_classic(text)
        except MatcherError:
            raise error from None
        return Reading(classic, f"only the classic grammar can read this; write {show_matchers(classic)}")
    try:
        classic = parse_classic(text)
    except MatcherError:
        return Reading(utf8)
    if classic == utf8:
        return Reading(utf8)
    return Reading(classic, f"the two grammars disagree and the classic one counts; write {show_matchers(classic)}")


def parse_matchers(text: str) -> Matchers:
    """Parse matchers as Alertmanager does by default; see `read_matchers`.

    Raises:
        MatcherError: The text does not parse.
    """
    return read_matchers(text).matchers


def _build(grammar: Callable[[str], list[Parsed]], text: str) -> Matchers:
    return tuple(_matcher(parsed) for parsed in grammar(text))


def _matcher(parsed: Parsed) -> Matcher:
    try:
        return Matcher(parsed.name, parsed.op, parsed.value)
    except MatcherError as error:
        raise MatcherError(str(error), parsed.start, parsed.end) from None
