"""Which clauses match an alert. A clause is some matchers that must all match; it is a bit of an integer."""

from collections.abc import Mapping, Sequence

from tocsin.core.matcher import Matcher, Matchers

_REMEMBERED = 4096
"""How many values of a label are remembered."""
_LONGEST_REMEMBERED = 256
"""Longer label values are judged anew each time, so that nobody can fill the memory with them."""


class _Column(dict[str, int]):
    """What one label decides: for each of its values, the clauses (one bit each) that it does not rule out."""

    def __init__(self, everyone: int, askers: Mapping[Matcher, int]) -> None:
        super().__init__()
        self._everyone = everyone
        self._askers = askers
        """Each condition on the label once, and the clauses that have it."""

    def __missing__(self, value: str) -> int:
        passing = self._everyone
        for matcher, clauses in self._askers.items():
            if not matcher.test(value):
                passing &= ~clauses
        if len(value) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[value] = passing
        return passing


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
