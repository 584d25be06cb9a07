"""Stored rules give the same verdicts as the original ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.errors import TocsinError
from tocsin.core.matching.condition import AskOpen, AskRate
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import ACTIONS, Form, Lookup, Value
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet

LEVELS = ["SEV-1", "SEV-2", "SEV-3"]
TABLE = {"shop": {"team": "sales", "größe": "9 µm"}, "": {}}
VALUES: dict[Form, Value] = {
    Form.TEXT: Template.parse("{team|nobody}/{{x}}"),
    Form.LEVEL: Template.parse("SEV-2"),
    Form.TEXTS: {"b": Template.parse("{a|}"), "a": Template.parse("1")},
    Form.NAMES: ("data_breach", "major_impact"),
    Form.DURATION: 90_000_000,
    Form.SWITCH: True,
    Form.STEPS: 2,
    Form.LOOKUP: Lookup("services", Template.parse("{service|}"), TABLE),
}


def rule_set(*rules: Rule) -> RuleSet:
    return RuleSet(rules, "er", {"er": LEVELS, "other": ["P0", "P1"]}, {"er": "SEV-2", "other": "P0"})


def again(rules: RuleSet) -> RuleSet:
    return RuleSet.from_json(rules.to_json())


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_every_action_comes_back_as_it_was(action) -> None:
    rules = rule_set(Rule(name="x", actions={action.name: VALUES[action.form]}, path="rules/a.yaml", line=7))
    found = again(rules)
    assert found.rules == rules.rules
    assert found.sha == rules.sha


def test_matchers_and_conditions_come_back_as_they_were() -> None:
    asks = AskOpen(
        service=Template.parse("{service}"), severity=(Template.parse("SEV-1"), Template.parse("{level|SEV-2}"))
    )
    rules = rule_set(
        Rule(
            name="x",
            matchers=parse_matchers('a="1",b!="",c=~"x|y",d!~"z.*","größe"="a \\"b\\"\\n"'),
            any_of=(parse_matchers('e="1"'), parse_matchers('f="1",g="2"'), ()),
            when_open=asks,
            rate=AskRate(more_than=5, within=600_000_000),
        )
    )
    found = again(rules)
    assert found.rules == rules.rules
    assert found.rules[0].matchers[4].value == 'a "b"\n'


def test_the_order_of_what_adds_labels_is_kept() -> None:
    first = Rule(name="x", actions={"labels": {"service": Template.parse("shop")}, "lookup": VALUES[Form.LOOKUP]})
    second = Rule(name="x", actions=dict(reversed(first.actions.items())))
    alert = Alert("default", "f", AlertStatus.FIRING, {})
    for rule, team in ((first, "sales"), (second, None)):
        assert again(rule_set(rule)).evaluate(alert).labels.get("team") == team


@pytest.mark.parametrize(
    "other",
    [
        rule_set(Rule(name="x", matchers=parse_matchers('a="2"'))),
        rule_set(Rule(name="x", matchers=parse_matchers('a="1"'), actions={"suppress": True})),
        rule_set(Rule(name="y", matchers=parse_matchers('a="1"'))),
        rule_set(Rule(name="x", matchers=parse_matchers('a="1"')), Rule(name="z")),
        RuleSet([Rule(name="x", matchers=parse_matchers('a="1"'))], "er", {"er": LEVELS}, {"er": "SEV-2"}),
    ],
    ids=["matcher", "action", "name", "one more", "levels"],
)
def test_whatever_could_judge_otherwise_has_another_name(other: RuleSet) -> None:
    assert other.sha != rule_set(Rule(name="x", matchers=parse_matchers('a="1"'))).sha


def test_a_verdict_says_which_rules_it_is_of() -> None:
    rules = rule_set(Rule(name="x"))
    assert rules.evaluate(Alert("default", "f", AlertStatus.FIRING, {})).rules_sha == rules.sha


@pytest.mark.parametrize("change", [('"severity"', '"gravity"'), ('"=~"', '"=="'), ('SEV-2"}', '{SEV-2"}')])
def test_what_a_newer_version_has_written_is_an_error_and_no_other_verdict(change: tuple[str, str]) -> None:
    rule = Rule(name="x", matchers=parse_matchers('a=~"b"'), actions={"severity": Template.parse("SEV-2")})
    text = rule_set(rule).to_json()
    assert change[0] in text
    with pytest.raises((TocsinError, KeyError)):
        RuleSet.from_json(text.replace(*change))


WORDS = st.sampled_from(["", "a", "b", "shop"])
MATCHERS = st.sampled_from(['team="a"', 'team=~"a|b"', 'team!="a"', 'service="shop"', 'service!~"a.*"'])
RULES = st.builds(
    lambda name, match, actions: Rule(
        name=name, matchers=parse_matchers(match), actions={each: VALUES[ACTIONS[each].form] for each in actions}
    ),
    WORDS,
    MATCHERS,
    st.lists(st.sampled_from(sorted(ACTIONS)), unique=True, max_size=4),
)


@given(rules=st.lists(RULES, max_size=5), labels=st.dictionaries(st.sampled_from(["team", "service"]), WORDS))
def test_kept_rules_judge_every_alert_alike(rules: list[Rule], labels: dict[str, str]) -> None:
    before = rule_set(*rules)
    alert = Alert("default", "f", AlertStatus.FIRING, labels)
    assert again(before).explain(alert) == before.explain(alert)
