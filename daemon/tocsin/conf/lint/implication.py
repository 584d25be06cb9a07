"""What follows from matchers, as far as that can be told for certain.

Each function errs on one side only: what it says holds for every label set, and where it cannot be sure it says
nothing (`False`, `None`).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations

from tocsin.core.matcher import Matcher, Matchers
from tocsin.core.pattern import Shape, shape_of

_OPPOSITE = {"!=": "=", "!~": "=~"}


@lru_cache(maxsize=1 << 16)
def shape(matcher: Matcher) -> Shape:
    """What passes a positive matcher, or is refused by a negative one, where that is made of plain texts."""
    return Shape(texts=frozenset((matcher.value,))) if matcher.op in ("=", "!=") else shape_of(matcher.value)


def contradiction(matchers: Matchers) -> Matchers:
    """The first of these matchers that no label set can pass together; none if there may be one that does."""
    for of_label in _by_label(matchers).values():
        for pair in combinations(of_label, 2):
            if _excludes(pair):
                return pair
        if len(of_label) > 2 and _excludes(of_label):
            return of_label
    return ()


def implies(given: Matchers, wanted: Matchers) -> bool:
    """Whether every label set that passes ``given`` surely passes ``wanted``."""
    labels = _by_label(given)
    return all(_follows(labels.get(matcher.name, ()), matcher) for matcher in wanted)


def texts(matchers: Sequence[Matcher]) -> frozenset[str] | None:
    """The only values that one label can have to pass all of these; None if they cannot be listed."""
    listed = [shape(matcher).texts for matcher in matchers if _is_positive(matcher)]
    found = [values for values in listed if values is not None]
    if not found:
        return None
    return frozenset(value for value in min(found, key=len) if all(matcher.test(value) for matcher in matchers))


def is_there(matchers: Matchers, label: str) -> bool:
    """Whether a label is surely there, and not empty, in whatever passes these."""
    return any(matcher.name == label and not matcher.test("") for matcher in matchers)


def _by_label(matchers: Matchers) -> dict[str, Matchers]:
    found: dict[str, Matchers] = {}
    for matcher in matchers:
        found[matcher.name] = (*found.get(matcher.name, ()), matcher)
    return found


def _is_positive(matcher: Matcher) -> bool:
    return matcher.op in ("=", "=~")


def _excludes(matchers: Matchers) -> bool:
    """Whether no value passes all of these, which are about one label."""
    listed = texts(matchers)
    if listed is not None:
        return not listed
    positive = [matcher for matcher in matchers if _is_positive(matcher)]
    if any(_are_apart(shape(one), shape(other)) for one, other in combinations(positive, 2)):
        return True
    refused = [Matcher(m.name, _OPPOSITE[m.op], m.value) for m in matchers if not _is_positive(m)]
    return any(_follows(tuple(positive), matcher) for matcher in refused)


def _are_apart(one: Shape, other: Shape) -> bool:
    if one.folded is not None and other.folded is not None:
        return one.folded.isdisjoint(other.folded)
    if one.starts is not None and other.starts is not None:
        return not any(_overlap(a, b, str.startswith) for a in one.starts for b in other.starts)
    if one.ends is not None and other.ends is not None:
        return not any(_overlap(a, b, str.endswith) for a in one.ends for b in other.ends)
    return False


def _overlap(one: str, other: str, has: Callable[[str, str], bool]) -> bool:
    return has(one, other) or has(other, one)


def _follows(given: Matchers, wanted: Matcher) -> bool:
    """Whether whatever passes ``given``, which are about the label of ``wanted``, passes that too."""
    if wanted in given:
        return True
    listed = texts(given)
    if listed is not None:
        return all(wanted.test(value) for value in listed)
    if not _is_positive(wanted):
        return _excludes((*given, Matcher(wanted.name, _OPPOSITE[wanted.op], wanted.value)))
    return any(_is_within(shape(matcher), wanted) for matcher in given if _is_positive(matcher))


def _is_within(given: Shape, wanted: Matcher) -> bool:
    outer = shape(wanted)
    if given.folded is not None:
        return outer.folded is not None and given.folded <= outer.folded
    if given.starts is not None:
        if wanted.value == ".+":
            return all(given.starts)
        return outer.starts is not None and all(start.startswith(outer.starts) for start in given.starts)
    if given.ends is not None:
        if wanted.value == ".+":
            return all(given.ends)
        return outer.ends is not None and all(end.endswith(outer.ends) for end in given.ends)
    return False
