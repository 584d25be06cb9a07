"""Rules that match, but that later rules override entirely."""

from collections.abc import Iterable, Sequence

from tocsin.conf.lint.condition import MOST_COMPARISONS, Broader, are_apart
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings
from tocsin.core.rules.action import ACTIONS, RuleOutcome
from tocsin.core.rules.rule import Rule


def report_overridden_rules(rules: Sequence[Written], dead: frozenset[int], findings: Findings) -> None:
    """Report every rule that could be removed without changing the verdict on any alert.

    A rule that matches every alert is a default, so it is meant to be overridden.
    """
    search = _Search([rule for rule, _ in rules], dead)
    for index, (rule, node) in enumerate(rules):
        if index in dead or rule.stops or rule.asks or rule.matches_everything or not rule.actions:
            continue
        later = search.overriding(index)
        if later:
            places = " and ".join(f"{rules[other].rule.name!r}" for other in later)
            message = f"what this rule says never counts: {places} matches whenever it does and says otherwise"
            findings.warn(node.mark, message, f"remove it, or see {rules[later[0]].place}")


class _Search:
    def __init__(self, rules: Sequence[Rule], dead: frozenset[int]) -> None:
        self._rules = rules
        alive = [index for index in range(len(rules)) if index not in dead]
        self._broader = Broader(rules, alive)
        self._stopping = [index for index in alive if rules[index].stops]
        self._left = MOST_COMPARISONS

    def overriding(self, index: int) -> list[int]:
        """Return the later rules that together override the rule at this index; none if part of it may take effect."""
        rule = self._rules[index]
        later: list[int] = []
        for other in self._broader.of(index, range(index + 1, len(self._rules))):
            if not self._is_reached(index, other):
                break
            later.append(other)
            if self._rules[other].stops:
                break
        speaking = [other for other in later if rule.actions.keys() & self._rules[other].actions.keys()]
        entry = {name for other in speaking for name in self._rules[other].actions}
        if not speaking or not rule.actions.keys() <= entry:
            return []
        after = [self._rules[other] for other in speaking]
        return speaking if _outcome((rule, *after)) == _outcome(after) else []

    def _is_reached(self, index: int, other: int) -> bool:
        """Return whether no rule between the two can stop the evaluation of an alert that matches the first."""
        between = [stop for stop in self._stopping if index < stop < other]
        self._left -= len(between)
        return self._left > 0 and all(are_apart(self._rules[index], self._rules[stop]) for stop in between)


def _outcome(rules: Iterable[Rule]) -> RuleOutcome:
    """Return the combined effect of these rules, by applying them, so that any kind of action is supported."""
    outcome = RuleOutcome()
    for rule in rules:
        for name, value in rule.actions.items():
            ACTIONS[name].carry_out(outcome, name, value)
    return outcome
