"""Regular expressions as Alertmanager reads them: RE2 syntax, fully anchored, ``.`` does not match a newline.

Most expressions in rules are literals, lists of literals, prefixes or
suffixes. They become plain string tests, because one call of google-re2 from
Python costs as much as ten of those. The index over many expressions
(`tocsin.core.matching.clause_index`) is built on their `Shape`.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import re2

from tocsin.core.errors import MatcherError
from tocsin.core.matching.literals import needed_literals

Test = Callable[[str], bool]

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # RE2 would repeat the exception's text on stderr
_BOUNDED = re2.Options()
"""The options that decide whether an expression is too large.

The interpreter stands still while RE2 compiles: google-re2 keeps the GIL, so a thread would not help. RE2's own limit
(8 MiB) lets 390 characters, ``(?:a|b){0,1000}`` 26 times, take 2.8 s, because a chain of optional parts costs the
square of its length. Matching keeps that limit: it also bounds the cache of states.
"""
_BOUNDED.log_errors = False
_PROGRAM_BYTES = 128 * 1024
"""Memory for a compiled expression."""
_BOUNDED.max_mem = _PROGRAM_BYTES  # about 10,000 instructions; the largest expression of the shipped rules has 354
_REPETITION = re.compile(r"\\x\{[0-9A-Fa-f]{1,8}\}|\\.|\{(?P<least>\d{1,9})(?:,(?P<most>\d{0,9}))?\}", re.DOTALL)
"""A repetition, or an escape, in which braces are none: ``\\{2500}`` is text, and ``\\x{3042}`` a character."""
_MOST_REPETITIONS = 2_000
"""Maximum number of repetitions in an expression: twice the maximum that RE2 accepts of one part."""
_UNICODE_CLASS = re.compile(r"\\[pP]")
_MOST_UNICODE_CLASSES = 100
"""RE2 reads each from a table of hundreds of ranges: 1,300 of ``\\pL`` take 0.22 s."""
_SHOWN = 60
"""Maximum number of characters of a large expression that an error shows."""

_LITERAL = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\[!-/:-@\[-`{-~])*", re.DOTALL)
"""Literal characters, and ASCII punctuation after a backslash."""
_GROUP = re.compile(r"\((?:\?:)?([^()\\]*)\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_IGNORE_CASE = "(?i)"
_FOLDED_WORD = re.compile(r"\(\?i:([^()|\\]+)\)(?![*+?{])")
"""A leading word that ignores case, before a rest that does not: ``(?i:redis)([^a-z].*)?``."""


class PatternKind(StrEnum):
    """Kind of text that an expression matches. Only REGEX and EXACT can match a text with a newline."""

    EXACT = "exact"
    """Exactly one of the texts."""
    PREFIX = "prefix"
    """Any text that begins with one of the texts."""
    SUFFIX = "suffix"
    INNER = "inner"
    """Any text that contains the one text."""
    SOME = "some"
    """Any text that is not empty."""
    REGEX = "regex"
    """Decided by RE2; every match contains all of the texts."""


class Shape(NamedTuple):
    """Facts about an expression that are known without RE2."""

    kind: PatternKind
    texts: tuple[str, ...] = ()
    folded: bool = False
    """Upper and lower case are equal. The texts are ASCII in lower case; for other characters RE2 decides: it takes the
    Kelvin sign for a k.
    """


def compile_test(regex: str) -> Test:
    """Return a function that tests whether a whole text matches.

    Raises:
        MatcherError: RE2 does not accept the expression, or it is too large.
    """
    try:
        _check_size(regex)
        compiled = re2.compile(regex, _OPTIONS)
    except re2.error as error:
        if _reason(error).startswith("pattern too large"):
            raise _too_large(regex) from None
        raise MatcherError(f"{regex!r} is not a regular expression: {_reason(error)}{_advice(regex)}") from None
    except UnicodeEncodeError:
        raise MatcherError(f"{regex!r} is not a regular expression: it is not valid Unicode") from None
    fullmatch = compiled.fullmatch

    def by_re2(text: str) -> bool:
        # Bytes save the wrapper its offset arithmetic; half a surrogate pair, which UTF-8 cannot hold, becomes "?".
        return fullmatch(text.encode("utf-8", "replace")) is not None

    return _string_test(shape_of(regex), by_re2) or by_re2


def _check_size(regex: str) -> None:
    """Check that RE2 compiles an expression in a few milliseconds.

    Raises:
        MatcherError: It has too many repetitions or Unicode classes.
        re2.error: It is too large, or RE2 does not accept it.
    """
    repetitions = sum(int(most or least or 0) for least, most in _REPETITION.findall(regex))
    classes = len(_UNICODE_CLASS.findall(regex))
    if repetitions > _MOST_REPETITIONS or classes > _MOST_UNICODE_CLASSES:
        raise _too_large(regex)
    if repetitions or classes:
        re2.compile(regex, _BOUNDED)


def _too_large(regex: str) -> MatcherError:
    shown = repr(regex if len(regex) <= _SHOWN else f"{regex[:_SHOWN]}...")
    advice = "repeat less, name smaller classes than \\pL, or write several matchers"
    return MatcherError(f"{shown} is too large a regular expression ({len(regex)} characters): {advice}")


def cost_of(regex: str) -> int:
    """Return the number of RE2 instructions for an expression; 0 if a plain string test is enough.

    Raises:
        MatcherError: RE2 does not accept the expression.
    """
    compile_test(regex)
    return int(re2.compile(regex, _OPTIONS).programsize) if shape_of(regex).kind is PatternKind.REGEX else 0


_UNSUPPORTED = (
    (re.compile(r"\(\?<?[=!]"), "look-around: write a second matcher with !~ for what must not match"),
    (re.compile(r"\\[1-9]|\\k<|\(\?P="), "back-references: write the alternatives out"),
    (re.compile(r"\(\?>|[*+?}]\+"), "possessive or atomic groups: a plain one cannot hang either"),
    (re.compile(r"\\Z"), "\\Z: a value is matched from its first to its last character anyway"),
)
"""Syntax of other engines that RE2 does not have, and the advice to give."""


def _advice(regex: str) -> str:
    return next((f"; RE2 has no {advice}" for syntax, advice in _UNSUPPORTED if syntax.search(regex)), "")


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _string_test(shape: Shape, by_re2: Test) -> Test | None:
    """Return an equivalent test without RE2; None if that is not certain."""
    texts = shape.texts
    test: Test | None = None
    if shape.kind is PatternKind.EXACT:
        literals = frozenset(texts)
        test = literals.__contains__
        if shape.folded:
            test = lambda text: text.lower() in literals if text.isascii() else by_re2(text)  # noqa: E731 - as below
    elif shape.kind is PatternKind.PREFIX:
        test = lambda text: text.startswith(texts) and "\n" not in text  # noqa: E731 - as below
    elif shape.kind is PatternKind.SUFFIX:
        test = lambda text: text.endswith(texts) and "\n" not in text  # noqa: E731 - as below
    elif shape.kind is PatternKind.INNER:
        test = lambda text: texts[0] in text and "\n" not in text  # noqa: E731 - as below
    elif shape.kind is PatternKind.SOME:
        test = lambda text: text != "" and "\n" not in text  # noqa: E731 - a name for it would say no more
    return test


def shape_of(regex: str) -> Shape:
    """Return the shape of an expression that RE2 accepts."""
    if regex.startswith(_IGNORE_CASE):
        return _folded_shape(regex.removeprefix(_IGNORE_CASE))
    if word := _FOLDED_WORD.match(regex):
        return Shape(PatternKind.REGEX, _lower_literals(word[1] + regex[word.end() :]), folded=True)
    if regex == ".+":
        return Shape(PatternKind.SOME)
    branches = _branches(regex)
    literals = [literal for branch in branches if (literal := _literal(branch)) is not None]
    if len(literals) == len(branches):
        return Shape(PatternKind.EXACT, tuple(literals))
    return _wildcard_shape(branches) or Shape(PatternKind.REGEX, needed_literals(regex))


def _folded_shape(regex: str) -> Shape:
    branches = _branches(regex)
    literals = [literal for branch in branches if (literal := _literal(branch)) is not None and literal.isascii()]
    if len(literals) == len(branches):
        return Shape(PatternKind.EXACT, tuple(literal.lower() for literal in literals), folded=True)
    return Shape(PatternKind.REGEX, _lower_literals(regex), folded=True)


def _lower_literals(regex: str) -> tuple[str, ...]:
    """Return lower-case texts that every match contains once the match is lower-cased."""
    return tuple(text.lower() for text in needed_literals(regex) if text.isascii())


def _wildcard_shape(branches: list[str]) -> Shape | None:
    """Return the shape of ``a.*|b.*``, ``.*a|.*b`` and ``.*a.*``; None for any other."""
    if prefixes := _literals([b.removesuffix(".*") for b in branches if b.endswith(".*")], len(branches)):
        return Shape(PatternKind.PREFIX, prefixes)
    if suffixes := _literals([b.removeprefix(".*") for b in branches if b.startswith(".*")], len(branches)):
        return Shape(PatternKind.SUFFIX, suffixes)
    is_inner = len(branches) == 1 and branches[0].startswith(".*") and branches[0].endswith(".*")
    if is_inner and (inner := _literals([branches[0][2:-2]], 1)):
        return Shape(PatternKind.INNER, inner)
    return None


def _literals(parts: list[str], count: int) -> tuple[str, ...] | None:
    literals = tuple(literal for literal in map(_literal, parts) if literal is not None and "\n" not in literal)
    return literals if len(literals) == count else None


def _branches(regex: str) -> list[str]:
    group = _GROUP.fullmatch(regex)
    return re.split(r"(?<!\\)\|", group[1] if group else regex)


def _literal(branch: str) -> str | None:
    """Return the one text that the branch matches; None if it is not a literal."""
    return _ESCAPED.sub(r"\1", branch) if _LITERAL.fullmatch(branch) else None
