"""Regular expressions as Alertmanager means them: RE2 syntax, fully anchored, ``.`` stops at a newline.

Most expressions in rules are literals, lists of literals, prefixes or
suffixes. Those become plain string tests, because one call of google-re2 from
Python costs as much as ten of them. Their `Shape` is what an index over many
of them (`tocsin.core.matching`) goes by.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import re2

from tocsin.core.errors import MatcherError
from tocsin.core.literals import needed_literals

Test = Callable[[str], bool]

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # RE2 would write to stderr what the exception says already

_LITERAL = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\[!-/:-@\[-`{-~])*", re.DOTALL)
"""Characters that stand for themselves, and ASCII punctuation behind a backslash."""
_GROUP = re.compile(r"\((?:\?:)?([^()\\]*)\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_IGNORE_CASE = "(?i)"
_FOLDED_WORD = re.compile(r"\(\?i:([^()|\\]+)\)(?![*+?{])")
"""A word at the beginning that ignores case, before a rest that does not: ``(?i:redis)([^a-z].*)?``."""


class Kind(StrEnum):
    """What sort of text an expression matches. All but REGEX and EXACT match none with a newline."""

    EXACT = "exact"
    """One of the texts."""
    PREFIX = "prefix"
    """What begins with one of them."""
    SUFFIX = "suffix"
    INNER = "inner"
    """What contains the one text."""
    SOME = "some"
    """Anything but nothing."""
    REGEX = "regex"
    """RE2 has to say; every match contains all of the texts."""


class Shape(NamedTuple):
    """What is known of an expression without asking RE2."""

    kind: Kind
    texts: tuple[str, ...] = ()
    folded: bool = False
    """Upper and lower case are the same. The texts are ASCII in lower case; beyond ASCII RE2 has to say: it takes the
    Kelvin sign for a k."""


def compile_test(regex: str) -> Test:
    """A test of whether a whole text matches.

    Raises:
        MatcherError: RE2 does not accept the expression.
    """
    try:
        compiled = re2.compile(regex, _OPTIONS)
    except re2.error as error:
        raise MatcherError(f"{regex!r} is not a regular expression: {_reason(error)}{_advice(regex)}") from None
    except UnicodeEncodeError:
        raise MatcherError(f"{regex!r} is not a regular expression: it is not valid Unicode") from None
    fullmatch = compiled.fullmatch

    def by_re2(text: str) -> bool:
        # Bytes spare the wrapper its offset arithmetic; half a surrogate pair, which UTF-8 cannot hold, becomes "?".
        return fullmatch(text.encode("utf-8", "replace")) is not None

    return _string_test(shape_of(regex), by_re2) or by_re2


def cost_of(regex: str) -> int:
    """How many instructions RE2 makes of an expression; 0 if a plain string test does its work.

    Raises:
        MatcherError: RE2 does not accept the expression.
    """
    compile_test(regex)
    return int(re2.compile(regex, _OPTIONS).programsize) if shape_of(regex).kind is Kind.REGEX else 0


_PERL = (
    (re.compile(r"\(\?<?[=!]"), "look-around: write a second matcher with !~ for what must not match"),
    (re.compile(r"\\[1-9]|\\k<|\(\?P="), "back-references: write the alternatives out"),
    (re.compile(r"\(\?>|[*+?}]\+"), "possessive or atomic groups: a plain one cannot hang either"),
    (re.compile(r"\\Z"), "\\Z: a value is matched from its first to its last character anyway"),
)
"""What other engines know and RE2 does not, and what to write instead."""


def _advice(regex: str) -> str:
    return next((f"; RE2 has no {told}" for form, told in _PERL if form.search(regex)), "")


def _reason(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)


def _string_test(shape: Shape, by_re2: Test) -> Test | None:
    """The same test without RE2, where that is surely equal."""
    texts = shape.texts
    found: Test | None = None
    if shape.kind is Kind.EXACT:
        wanted = frozenset(texts)
        found = wanted.__contains__
        if shape.folded:
            found = lambda text: text.lower() in wanted if text.isascii() else by_re2(text)  # noqa: E731 - as below
    elif shape.kind is Kind.PREFIX:
        found = lambda text: text.startswith(texts) and "\n" not in text  # noqa: E731 - as below
    elif shape.kind is Kind.SUFFIX:
        found = lambda text: text.endswith(texts) and "\n" not in text  # noqa: E731 - as below
    elif shape.kind is Kind.INNER:
        found = lambda text: texts[0] in text and "\n" not in text  # noqa: E731 - as below
    elif shape.kind is Kind.SOME:
        found = lambda text: text != "" and "\n" not in text  # noqa: E731 - a name for it would say no more
    return found


def shape_of(regex: str) -> Shape:
    """What is known of an expression that RE2 accepts."""
    if regex.startswith(_IGNORE_CASE):
        return _folded_shape(regex.removeprefix(_IGNORE_CASE))
    if word := _FOLDED_WORD.match(regex):
        return Shape(Kind.REGEX, _lower_literals(word[1] + regex[word.end() :]), folded=True)
    if regex == ".+":
        return Shape(Kind.SOME)
    branches = _branches(regex)
    literals = [literal for branch in branches if (literal := _literal(branch)) is not None]
    if len(literals) == len(branches):
        return Shape(Kind.EXACT, tuple(literals))
    return _wildcard_shape(branches) or Shape(Kind.REGEX, needed_literals(regex))


def _folded_shape(regex: str) -> Shape:
    branches = _branches(regex)
    literals = [literal for branch in branches if (literal := _literal(branch)) is not None and literal.isascii()]
    if len(literals) == len(branches):
        return Shape(Kind.EXACT, tuple(literal.lower() for literal in literals), folded=True)
    return Shape(Kind.REGEX, _lower_literals(regex), folded=True)


def _lower_literals(regex: str) -> tuple[str, ...]:
    """Return texts that stand in lower case in each match, once the match is in lower case."""
    return tuple(text.lower() for text in needed_literals(regex) if text.isascii())


def _wildcard_shape(branches: list[str]) -> Shape | None:
    """``a.*|b.*``, ``.*a|.*b`` and ``.*a.*``."""
    if prefixes := _literals([b.removesuffix(".*") for b in branches if b.endswith(".*")], len(branches)):
        return Shape(Kind.PREFIX, prefixes)
    if suffixes := _literals([b.removeprefix(".*") for b in branches if b.startswith(".*")], len(branches)):
        return Shape(Kind.SUFFIX, suffixes)
    is_inner = len(branches) == 1 and branches[0].startswith(".*") and branches[0].endswith(".*")
    if is_inner and (inner := _literals([branches[0][2:-2]], 1)):
        return Shape(Kind.INNER, inner)
    return None


def _literals(parts: list[str], wanted: int) -> tuple[str, ...] | None:
    found = tuple(literal for literal in map(_literal, parts) if literal is not None and "\n" not in literal)
    return found if len(found) == wanted else None


def _branches(regex: str) -> list[str]:
    group = _GROUP.fullmatch(regex)
    return re.split(r"(?<!\\)\|", group[1] if group else regex)


def _literal(branch: str) -> str | None:
    """The one text that this matches; None if it is more than a literal."""
    return _ESCAPED.sub(r"\1", branch) if _LITERAL.fullmatch(branch) else None
