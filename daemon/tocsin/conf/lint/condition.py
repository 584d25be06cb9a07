"""When a rule matches, compared between rules."""

from collections.abc import Iterable, Iterator, Sequence

from tocsin.conf.lint.implication import contradiction, implies, texts
from tocsin.core.rules import Rule

MOST_COMPARISONS = 50_000
"""How many pairs of clauses one lint compares: about half a second. Beyond that it says less, never anything wrong."""


def goes_with(rule: Rule, other: Rule) -> bool:
    """Whether the other surely matches whatever this one matches."""
    if other.asks:
        return False
    wanted = other.clauses
    return all(any(implies(given, way) for way in wanted) for given in rule.clauses)


def are_apart(rule: Rule, other: Rule) -> bool:
    """Whether surely no alert matches both."""
    return all(contradiction((*one, *two)) for one in rule.clauses for two in other.clauses)


class Broader:
    """Finds, among ``those`` of the rules, the ones that match whatever another does; it compares few of them."""

    def __init__(self, rules: Sequence[Rule], those: Iterable[int]) -> None:
        self._rules = rules
        self._by_text: dict[tuple[str, str], list[int]] = {}
        self._by_label: dict[str, list[int]] = {}
        self._others: list[int] = []
        self._left = MOST_COMPARISONS
        for index in those:
            if not rules[index].asks:
                self._file(index, rules[index])

    def _file(self, index: int, rule: Rule) -> None:
        """Under what one of its labels must be, so that only rules that want the same are compared with it."""
        ways = rule.clauses
        if len(ways) != 1 or not ways[0]:
            self._others.append(index)
            return
        listed = {name: texts([m for m in ways[0] if m.name == name]) for name in {m.name for m in ways[0]}}
        known = {
            name: [self._by_text.setdefault((name, text), []) for text in found]
            for name, found in listed.items()
            if found
        }
        if known:
            for bucket in min(known.values(), key=lambda buckets: max(map(len, buckets))):
                bucket.append(index)
        else:
            self._by_label.setdefault(ways[0][0].name, []).append(index)

    def of(self, index: int, within: range) -> Iterator[int]:
        """Those in the range, in their order, that surely match whatever the rule at this index matches."""
        if self._left <= 0:
            return
        rule = self._rules[index]
        for other in sorted(found for found in self._candidates(rule) if found in within):
            if self._left <= 0:
                return
            self._left -= len(rule.clauses) * len(self._rules[other].clauses)
            if goes_with(rule, self._rules[other]):
                yield other

    def _candidates(self, rule: Rule) -> set[int]:
        found = set(self._others)
        for matchers in rule.clauses[:1]:  # whatever matches all that a rule does matches its first way too
            for label in {matcher.name for matcher in matchers}:
                found.update(self._by_label.get(label, ()))
                listed = texts([matcher for matcher in matchers if matcher.name == label])
                if listed:
                    found.update(self._by_text.get((label, next(iter(listed))), ()))
        return found
