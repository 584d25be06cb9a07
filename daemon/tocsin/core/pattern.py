"""Regular expressions as Alertmanager means them: RE2 syntax, fully anchored, ``.`` stops at a newline.

Most expressions in rules are literals, lists of literals, prefixes or
suffixes. Those become plain string tests, because one call of google-re2 from
Python costs as much as ten of them.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import re2

from tocsin.core.errors import MatcherError

Test = Callable[[str], bool]

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # RE2 would write to stderr what the exception says already

_LITERAL = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\[!-/:-@\[-`{-~])*", re.DOTALL)
"""Characters that stand for themselves, and ASCII punctuation behind a backslash."""
_GROUP = re.compile(r"\((?:\?:)?([^()\\]*)\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_IGNORE_CASE = "(?i)"


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

    return _string_test(regex, by_re2) or by_re2


class Shape(NamedTuple):
    """What an expression that is made of plain texts matches; at most one field is set, and none if it is more.

    ``starts`` and ``ends`` go with texts that have no line break.
    """

    texts: frozenset[str] | None = None
    """Exactly these."""
    folded: frozenset[str] | None = None
    """These and no others, in lower case, whatever the case. ASCII only."""
    starts: tuple[str, ...] | None = None
    """Whatever begins with one of these."""
    ends: tuple[str, ...] | None = None
    """Whatever ends with one of these."""


def shape_of(regex: str) -> Shape:
    """Which plain texts an expression is made of, if it is made of such."""
    folds = regex.startswith(_IGNORE_CASE)
    parts = _branches(regex.removeprefix(_IGNORE_CASE))
    literals = frozenset(literal for literal in map(_literal, parts) if literal is not None)
    if all(_literal(part) is not None for part in parts):
        if not folds:
            return Shape(texts=literals)
        is_plain = all(literal.isascii() for literal in literals)
        return Shape(folded=frozenset(literal.lower() for literal in literals)) if is_plain else Shape()
    if folds:
        return Shape()
    if starts := _literals([part.removesuffix(".*") for part in parts if part.endswith(".*")], len(parts)):
        return Shape(starts=starts)
    if ends := _literals([part.removeprefix(".*") for part in parts if part.startswith(".*")], len(parts)):
        return Shape(ends=ends)
    return Shape()


def cost_of(regex: str) -> int:
    """How many instructions RE2 makes of an expression; 0 if a plain string test does its work.

    Raises:
        MatcherError: RE2 does not accept the expression.
    """
    test = compile_test(regex)
    return int(re2.compile(regex, _OPTIONS).programsize) if test.__name__ == "by_re2" else 0


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


def _string_test(regex: str, by_re2: Test) -> Test | None:
    """The same test without RE2, where that is surely equal."""
    if regex.startswith(_IGNORE_CASE):
        return _ignoring_case(regex.removeprefix(_IGNORE_CASE), by_re2)
    if regex == ".+":
        return lambda text: text != "" and "\n" not in text
    branches = _branches(regex)
    literals = [_literal(branch) for branch in branches]
    if all(literal is not None for literal in literals):
        return frozenset(literals).__contains__
    return _with_wildcard(branches)


def _ignoring_case(regex: str, by_re2: Test) -> Test | None:
    literals = [_literal(branch) for branch in _branches(regex)]
    if not all(literal is not None and literal.isascii() for literal in literals):
        return None
    folded = frozenset(literal.lower() for literal in literals if literal is not None)
    # Beyond ASCII, lower() and RE2 differ: RE2 takes the Kelvin sign for a k.
    return lambda text: text.lower() in folded if text.isascii() else by_re2(text)


def _with_wildcard(branches: list[str]) -> Test | None:
    """Tests for ``a.*|b.*``, ``.*a|.*b`` and ``.*a.*``."""
    if prefixes := _literals([b.removesuffix(".*") for b in branches if b.endswith(".*")], len(branches)):
        return lambda text: text.startswith(prefixes) and "\n" not in text
    if suffixes := _literals([b.removeprefix(".*") for b in branches if b.startswith(".*")], len(branches)):
        return lambda text: text.endswith(suffixes) and "\n" not in text
    is_inner = len(branches) == 1 and branches[0].startswith(".*") and branches[0].endswith(".*")
    if is_inner and (inner := _literals([branches[0][2:-2]], 1)):
        return lambda text: inner[0] in text and "\n" not in text
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
