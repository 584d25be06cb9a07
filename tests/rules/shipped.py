"""The shipped rules, as tests and the table in rules/README.md use them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from tocsin.channels.registry import KINDS
from tocsin.conf.bundle import load
from tocsin.core.alert import Alert, AlertStatus
from tocsin.core.rules import Rule, RuleSet, Verdict

RULES = Path(__file__).parents[2] / "rules"
FIXTURE = Path(__file__).parents[1] / "fixtures/rules/placed.yaml"
PLAYBOOK = "emergency-response"
LEVELS = ("SEV-1", "SEV-2", "SEV-3", "SEV-4")


@cache
def shipped() -> RuleSet:
    """All of rules/, with the shipped playbooks; what is wrong with them fails the test."""
    loaded = load(RULES.parent / "config", RULES, KINDS, {})
    assert loaded.warnings == ()
    return loaded.rules


def some(keep: Callable[[Rule], bool]) -> RuleSet:
    """Those of the shipped rules that are kept."""
    return RuleSet(filter(keep, shipped().rules), PLAYBOOK, {PLAYBOOK: LEVELS}, {PLAYBOOK: "SEV-2"})


def judge(rules: RuleSet, **labels: str) -> Verdict:
    """What the rules make of an alert with these labels."""
    return rules.evaluate(Alert("default", "f1", AlertStatus.FIRING, labels))


def written_down() -> list[tuple[dict[str, str], str, str, str | None]]:
    """(labels, level, service, dedup key or None) of each alert of the fixture."""
    found = []
    for labels, level, service, *key in yaml.safe_load(FIXTURE.read_text()):
        pairs = dict(pair.split("=", 1) for pair in labels.split())
        whole = (key[0][1:] if key[0].startswith("=") else f"{PLAYBOOK}/{key[0]}") if key else None
        found.append((pairs, level, service, whole))
    return found
