"""Find alerts of one name that share an incident by the shipped rules.

TOCSIN_CORPUS=DIR PYTHONPATH=daemon:tests .venv/bin/python -m rules.joins prints all of them, each with its reason.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from rules.corpus import Real, every_alert
from rules.shipped import judge, shipped

MEANT = yaml.safe_load((Path(__file__).parents[1] / "fixtures/rules/joins.yaml").read_text())
SERVERS = "servers"
"""Stands for alerts of two servers in place of the label in which two alerts differ."""


class Join(NamedTuple):
    """Two alerts that share an incident although they differ."""

    rule: str
    """The rule that names the service; "none" where the alert's own labels do."""
    differ: str
    """The label in which they differ, or `SERVERS`."""
    alertname: str

    @property
    def reason(self) -> str:
        """The reason for the join; empty if none is written down."""
        reasons = MEANT["copies"] | MEANT["families"].get(self.rule, {})
        return str(reasons.get(self.differ, ""))


def views(real: Real) -> list[dict[str, str]]:
    """The labels of one alert in each of the ways in which it may come."""
    return [real.lone, real.clustered, real.bare]


def joins() -> Iterator[Join]:
    """Yield each two alerts of the corpus that differ in one thing only and share an incident."""
    for real in every_alert():
        for labels in views(real):
            for thing in real.things:
                yield from _join(thing, {**labels, thing: "one"}, {**labels, thing: "another"})
        for labels in (real.lone, real.clustered):
            others = {**labels, "instance": "10.9.9.9:9100", **({"pod": "some-pod-1"} if "pod" in labels else {})}
            yield from _join(SERVERS, labels, others)


def _join(differ: str, one: dict[str, str], other: dict[str, str]) -> Iterator[Join]:
    first, second = judge(shipped(), **one), judge(shipped(), **other)
    if first.dedup_key == second.dedup_key and not first.heartbeat:
        naming = next((name for name in reversed(first.trace) if "service" in _actions()[name]), "none")
        yield Join(naming, differ, one["alertname"])


@cache
def _actions() -> dict[str, frozenset[str]]:
    return {rule.name: frozenset(rule.actions) for rule in shipped().rules}


def report() -> str:
    """Return the table of all joins."""
    lines = ["| rule | alerts that differ in | for example | is meant because |", "|---|---|---|---|"]
    known: dict[tuple[str, str], list[Join]] = {}
    for join in joins():
        known.setdefault((join.rule, join.differ), []).append(join)
    for (rule, differ), alike in sorted(known.items()):
        names = list(dict.fromkeys(join.alertname for join in alike))
        example = f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        lines.append(f"| `{rule}` | {differ} | {example} | {alike[0].reason or 'NOBODY HAS WRITTEN IT DOWN'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())  # noqa: T201 - this is what it is for
