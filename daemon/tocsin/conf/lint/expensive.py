"""Regular expressions that cost more than they should.

RE2 never hangs, and `tocsin.core.matching` makes the number of expressions cheap. What remains is memory, and counting
behind a wildcard: measured beside fifty others on one label, ``.*[a-m].{20}`` makes every new value four times as dear.
"""

import re
from collections.abc import Sequence

from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings
from tocsin.core.matcher import Matcher
from tocsin.core.pattern import cost_of

MOST_INSTRUCTIONS = 10_000
"""What RE2 may make of one expression: above it, megabytes each."""
_COUNTING = re.compile(r"\.[*+](?:\[[^\]]+\]|\\[dws])\.\{[1-9][0-9]")
"""``.*``, one of several characters, and ten or more of any: at each place RE2 has to count anew."""


def tell_expensive_patterns(rules: Sequence[Written], findings: Findings) -> None:
    """Tell of each, once."""
    known: set[Matcher] = set()
    for written in rules:
        for matcher in dict.fromkeys(matcher for clause in written.rule.clauses for matcher in clause):
            if "~" in matcher.op and matcher not in known:
                known.add(matcher)
                _tell(matcher, written, findings)


def _tell(matcher: Matcher, written: Written, findings: Findings) -> None:
    told = str(matcher)
    shown = told if len(told) <= 60 else f"{told[:59]}…"
    cost = cost_of(matcher.value)
    if cost > MOST_INSTRUCTIONS:
        hint = "repeat less, or name smaller classes than \\pL and \\w"
        message = f"{shown} is an expensive regular expression: {cost} instructions"
        findings.warn(written.where(matcher), message, hint)
    elif _COUNTING.search(matcher.value):
        message = f"{shown} is an expensive regular expression: it counts from every place that it may begin at"
        findings.warn(written.where(matcher), message, "leave the .* out, or the number")
