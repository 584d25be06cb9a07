"""Rules and alerts, as the tests of rules make them. The playbooks are "er" (SEV-1 ... SEV-4) and "ops" (P1, P2)."""

from typing import Any

from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import ACTIONS, Form
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet

LEVELS = {"er": ("SEV-1", "SEV-2", "SEV-3", "SEV-4"), "ops": ("P1", "P2")}
UNROUTED = {"er": "SEV-2", "ops": "P1"}


def alert(annotations: dict[str, str] | None = None, **labels: str) -> Alert:
    return Alert("default", "f1", AlertStatus.FIRING, labels, annotations or {})


def rule(name: str, match: str = "", **actions: Any) -> Rule:
    values: dict[str, Any] = {}
    for key, value in actions.items():
        form = ACTIONS[key].form
        if form in (Form.TEXT, Form.LEVEL):
            values[key] = Template.parse(value)
        elif form is Form.TEXTS:
            values[key] = {label: Template.parse(text) for label, text in value.items()}
        else:
            values[key] = value
    return Rule(name=name, matchers=parse_matchers(match), actions=values, path="rules/x.yaml", line=3)


def rule_set(*rules: Rule) -> RuleSet:
    return RuleSet(rules, "er", LEVELS, UNROUTED)
