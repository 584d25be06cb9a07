"""The cost of judging one alert, by the number of rules. ``python tests/bench/rules_cost.py`` prints the table alone.

Every alert is a new one with an instance of its own, so nothing is won by having seen a value before; each matches
about as many rules in a large set as in a small one. What matches is compared with a plain loop over all matchers.
"""

import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet

SIZES = (10, 100, 1_000, 10_000)
ALERTS = 10_000
COMPARED = 100
ROUNDS = 3
LEVELS = ("SEV-1", "SEV-2", "SEV-3", "SEV-4")

Shape = Callable[[int], str]


def mixed(number: int) -> str:
    """As people write them: most name a service, some exclude something, some are an expression only."""
    if number % 5 == 3:
        return f'service="svc-{number}", alertname=~"(High|Low|Slow).*", env!="dev"'
    if number % 5 == 4:
        return (f'instance=~"svc-{number}-.*"', f'instance=~".*-{number}-prod.*"')[number // 5 % 2]
    return f'service="svc-{number}", alertname=~"High.*|Slow.*"'


SHAPES: dict[str, Shape] = {
    "most name a service": mixed,
    "only `.*svc-N-.*`": lambda number: f'instance=~".*svc-{number}-.*"',
    "only `.*svc-N-.*prod.*`": lambda number: f'instance=~".*svc-{number}-.*prod.*"',
    "only `(?i)SVC-N-[a-z]+.*`": lambda number: f'instance=~"(?i)SVC-{number}-[a-z]+.*"',
    '`service="svc-N"`, not one instance of it': lambda number: (
        f'service="svc-{number}", instance!~"svc-{number}-test.*"'
    ),
    r"only `svc-N-\w+\.eu\d?.*`": lambda number: rf'instance=~"svc-{number}-\\w+\\.eu\\d?.*"',
}


def rule_set(shape: Shape, size: int) -> RuleSet:
    rules = [
        Rule(
            name=f"r{number}", matchers=parse_matchers(shape(number)), actions={"service": Template.parse("{service}")}
        )
        for number in range(size - 1)
    ]
    everything = Rule(name="all", actions={"severity": Template.parse("SEV-3")})
    return RuleSet([everything, *rules], "er", {"er": LEVELS}, {"er": "SEV-2"})


def alerts(size: int, round_: int) -> list[Alert]:
    return [alert(number % size, f"{round_}-{number}") for number in range(ALERTS)]


def alert(service: int, unique: str) -> Alert:
    labels = {
        "alertname": "HighErrorRate",
        "service": f"svc-{service}",
        "severity": "warning",
        "env": "prod",
        "cluster": "eu-1",
        "namespace": "shop",
        "instance": f"svc-{service}-prod.eu-west-{unique}.example.com:9100",
        "job": "node-exporter",
    }
    return Alert("default", unique, AlertStatus.FIRING, labels)


def naive(rules: Sequence[Rule], labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(rule.name for rule in rules if all(matcher.matches(labels) for matcher in rule.matchers))


def cost(shape: Shape, size: int) -> float:
    """Microseconds of CPU time an alert, median of the rounds."""
    rules = rule_set(shape, size)
    for each in alerts(size, ROUNDS)[:COMPARED]:
        assert rules.evaluate(each).trace == naive(rules.rules, each.labels), each
    found = []
    for round_ in range(ROUNDS):
        given = alerts(size, round_)
        gc.collect()
        began = process_time()
        for each in given:
            rules.evaluate(each)
        found.append((process_time() - began) / len(given) * 1e6)
    return median(found)


def report() -> str:
    """The table."""
    rows = [
        f"| CPU time an alert, µs | {' | '.join(f'{size:,} rules' for size in SIZES)} | growth | goal |",
        f"|---|{'---|' * (len(SIZES) + 2)}",
    ]
    for name, shape in SHAPES.items():
        costs = [cost(shape, size) for size in SIZES]
        shown = " | ".join(f"{each:.1f}" for each in costs)
        rows.append(f"| {name} | {shown} | {costs[-1] / costs[0]:.1f} | <= 4 |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(report())  # noqa: T201 - what it is for
