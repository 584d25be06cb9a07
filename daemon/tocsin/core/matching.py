"""Which of very many clauses match an alert, at a cost that hardly grows with their number.

A clause is some matchers that must all match; it is a bit of an integer. What
a label's value rules out is found through an index over all expressions on
that label, and remembered for values that come again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tocsin.core.matcher import Matcher, Matchers
from tocsin.core.needles import Needles, Residue
from tocsin.core.pattern import Kind, Shape, shape_of

_REMEMBERED = 4096
"""How many values of a label are remembered at least; twice as many as rules name, where they name many."""
_LONGEST_REMEMBERED = 256
"""Longer label values are judged anew each time, so that nobody can fill the memory with them."""

_NEGATED = {"!=": "=", "!~": "=~"}


class _Expressions:
    """The expressions on one label, by number; says which of them a value matches."""

    def __init__(self, expressions: Sequence[Matcher]) -> None:
        self._all = expressions
        self._exact: dict[str, list[int]] = {}
        self._exact_folded: dict[str, list[int]] = {}
        self._prefixes: dict[str, list[int]] = {}
        self._suffixes: dict[str, list[int]] = {}
        self._some: list[int] = []
        inner: list[tuple[int, tuple[str, ...]]] = []
        needing: list[tuple[int, tuple[str, ...]]] = []
        needing_folded: list[tuple[int, tuple[str, ...]]] = []
        left: list[int] = []
        folded: list[int] = []
        for number, matcher in enumerate(expressions):
            shape = shape_of(matcher.value) if matcher.op == "=~" else Shape(Kind.EXACT, (matcher.value,))
            if shape.folded:
                folded.append(number)
            if shape.kind is Kind.EXACT:
                _add(self._exact_folded if shape.folded else self._exact, shape.texts, number)
            elif shape.kind is Kind.PREFIX:
                _add(self._prefixes, shape.texts, number)
            elif shape.kind is Kind.SUFFIX:
                _add(self._suffixes, shape.texts, number)
            elif shape.kind is Kind.SOME:
                self._some.append(number)
            elif shape.kind is Kind.INNER:
                inner.append((number, shape.texts))
            elif not shape.texts:
                left.append(number)
            else:
                (needing_folded if shape.folded else needing).append((number, shape.texts))
        self._prefix_lengths = sorted(set(map(len, self._prefixes)))
        self._suffix_lengths = sorted(set(map(len, self._suffixes)))
        self._inner = Needles(inner)
        self._needing = Needles(needing)
        self._needing_folded = Needles(needing_folded)
        self._left = Residue(left, expressions)
        self._folded = Residue(sorted(set(folded) - set(left)), expressions)
        self._ways = self._ways_in_use()

    def _ways_in_use(self) -> list[Callable[[str, list[int]], None]]:
        """The ways of finding expressions, beside `_exact`, that can find any."""
        ways: list[tuple[object, Callable[[str, list[int]], None]]] = [
            (self._some, self._find_some),
            (self._prefixes, self._find_prefixes),
            (self._suffixes, self._find_suffixes),
            (self._inner, self._find_inner),
            (self._needing, self._find_needing),
            (self._folded, self._find_folded),
            (self._left, self._find_left),
        ]
        return [way for expressions, way in ways if expressions]

    def matched_by(self, value: str) -> Sequence[int]:
        """The numbers of the expressions that match, some of them perhaps twice."""
        exact = self._exact.get(value, ())
        if not self._ways:
            return exact
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:  # half a surrogate pair, which becomes something else on its way to RE2
                return [number for number, matcher in enumerate(self._all) if matcher.test(value)]
        found = [*exact]
        for way in self._ways:
            way(value, found)
        return found

    def _find_some(self, value: str, found: list[int]) -> None:
        if value and "\n" not in value:
            found += self._some

    def _find_prefixes(self, value: str, found: list[int]) -> None:
        if "\n" in value:
            return
        for length in self._prefix_lengths:
            if length > len(value):
                return
            if numbers := self._prefixes.get(value[:length]):
                found += numbers

    def _find_suffixes(self, value: str, found: list[int]) -> None:
        if "\n" in value:
            return
        for length in self._suffix_lengths:
            if length > len(value):
                return
            if numbers := self._suffixes.get(value[len(value) - length :]):
                found += numbers

    def _find_inner(self, value: str, found: list[int]) -> None:
        if "\n" not in value:
            found += self._inner.found_in(value)

    def _find_needing(self, value: str, found: list[int]) -> None:
        found += [number for number in self._needing.found_in(value) if self._all[number].test(value)]

    def _find_folded(self, value: str, found: list[int]) -> None:
        if not value.isascii():
            found += self._folded.matched_by(value)
            return
        lower = value.lower()
        found += self._exact_folded.get(lower, ())
        found += [number for number in self._needing_folded.found_in(lower) if self._all[number].test(value)]

    def _find_left(self, value: str, found: list[int]) -> None:
        found += self._left.matched_by(value)


class _Column(dict[str, int]):
    """What one label decides: for each of its values, the clauses that it does not rule out."""

    def __init__(self, everyone: int, askers: Mapping[Matcher, int]) -> None:
        super().__init__()
        wanted: dict[Matcher, int] = {}
        unwanted: dict[Matcher, int] = {}
        for matcher, clauses in askers.items():
            if matcher.op in _NEGATED:
                unwanted[Matcher(matcher.name, _NEGATED[matcher.op], matcher.value)] = clauses
            else:
                wanted[matcher] = clauses
        expressions = [*wanted, *(matcher for matcher in unwanted if matcher not in wanted)]
        self._expressions = _Expressions(expressions)
        self._remembered = max(_REMEMBERED, 2 * len(expressions))
        once, several = _counted(wanted.values())
        self._by_default = everyone & ~once
        """The clauses that want nothing of this label; what they do not want is taken out below."""
        self._once = [wanted.get(matcher, 0) & ~several for matcher in expressions]
        """For each expression, the clauses that want it and nothing else of this label."""
        self._several = [wanted.get(matcher, 0) & several for matcher in expressions]
        self._unwanted = [unwanted.get(matcher, 0) for matcher in expressions]
        self._demands = _by_bit(wanted, several)

    def __missing__(self, value: str) -> int:
        passing, several, failing = self._by_default, 0, 0
        for number in self._expressions.matched_by(value):
            passing |= self._once[number]
            several |= self._several[number]
            failing |= self._unwanted[number]
        if several:
            passing |= self._with_all(several, value)
        if failing:
            passing &= ~failing
        if len(value) <= _LONGEST_REMEMBERED:
            if len(self) >= self._remembered:
                self.clear()
            self[value] = passing
        return passing

    def _with_all(self, clauses: int, value: str) -> int:
        """Those of some clauses, each of which wants several things of this label, that have all of them."""
        for bit in bits(clauses):
            if not all(matcher.test(value) for matcher in self._demands[bit]):
                clauses &= ~(1 << bit)
        return clauses


class Clauses:
    """All clauses of a rule set, ready to be matched."""

    def __init__(self, clauses: Sequence[Matchers]) -> None:
        self._everyone = (1 << len(clauses)) - 1
        askers: dict[str, dict[Matcher, int]] = {}
        for index, matchers in enumerate(clauses):
            for matcher in matchers:
                of_label = askers.setdefault(matcher.name, {})
                of_label[matcher] = of_label.get(matcher, 0) | 1 << index
        self._columns = [(label, _Column(self._everyone, of_label)) for label, of_label in askers.items()]

    def matching(self, labels: Mapping[str, str]) -> int:
        """The clauses that match these labels."""
        label = labels.get
        matching = self._everyone
        for name, column in self._columns:
            matching &= column[label(name, "")]
        return matching


def _add(index: dict[str, list[int]], texts: Iterable[str], number: int) -> None:
    for text in dict.fromkeys(texts):
        index.setdefault(text, []).append(number)


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _by_bit(wanted: Mapping[Matcher, int], among: int) -> dict[int, list[Matcher]]:
    """What each of some clauses wants."""
    found: dict[int, list[Matcher]] = {}
    for matcher, clauses in wanted.items():
        for bit in bits(clauses & among):
            found.setdefault(bit, []).append(matcher)
    return found


def _counted(masks: Iterable[int]) -> tuple[int, int]:
    """The bits that are in any of the masks, and those that are in more than one."""
    once = several = 0
    for mask in masks:
        several |= once & mask
        once |= mask
    return once, several
