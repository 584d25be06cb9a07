"""An index that finds the matching clauses for an alert, at a cost that hardly grows with their number.

A clause is a set of matchers that must all match; it is one bit of an integer.
For each label, an index over all expressions finds the clauses that a value
rules out. The results are cached for values that recur.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tocsin.core.matching.matcher import Matcher, Matchers
from tocsin.core.matching.needles import Needles, Residue
from tocsin.core.matching.pattern import PatternKind, Shape, shape_of

_MIN_CACHED = 4096
"""Minimum number of cached values per label; twice the number of expressions on the label, if that is more."""
_LONGEST_CACHED = 256
"""Maximum length of a label value whose result is cached, so that a sender cannot fill the memory."""

_NEGATED = {"!=": "=", "!~": "=~"}


class _Expressions:
    """The expressions on one label, by number, indexed by the texts they match."""

    def __init__(self, expressions: Sequence[Matcher]) -> None:
        self._all = expressions
        self._exact: dict[str, list[int]] = {}
        self._exact_folded: dict[str, list[int]] = {}
        self._prefixes: dict[str, list[int]] = {}
        self._suffixes: dict[str, list[int]] = {}
        self._non_empty: list[int] = []
        inner: list[tuple[int, tuple[str, ...]]] = []
        needing: list[tuple[int, tuple[str, ...]]] = []
        needing_folded: list[tuple[int, tuple[str, ...]]] = []
        remaining: list[int] = []
        folded: list[int] = []
        for number, matcher in enumerate(expressions):
            shape = shape_of(matcher.value) if matcher.op == "=~" else Shape(PatternKind.EXACT, (matcher.value,))
            if shape.folded:
                folded.append(number)
            if shape.kind is PatternKind.EXACT:
                _add(self._exact_folded if shape.folded else self._exact, shape.texts, number)
            elif shape.kind is PatternKind.PREFIX:
                _add(self._prefixes, shape.texts, number)
            elif shape.kind is PatternKind.SUFFIX:
                _add(self._suffixes, shape.texts, number)
            elif shape.kind is PatternKind.SOME:
                self._non_empty.append(number)
            elif shape.kind is PatternKind.INNER:
                inner.append((number, shape.texts))
            elif not shape.texts:
                remaining.append(number)
            else:
                (needing_folded if shape.folded else needing).append((number, shape.texts))
        self._prefix_lengths = sorted(set(map(len, self._prefixes)))
        self._suffix_lengths = sorted(set(map(len, self._suffixes)))
        self._inner = Needles(inner)
        self._needing = Needles(needing)
        self._needing_folded = Needles(needing_folded)
        self._remaining = Residue(remaining, expressions)
        self._folded = Residue(sorted(set(folded) - set(remaining)), expressions)
        self._lookups = self._active_lookups()

    def _active_lookups(self) -> list[Callable[[str, list[int]], None]]:
        """Return the lookup methods, other than `_exact`, that can find any expression."""
        lookups: list[tuple[object, Callable[[str, list[int]], None]]] = [
            (self._non_empty, self._find_non_empty),
            (self._prefixes, self._find_prefixes),
            (self._suffixes, self._find_suffixes),
            (self._inner, self._find_inner),
            (self._needing, self._find_needing),
            (self._folded, self._find_folded),
            (self._remaining, self._find_remaining),
        ]
        return [lookup for expressions, lookup in lookups if expressions]

    def matched_by(self, value: str) -> Sequence[int]:
        """Return the numbers of the expressions that match; some may be listed twice."""
        exact = self._exact.get(value, ())
        if not self._lookups:
            return exact
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:  # half a surrogate pair, which is altered on its way to RE2
                return [number for number, matcher in enumerate(self._all) if matcher.test(value)]
        matches = [*exact]
        for lookup in self._lookups:
            lookup(value, matches)
        return matches

    def _find_non_empty(self, value: str, matches: list[int]) -> None:
        if value and "\n" not in value:
            matches += self._non_empty

    def _find_prefixes(self, value: str, matches: list[int]) -> None:
        if "\n" in value:
            return
        for length in self._prefix_lengths:
            if length > len(value):
                return
            if numbers := self._prefixes.get(value[:length]):
                matches += numbers

    def _find_suffixes(self, value: str, matches: list[int]) -> None:
        if "\n" in value:
            return
        for length in self._suffix_lengths:
            if length > len(value):
                return
            if numbers := self._suffixes.get(value[len(value) - length :]):
                matches += numbers

    def _find_inner(self, value: str, matches: list[int]) -> None:
        if "\n" not in value:
            matches += self._inner.found_in(value)

    def _find_needing(self, value: str, matches: list[int]) -> None:
        matches += [number for number in self._needing.found_in(value) if self._all[number].test(value)]

    def _find_folded(self, value: str, matches: list[int]) -> None:
        if not value.isascii():
            matches += self._folded.matched_by(value)
            return
        lower = value.lower()
        matches += self._exact_folded.get(lower, ())
        matches += [number for number in self._needing_folded.found_in(lower) if self._all[number].test(value)]

    def _find_remaining(self, value: str, matches: list[int]) -> None:
        matches += self._remaining.matched_by(value)


class _Column(dict[str, int]):
    """Index of one label: maps each value of the label to the clauses that this value does not rule out."""

    def __init__(self, all_clauses: int, clauses_by_matcher: Mapping[Matcher, int]) -> None:
        super().__init__()
        positive: dict[Matcher, int] = {}
        negative: dict[Matcher, int] = {}
        for matcher, clauses in clauses_by_matcher.items():
            if matcher.op in _NEGATED:
                negative[Matcher(matcher.name, _NEGATED[matcher.op], matcher.value)] = clauses
            else:
                positive[matcher] = clauses
        expressions = [*positive, *(matcher for matcher in negative if matcher not in positive)]
        self._expressions = _Expressions(expressions)
        self._max_cached = max(_MIN_CACHED, 2 * len(expressions))
        once, multiple = _counted(positive.values())
        self._by_default = all_clauses & ~once
        """The clauses without a positive matcher on this label; negative matchers are applied later."""
        self._single = [positive.get(matcher, 0) & ~multiple for matcher in expressions]
        """For each expression, the clauses for which it is the only positive matcher on this label."""
        self._multiple = [positive.get(matcher, 0) & multiple for matcher in expressions]
        self._negative = [negative.get(matcher, 0) for matcher in expressions]
        self._matchers_by_clause = _by_bit(positive, multiple)

    def __missing__(self, value: str) -> int:
        passing, multiple, failing = self._by_default, 0, 0
        for number in self._expressions.matched_by(value):
            passing |= self._single[number]
            multiple |= self._multiple[number]
            failing |= self._negative[number]
        if multiple:
            passing |= self._keep_if_all_match(multiple, value)
        if failing:
            passing &= ~failing
        if len(value) <= _LONGEST_CACHED:
            if len(self) >= self._max_cached:
                self.clear()
            self[value] = passing
        return passing

    def _keep_if_all_match(self, clauses: int, value: str) -> int:
        """Return those of ``clauses`` whose positive matchers on this label all match; each clause has several."""
        for bit in bits(clauses):
            if not all(matcher.test(value) for matcher in self._matchers_by_clause[bit]):
                clauses &= ~(1 << bit)
        return clauses


class Clauses:
    """All clauses of a rule set, ready to be matched."""

    def __init__(self, clauses: Sequence[Matchers]) -> None:
        self._all_clauses = (1 << len(clauses)) - 1
        by_label: dict[str, dict[Matcher, int]] = {}
        for index, matchers in enumerate(clauses):
            for matcher in matchers:
                of_label = by_label.setdefault(matcher.name, {})
                of_label[matcher] = of_label.get(matcher, 0) | 1 << index
        self._columns = [(label, _Column(self._all_clauses, of_label)) for label, of_label in by_label.items()]

    def matching(self, labels: Mapping[str, str]) -> int:
        """Return the clauses that match these labels, as a bit mask."""
        label = labels.get
        matching = self._all_clauses
        for name, column in self._columns:
            matching &= column[label(name, "")]
        return matching


def _add(index: dict[str, list[int]], texts: Iterable[str], number: int) -> None:
    for text in dict.fromkeys(texts):
        index.setdefault(text, []).append(number)


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _by_bit(clauses_by_matcher: Mapping[Matcher, int], among: int) -> dict[int, list[Matcher]]:
    """Return the positive matchers of each clause in the mask ``among``."""
    by_clause: dict[int, list[Matcher]] = {}
    for matcher, clauses in clauses_by_matcher.items():
        for bit in bits(clauses & among):
            by_clause.setdefault(bit, []).append(matcher)
    return by_clause


def _counted(masks: Iterable[int]) -> tuple[int, int]:
    """Return the bits that are set in any of the masks, and the bits that are set in more than one mask."""
    any_set = multiple = 0
    for mask in masks:
        multiple |= any_set & mask
        any_set |= mask
    return any_set, multiple
