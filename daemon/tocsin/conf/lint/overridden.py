"""Rules that match, and whose every word is said again by a later one."""

from collections.abc import Iterable, Sequence

from tocsin.conf.lint.condition import MOST_COMPARISONS, Broader, are_apart
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings
from tocsin.core.action import ACTIONS, Outcome
from tocsin.core.rules import Rule


def tell_overridden_rules(rules: Sequence[Written], dead: frozenset[int], findings: Findings) -> None:
    """Tell of every rule that could be left out without any alert being judged otherwise.

    A rule that matches every alert is a default: it is there to be overridden.
    """
    search = _Search([rule for rule, _ in rules], dead)
    for index, (rule, node) in enumerate(rules):
        if index in dead or rule.stops or rule.asks or rule.matches_everything or not rule.actions:
            continue
        later = search.overriding(index)
        if later:
            places = " and ".join(f"{rules[other].rule.name!r}" for other in later)
            told = f"what this rule says never counts: {places} matches whenever it does and says otherwise"
            findings.warn(node.mark, told, f"remove it, or see {rules[later[0]].place}")


class _Search:
    def __init__(self, rules: Sequence[Rule], dead: frozenset[int]) -> None:
        self._rules = rules
        alive = [index for index in range(len(rules)) if index not in dead]
        self._broader = Broader(rules, alive)
        self._stopping = [index for index in alive if rules[index].stops]
        self._left = MOST_COMPARISONS

    def overriding(self, index: int) -> list[int]:
        """The later rules that together say all that the rule at this index says; none if something of it may count."""
        rule = self._rules[index]
        later: list[int] = []
        for other in self._broader.of(index, range(index + 1, len(self._rules))):
            if not self._is_reached(index, other):
                break
            later.append(other)
            if self._rules[other].stops:
                break
        speaking = [other for other in later if rule.actions.keys() & self._rules[other].actions.keys()]
        said = {name for other in speaking for name in self._rules[other].actions}
        if not speaking or not rule.actions.keys() <= said:
            return []
        after = [self._rules[other] for other in speaking]
        return speaking if _outcome((rule, *after)) == _outcome(after) else []

    def _is_reached(self, index: int, other: int) -> bool:
        """Whether no rule between the two may end the way of an alert that matches the first."""
        between = [stop for stop in self._stopping if index < stop < other]
        self._left -= len(between)
        return self._left > 0 and all(are_apart(self._rules[index], self._rules[stop]) for stop in between)


def _outcome(rules: Iterable[Rule]) -> Outcome:
    """What these rules say together: compared, not guessed, so that it holds for actions of any kind."""
    outcome = Outcome()
    for rule in rules:
        for name, value in rule.actions.items():
            ACTIONS[name].carry_out(outcome, name, value)
    return outcome
