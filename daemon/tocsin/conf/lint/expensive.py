"""Regular expressions that cost more than they should.

RE2 never hangs, but it is asked anew for every value of a label that has not been seen yet: some 2 µs for each
expression that plain string tests cannot replace (measured; `a|b`, `a.*` and `.*a` cost next to nothing).
"""

from collections.abc import Sequence

from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings
from tocsin.core.matcher import Matcher
from tocsin.core.pattern import cost_of

MOST_INSTRUCTIONS = 10_000
"""What RE2 may make of one expression: above it, megabytes each."""
MOST_ON_A_LABEL = 100
"""How many different expressions on one label may need RE2: at 2 µs each, 200 µs for each new value."""


def tell_expensive_patterns(rules: Sequence[Written], findings: Findings) -> None:
    """Tell of each that is large, and once of each label that has many."""
    known: dict[Matcher, int] = {}
    on_label: dict[str, int] = {}
    for written in rules:
        for matcher in dict.fromkeys(matcher for clause in written.rule.clauses for matcher in clause):
            if "~" not in matcher.op or matcher in known:
                continue
            cost = known[matcher] = cost_of(matcher.value)
            if cost > MOST_INSTRUCTIONS:
                told = f"{_shortened(matcher)} is an expensive regular expression: {cost} instructions"
                findings.warn(written.where(matcher), told, "repeat less, or name smaller classes than \\pL and \\w")
            on_label[matcher.name] = on_label.get(matcher.name, 0) + bool(cost)
            if cost and on_label[matcher.name] == MOST_ON_A_LABEL + 1:
                told = (
                    f"more than {MOST_ON_A_LABEL} regular expressions on {matcher.name} are no plain lists or prefixes"
                )
                hint = "each new value meets them all; write a|b, a.* or .*a where that says it"
                findings.warn(written.where(matcher), told, hint)


def _shortened(matcher: Matcher) -> str:
    told = str(matcher)
    return told if len(told) <= 60 else f"{told[:59]}…"
