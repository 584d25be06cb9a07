"""Prints the table of rules/README.md: what share of a corpus is decided by which of the shipped rules.

TOCSIN_CORPUS=DIR PYTHONPATH=daemon:tests .venv/bin/python -m rules.shares
"""

from collections import Counter
from collections.abc import Mapping

from rules.corpus import real_alerts
from rules.shipped import judge, shipped

PLACING = ("service", "dedup_key", "heartbeat", "suppress")


def table() -> str:
    """Numbers of the corpus's alerts that each rule places, and no rule places, and of severities that each sets."""
    placed: Counter[str] = Counter()
    severed: Counter[str] = Counter()
    left: list[str] = []
    actions = {rule.name: rule.actions for rule in shipped().rules}
    for real in real_alerts():
        trace = judge(shipped(), **real.clustered).trace
        placing = next((name for name in reversed(trace) if any(each in actions[name] for each in PLACING)), "")
        severing = next((name for name in reversed(trace) if "severity" in actions[name]), "")
        placed[placing] += 1
        severed[severing] += 1
        if not placing:
            left.append(f"`{real.name}`")
    total = placed.total()
    by_labels = placed.pop("")
    severed.pop("", None)
    lines = ["| decides | rule | alerts | share |", "|---|---|---|---|"]
    lines += [f"| severity | `{name}` | {many} | {many / total:.1%} |" for name, many in severed.most_common()]
    large = {name: many for name, many in placed.items() if many * 100 >= total}
    lines += [f"| service | `{name}` | {many} | {many / total:.1%} |" for name, many in _sorted(large)]
    small = {name: many for name, many in placed.items() if name not in large}
    each, many = ", ".join(f"`{name}` {many}" for name, many in _sorted(small)), sum(small.values())
    lines += [f"| service | {len(small)} rules with less than 1 % each: {each} | {many} | {many / total:.1%} |"]
    lines += [f"| service | none: `everything`, and the alert's own labels | {by_labels} | {by_labels / total:.1%} |"]
    return "\n".join(lines) + f"\n\nLeft to their own labels: {', '.join(left)}.\n"


def _sorted(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


if __name__ == "__main__":
    print(table())  # noqa: T201 - this is what it is for
