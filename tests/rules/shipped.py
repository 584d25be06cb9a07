"""The shipped rules, as tests and the table in rules/README.md use them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict

RULES = Path(__file__).parents[2] / "rules"
FIXTURE = Path(__file__).parents[1] / "fixtures/rules/placed.yaml"
PLAYBOOK = "emergency-response"


@cache
def bundle() -> Bundle:
    """All that is shipped; what is wrong with it fails the test."""
    loaded = load(RULES.parent / "config", RULES, KINDS, {})
    assert loaded.warnings == ()
    return loaded


def shipped() -> RuleSet:
    """All of rules/."""
    return bundle().rules


CHOOSING = tuple(rule for rule in shipped().rules if rule.path.endswith("07-playbooks.yaml"))
"""The rules that choose a playbook, and those of the chosen ones' scenarios."""


def some(keep: Callable[[Rule], bool]) -> RuleSet:
    """Those of the shipped rules that are kept."""
    playbooks = bundle().playbooks
    levels = {name: [level.name for level in playbook.levels] for name, playbook in playbooks.items()}
    unrouted = {name: playbook.unrouted for name, playbook in playbooks.items()}
    return RuleSet(filter(keep, shipped().rules), PLAYBOOK, levels, unrouted)


def judge(rules: RuleSet, **labels: str) -> Verdict:
    """Return the rules' verdict about an alert with these labels."""
    return rules.evaluate(Alert("default", "f1", AlertStatus.FIRING, labels))


def written_down() -> list[tuple[dict[str, str], str, str, str | None]]:
    """(labels, level, service, dedup key or None) of each alert of the fixture."""
    found = []
    for labels, level, service, *key in yaml.safe_load(FIXTURE.read_text()):
        pairs = dict(pair.split("=", 1) for pair in labels.split())
        found.append((pairs, level, service, f"default/{PLAYBOOK}/{key[0]}" if key else None))
    return found
