"""Comparisons of the conditions of rules."""

from collections.abc import Iterable, Iterator, Sequence

from tocsin.conf.lint.implication import contradiction, implies, texts
from tocsin.core.rules.rule import Rule

MOST_COMPARISONS = 50_000
"""Limit on the pairs of clauses that a lint compares (about half a second); beyond it, mistakes may be missed."""


def goes_with(rule: Rule, other: Rule) -> bool:
    """Return whether the other certainly matches every alert that this one matches."""
    if other.asks:
        return False
    wanted = other.clauses
    return all(any(implies(given, way) for way in wanted) for given in rule.clauses)


def are_apart(rule: Rule, other: Rule) -> bool:
    """Return whether certainly no alert matches both."""
    return all(contradiction((*one, *two)) for one in rule.clauses for two in other.clauses)


class Broader:
    """An index that finds rules that match every alert of another rule, with few comparisons."""

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
        """Index a clause by one required value of a label, to compare only clauses that share it."""
        ways = rule.clauses
        if len(ways) != 1 or not ways[0]:
            self._others.append(index)
            return
        listed = {name: texts([m for m in ways[0] if m.name == name]) for name in {m.name for m in ways[0]}}
        known = {
            name: [self._by_text.setdefault((name, text), []) for text in result]
            for name, result in listed.items()
            if result
        }
        if known:
            for bucket in min(known.values(), key=lambda buckets: max(map(len, buckets))):
                bucket.append(index)
        else:
            self._by_label.setdefault(ways[0][0].name, []).append(index)

    def of(self, index: int, within: range) -> Iterator[int]:
        """Return the rules in the range, in order, that certainly match every alert of the rule at this index."""
        if self._left <= 0:
            return
        rule = self._rules[index]
        for other in sorted(result for result in self._candidates(rule) if result in within):
            if self._left <= 0:
                return
            self._left -= len(rule.clauses) * len(self._rules[other].clauses)
            if goes_with(rule, self._rules[other]):
                yield other

    def _candidates(self, rule: Rule) -> set[int]:
        result = set(self._others)
        for matchers in rule.clauses[:1]:  # whatever matches all that a rule does matches its first way too
            for label in {matcher.name for matcher in matchers}:
                result.update(self._by_label.get(label, ()))
                listed = texts([matcher for matcher in matchers if matcher.name == label])
                if listed:
                    result.update(self._by_text.get((label, next(iter(listed))), ()))
        return result
