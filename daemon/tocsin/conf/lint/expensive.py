"""Regular expressions that cost more than necessary.

RE2 never hangs, and `tocsin.core.matching.clause_index` makes the number of expressions cheap. Two costs remain:
memory, and counted repetition after a wildcard. Measured with fifty other expressions on one label, ``.*[a-m].{20}``
makes every new value four times as expensive.
"""

import re
from collections.abc import Sequence

from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings
from tocsin.core.matching.matcher import Matcher
from tocsin.core.matching.pattern import cost_of

MOST_INSTRUCTIONS = 5_000
"""Limit for the RE2 program of one expression; above it, each takes megabytes."""
_COUNTING = re.compile(r"\.[*+](?:\[[^\]]+\]|\\[dws])\.\{[1-9][0-9]")
"""``.*``, a character class, and a repetition of ten or more: RE2 starts counting at every position."""


def report_expensive_patterns(rules: Sequence[Written], findings: Findings) -> None:
    """Report each expensive pattern once."""
    known: set[Matcher] = set()
    for written in rules:
        for matcher in dict.fromkeys(matcher for clause in written.rule.clauses for matcher in clause):
            if "~" in matcher.op and matcher not in known:
                known.add(matcher)
                _report(matcher, written, findings)


def _report(matcher: Matcher, written: Written, findings: Findings) -> None:
    problem = str(matcher)
    shown = problem if len(problem) <= 60 else f"{problem[:59]}…"
    cost = cost_of(matcher.value)
    if cost > MOST_INSTRUCTIONS:
        hint = "repeat less, or name smaller classes than \\pL and \\w"
        message = f"{shown} is an expensive regular expression: {cost} instructions"
        findings.warn(written.where(matcher), message, hint)
    elif _COUNTING.search(matcher.value):
        message = f"{shown} is an expensive regular expression: it counts from every place that it may begin at"
        findings.warn(written.where(matcher), message, "leave the .* out, or the number")
