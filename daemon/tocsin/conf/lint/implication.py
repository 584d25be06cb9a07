"""Implications between matchers: only those that are certain.

Each function errs on one side only: its result holds for every label set, and where it is not certain it returns
`False` or `None`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations

from tocsin.core.matching.matcher import Matcher, Matchers
from tocsin.core.matching.pattern import PatternKind, Shape, shape_of

_OPPOSITE = {"!=": "=", "!~": "=~"}


@lru_cache(maxsize=1 << 16)
def shape(matcher: Matcher) -> Shape:
    """Return the pattern of values that pass a positive matcher, or that a negative one refuses."""
    return Shape(PatternKind.EXACT, (matcher.value,)) if matcher.op in ("=", "!=") else shape_of(matcher.value)


def contradiction(matchers: Matchers) -> Matchers:
    """Return the first of these matchers that no label set can pass together; none if one may exist."""
    for of_label in _by_label(matchers).values():
        for pair in combinations(of_label, 2):
            if _excludes(pair):
                return pair
        if len(of_label) > 2 and _excludes(of_label):
            return of_label
    return ()


def implies(given: Matchers, wanted: Matchers) -> bool:
    """Return whether every label set that passes ``given`` certainly passes ``wanted``."""
    labels = _by_label(given)
    return all(_follows(labels.get(matcher.name, ()), matcher) for matcher in wanted)


def texts(matchers: Sequence[Matcher]) -> frozenset[str] | None:
    """Return the only values of one label that can pass all of these; None if they cannot be listed."""
    shapes = [shape(matcher) for matcher in matchers if _is_positive(matcher)]
    listed = [made.texts for made in shapes if made.kind is PatternKind.EXACT and not made.folded]
    if not listed:
        return None
    return frozenset(value for value in min(listed, key=len) if all(matcher.test(value) for matcher in matchers))


def is_there(matchers: Matchers, label: str) -> bool:
    """Return whether a label certainly exists and is not empty in every label set that passes these."""
    return any(matcher.name == label and not matcher.test("") for matcher in matchers)


def _by_label(matchers: Matchers) -> dict[str, Matchers]:
    result: dict[str, Matchers] = {}
    for matcher in matchers:
        result[matcher.name] = (*result.get(matcher.name, ()), matcher)
    return result


def _is_positive(matcher: Matcher) -> bool:
    return matcher.op in ("=", "=~")


def _excludes(matchers: Matchers) -> bool:
    """Return whether no value passes all of these matchers of one label."""
    listed = texts(matchers)
    if listed is not None:
        return not listed
    positive = [matcher for matcher in matchers if _is_positive(matcher)]
    if any(_are_apart(shape(one), shape(other)) for one, other in combinations(positive, 2)):
        return True
    refused = [Matcher(m.name, _OPPOSITE[m.op], m.value) for m in matchers if not _is_positive(m)]
    return any(_follows(tuple(positive), matcher) for matcher in refused)


def _are_apart(one: Shape, other: Shape) -> bool:
    if one.kind is not other.kind:
        return False
    if one.kind is PatternKind.EXACT:
        return one.folded and other.folded and set(one.texts).isdisjoint(other.texts)
    has = {PatternKind.PREFIX: str.startswith, PatternKind.SUFFIX: str.endswith}.get(one.kind)
    return has is not None and not any(_overlap(a, b, has) for a in one.texts for b in other.texts)


def _overlap(one: str, other: str, has: Callable[[str, str], bool]) -> bool:
    return has(one, other) or has(other, one)


def _follows(given: Matchers, wanted: Matcher) -> bool:
    """Return whether every label set that passes ``given`` (matchers of ``wanted``'s label) also passes ``wanted``."""
    if wanted in given:
        return True
    listed = texts(given)
    if listed is not None:
        return all(wanted.test(value) for value in listed)
    if not _is_positive(wanted):
        return _excludes((*given, Matcher(wanted.name, _OPPOSITE[wanted.op], wanted.value)))
    return any(_is_within(shape(matcher), shape(wanted)) for matcher in given if _is_positive(matcher))


_WITHOUT_BREAK = (PatternKind.PREFIX, PatternKind.SUFFIX, PatternKind.INNER, PatternKind.SOME)


def _is_within(given: Shape, wanted: Shape) -> bool:
    """Return whether all texts of one pattern, which is not a list of texts, match the other."""
    if given.kind is PatternKind.EXACT:
        return wanted.kind is PatternKind.EXACT and given.folded and wanted.folded and {*given.texts} <= {*wanted.texts}
    if given.kind not in _WITHOUT_BREAK:
        return False
    if wanted.kind is PatternKind.PREFIX and "" in wanted.texts:
        return True
    if wanted.kind is PatternKind.SOME:
        return given.kind is PatternKind.SOME or all(given.texts)
    if wanted.kind is PatternKind.INNER:
        return bool(given.texts) and all(wanted.texts[0] in text for text in given.texts)
    has = {PatternKind.PREFIX: str.startswith, PatternKind.SUFFIX: str.endswith}.get(wanted.kind)
    return has is not None and given.kind is wanted.kind and all(has(text, wanted.texts) for text in given.texts)
