"""Rules and verdicts. The playbooks here are "er" (SEV-1 ... SEV-4) and "ops" (P1, P2)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.making import LEVELS, UNROUTED, alert, rule, rule_set
from tocsin.core.duration import MINUTE
from tocsin.core.errors import UnknownName
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import ACTIONS, Form, Lookup, RuleOutcome
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import LONGEST_TITLE

# --- order -----------------------------------------------------------------------------------------------------------


def test_a_later_rule_wins_over_an_earlier_one() -> None:
    verdict = rule_set(rule("a", severity="SEV-4", service="x"), rule("b", severity="SEV-1")).evaluate(alert())
    assert (verdict.severity, verdict.service, verdict.trace) == ("SEV-1", "x", ("a", "b"))


def test_a_rule_that_does_not_match_has_no_say() -> None:
    rules = rule_set(rule("a", severity="SEV-4"), rule("b", 'team="db"', severity="SEV-1"))
    assert rules.evaluate(alert(team="web")).severity == "SEV-4"
    assert rules.evaluate(alert(team="db")).trace == ("a", "b")


def test_all_matchers_of_a_rule_must_match() -> None:
    rules = rule_set(rule("a", severity="SEV-4"), rule("b", 'team="db", env!="dev", team!~"x.*"', severity="SEV-1"))
    assert rules.evaluate(alert(team="db", env="prod")).severity == "SEV-1"
    assert rules.evaluate(alert(team="db")).severity == "SEV-1"
    assert rules.evaluate(alert(team="db", env="dev")).severity == "SEV-4"


def test_no_rule_after_a_stop_has_a_say() -> None:
    rules = rule_set(rule("a", severity="SEV-4"), rule("b", 'team="db"', stop=True), rule("c", severity="SEV-1"))
    assert rules.evaluate(alert(team="db")).trace == ("a", "b")
    assert rules.evaluate(alert(team="web")).severity == "SEV-1"


def test_a_stop_that_is_false_stops_nothing() -> None:
    verdict = rule_set(rule("a", severity="SEV-4", stop=False), rule("b", severity="SEV-1")).evaluate(alert())
    assert verdict.severity == "SEV-1"


def test_flags_and_labels_accumulate() -> None:
    verdict = rule_set(
        rule("a", severity="SEV-1", flags=("x", "y"), labels={"owner": "a", "zone": "z"}),
        rule("b", flags=("y", "z"), labels={"owner": "b"}),
    ).evaluate(alert(team="db"))
    assert verdict.flags == ("x", "y", "z")
    assert verdict.labels == {"team": "db", "owner": "b", "zone": "z"}


def test_a_later_rule_may_take_back_what_an_earlier_one_suppressed() -> None:
    rules = rule_set(
        rule("a", severity="SEV-1", suppress=True, self_heal=MINUTE),
        rule("b", 'env="prod"', suppress=False, self_heal=0),
    )
    assert rules.evaluate(alert(env="dev")).suppress
    assert rules.evaluate(alert(env="dev")).hold == MINUTE
    assert not rules.evaluate(alert(env="prod")).suppress
    assert rules.evaluate(alert(env="prod")).hold == 0


# --- placeholders ----------------------------------------------------------------------------------------------------


def test_every_text_may_have_placeholders() -> None:
    verdict = rule_set(
        rule(
            "a",
            playbook="{book}",
            severity="SEV-{n}",
            service="{team|none}",
            dedup_key="{team}/{cluster|one}",
            title="{alertname} at {team}",
        )
    ).evaluate(alert(book="er", n="3", team="db", alertname="Slow"))
    assert (verdict.playbook, verdict.severity, verdict.service) == ("er", "SEV-3", "db")
    assert (verdict.dedup_key, verdict.title) == ("db/one", "Slow at db")
    assert not verdict.unrouted


def test_placeholders_see_added_labels_and_matchers_do_not() -> None:
    own = alert(team="db")
    verdict = rule_set(
        rule("a", severity="SEV-1", labels={"owner": "{team}-people", "mail": "{owner}@x.org"}, title="ask {mail}"),
        rule("b", 'owner="db-people"', severity="SEV-4"),
    ).evaluate(own)
    assert (verdict.title, verdict.severity) == ("ask db-people@x.org", "SEV-1")
    assert own.labels == {"team": "db"}


def test_a_label_said_again_sees_the_labels_before_it() -> None:
    verdict = rule_set(
        rule("a", severity="SEV-1", labels={"owner": "nobody", "team": "db"}), rule("b", labels={"owner": "{team}"})
    ).evaluate(alert())
    assert verdict.labels == {"owner": "db", "team": "db"}


# --- failing open ----------------------------------------------------------------------------------------------------


def test_an_alert_to_which_no_rule_gives_a_severity_is_unrouted() -> None:
    verdict = rule_set(rule("a", service="x", self_heal=MINUTE)).evaluate(alert())
    assert (verdict.playbook, verdict.severity, verdict.unrouted) == ("er", "SEV-2", True)
    assert verdict.errors == ("no rule sets a severity; treated as SEV-2",)
    assert verdict.hold == 0


BY_LABEL = (
    rule("high", 'severity="critical"', severity="SEV-1"),
    rule("low", 'severity=~"warning|info"', severity="SEV-3"),
    rule("one", 'team="db"', severity="SEV-4"),
    rule("names", 'alertname="A"', severity="SEV-4"),
    rule("more", 'alertname="B"', severity="SEV-4"),
)


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        ({"severity": "criticall"}, "severity=criticall is not known to the rules; treated as SEV-2"),
        ({"severity": "x\ny" + "z" * 200}, f"severity=x y{'z' * 71} [cut] is not known to the rules; treated as SEV-2"),
        ({"team": "web"}, "no rule sets a severity: there is no label severity; treated as SEV-2"),
    ],
)
def test_the_label_is_named_whose_value_no_rule_knows(labels: dict[str, str], error: str) -> None:
    assert rule_set(*BY_LABEL).evaluate(alert(alertname="Slow", **labels)).errors == (error,)


def test_every_label_is_named_that_rules_go_by() -> None:
    rules = [
        *BY_LABEL,
        rule("first", 'priority="1"', severity="SEV-1"),
        rule("second", 'priority="2"', severity="SEV-2"),
    ]
    [error] = rule_set(*rules).evaluate(alert(severity="x", priority="9")).errors
    assert error == "severity=x and priority=9 are not known to the rules; treated as SEV-2"


def test_an_alert_that_no_rule_matches_is_unrouted() -> None:
    verdict = rule_set(rule("a", 'team="db"', severity="SEV-4")).evaluate(alert(alertname="Slow", job="api"))
    assert (verdict.severity, verdict.unrouted, verdict.trace) == ("SEV-2", True, ())
    assert (verdict.title, verdict.dedup_key) == ("Slow (api)", "default/er/api/Slow//")


def test_without_any_rule_every_alert_is_unrouted() -> None:
    assert rule_set().evaluate(alert()).unrouted


def test_an_unknown_severity_is_unrouted_in_its_playbook() -> None:
    verdict = rule_set(rule("a", playbook="ops", severity="{severity}")).evaluate(alert(severity="SEV-1"))
    assert (verdict.playbook, verdict.severity, verdict.unrouted) == ("ops", "P1", True)
    assert verdict.errors == ("severity: playbook ops has no 'SEV-1'; treated as P1",)


def test_an_unknown_playbook_is_unrouted_in_the_default_one() -> None:
    verdict = rule_set(rule("a", playbook="{book}", severity="P2")).evaluate(alert(book="nope"))
    assert (verdict.playbook, verdict.severity, verdict.unrouted) == ("er", "SEV-2", True)
    assert verdict.errors == ("playbook: there is no 'nope'", "severity: playbook er has no 'P2'; treated as SEV-2")


@pytest.mark.parametrize(
    ("action", "fallback"),
    [
        ("playbook", {"playbook": "er"}),
        ("severity", {"severity": "SEV-2"}),
        ("service", {"service": "api"}),
        ("dedup_key", {"dedup_key": "default/er/api/Slow//"}),
        ("title", {"title": "Slow (api)"}),
    ],
)
def test_a_placeholder_that_fails_leaves_the_default_and_pages(action: str, fallback: dict[str, str]) -> None:
    rules = rule_set(rule("a", severity="SEV-4", suppress=True, self_heal=MINUTE), rule("b", **{action: "{nope}"}))
    verdict = rules.evaluate(alert(alertname="Slow", job="api"))
    assert {name: getattr(verdict, name) for name in fallback} == fallback
    assert (verdict.severity, verdict.unrouted, verdict.suppress, verdict.hold) == ("SEV-2", True, False, 0)
    assert verdict.errors == (f"{action}: '{{nope}}' needs the label 'nope', which this alert does not have",)


def test_an_added_label_that_fails_is_left_as_it_was_and_pages() -> None:
    verdict = rule_set(rule("a", severity="SEV-4", suppress=True, labels={"team": "{nope}"})).evaluate(alert(team="db"))
    assert verdict.labels == {"team": "db"}
    assert (verdict.severity, verdict.unrouted, verdict.suppress) == ("SEV-2", True, False)


def test_a_failure_does_not_lower_what_the_rules_placed_higher() -> None:
    verdict = rule_set(rule("a", severity="SEV-1", title="{nope}")).evaluate(alert())
    assert (verdict.severity, verdict.unrouted) == ("SEV-1", True)


def test_what_is_suppressed_needs_no_severity() -> None:
    verdict = rule_set(rule("a", suppress=True)).evaluate(alert())
    assert (verdict.suppress, verdict.unrouted, verdict.errors) == (True, False, ())


def test_a_heartbeat_stays_one_whatever_else_fails() -> None:
    verdict = rule_set(rule("a", title="{nope}"), rule("b", heartbeat=True, stop=True)).evaluate(alert())
    assert verdict.heartbeat


def test_a_heartbeat_needs_no_severity() -> None:
    verdict = rule_set(rule("a", heartbeat=True, stop=True)).evaluate(alert())
    assert (verdict.heartbeat, verdict.unrouted, verdict.errors) == (True, False, ())


@pytest.mark.parametrize(
    ("default", "unrouted"), [("nope", UNROUTED), ("er", {"er": "SEV-9", "ops": "P1"}), ("er", {"er": "SEV-2"})]
)
def test_a_rule_set_without_a_place_for_what_is_unrouted_is_refused(default: str, unrouted: dict[str, str]) -> None:
    with pytest.raises(UnknownName):
        RuleSet((), default, LEVELS, unrouted)


# --- defaults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "a", "app": "b", "job": "c", "namespace": "d"}, "a"),
        ({"app": "b", "job": "c", "namespace": "d"}, "b"),
        ({"application": "b", "job": "c"}, "b"),
        ({"job": "c", "namespace": "d"}, "c"),
        ({"service": "", "namespace": "d"}, "d"),
        ({"team": "e"}, "unknown"),
    ],
)
def test_the_service_is_looked_for_in_the_usual_labels(labels: dict[str, str], service: str) -> None:
    assert rule_set(rule("a", severity="SEV-1")).evaluate(alert(**labels)).service == service


@pytest.mark.parametrize(
    ("annotations", "title"),
    [
        ({}, "Slow (api)"),
        ({"summary": " \n"}, "Slow (api)"),
        ({"summary": "\n  Too slow \r\nmore"}, "Too slow"),
        ({"summary": "x" * 300}, "x" * (LONGEST_TITLE - 1) + "…"),
    ],
)
def test_the_title_is_the_summary_or_else_the_name(annotations: dict[str, str], title: str) -> None:
    verdict = rule_set(rule("a", severity="SEV-1")).evaluate(alert(annotations, alertname="Slow", job="api"))
    assert verdict.title == title


def test_an_alert_without_a_name_has_a_title() -> None:
    assert rule_set().evaluate(alert(job="api")).title == "An alert without a name (api)"


# --- explanation -----------------------------------------------------------------------------------------------------


def test_an_explanation_tells_of_every_rule_until_the_stop() -> None:
    rules = rule_set(
        rule("a", severity="SEV-4", labels={"o": "{team}"}),
        rule("b", 'team="db", env="prod"', flags=("x",)),
        rule("c", 'team="db"', stop=True, self_heal=MINUTE),
        rule("d"),
    )
    verdict = rules.explain(alert(team="db"))
    assert [(step.rule, step.matched, step.failed, step.stopped) for step in verdict.steps] == [
        ("a", True, "", False),
        ("b", False, 'env="prod"', False),
        ("c", True, "", True),
    ]
    assert [step.sets for step in verdict.steps] == [
        {"severity": "SEV-4", "labels": {"o": "{team}"}},
        {"flags": ["x"]},
        {"stop": True, "self_heal": MINUTE},
    ]
    assert (verdict.steps[0].path, verdict.steps[0].line) == ("rules/x.yaml", 3)


@pytest.mark.parametrize(
    ("match", "labels", "failed", "found", "near"),
    [
        ('alertname="Down",cluster=""', {"cluster": "eu"}, 'cluster=""', "eu", True),
        ('alertname="Down",team="db"', {}, 'team="db"', "", True),
        ('team="db"', {"team": "web"}, 'team="db"', "web", False),
        ('alertname="Up",team="db"', {"team": "db"}, 'alertname="Up"', "Down", False),
        ('alertname="Down",team="db",env="prod"', {"team": "web"}, 'team="db"', "web", False),
        ('env!="prod",team="db"', {"team": "web"}, 'team="db"', "web", False),
    ],
    ids=["one of two", "a missing label", "all it has", "other alerts", "two of three", "about nothing in particular"],
)
def test_an_explanation_says_on_which_value_a_rule_failed_and_whether_only_on_that(
    match: str, labels: dict[str, str], failed: str, found: str, near: bool
) -> None:
    [step] = rule_set(rule("a", match)).explain(alert(alertname="Down", **labels)).steps
    assert (step.matched, step.failed, step.found, step.near) == (False, failed, found, near)


def test_a_verdict_lists_the_evaluated_rules_only_on_request() -> None:
    assert rule_set(rule("a")).evaluate(alert()).steps == ()


VALUES = st.sampled_from(["", "a", "b", "ab"])
CONDITIONS = st.builds("{}{}{!r}".format, st.sampled_from("xyz"), st.sampled_from(["=", "!=", "=~", "!~"]), VALUES)
RULES = st.lists(st.tuples(st.lists(CONDITIONS, max_size=3), st.booleans()), max_size=6)


@given(RULES, st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES), max_size=6))
def test_the_index_finds_the_rules_that_looking_at_each_one_finds(
    written: list[tuple[list[str], bool]], alerts: list[dict[str, str]]
) -> None:
    rules = rule_set(
        *(
            rule(f"r{index}", ",".join(conditions).replace("'", '"'), stop=stop)
            for index, (conditions, stop) in enumerate(written)
        )
    )
    for labels in alerts:
        verdict = rules.explain(alert(**labels))
        assert verdict.trace == tuple(step.rule for step in verdict.steps if step.matched)


def test_more_values_than_are_remembered_change_no_verdict() -> None:
    rules = rule_set(rule("a", severity="SEV-4"), rule("b", 'x=~"1.*5"', severity="SEV-1"))
    for number in list(range(9000)) * 2:
        is_higher = str(number).startswith("1") and str(number).endswith("5")
        assert rules.evaluate(alert(x=str(number))).severity == ("SEV-1" if is_higher else "SEV-4")
    assert all(len(column) < 9000 for _, column in rules._clauses._columns)


def test_combinations_of_rules_are_not_remembered_without_end() -> None:
    rules = rule_set(*(rule(f"r{number}", f'x{number}="y"', flags=(f"f{number}",)) for number in range(13)))
    for number in range(1 << 13):
        present = [bit for bit in range(13) if number >> bit & 1]
        verdict = rules.evaluate(alert(**{f"x{bit}": "y" for bit in present}))
        assert verdict.flags == tuple(f"f{bit}" for bit in present)
    assert len(rules._outcomes) < 1 << 13


def test_long_label_values_are_judged_and_not_remembered() -> None:
    rules = rule_set(rule("a", severity="SEV-4"), rule("b", 'x=~"a+"', severity="SEV-1"))
    assert rules.evaluate(alert(x="a" * 5000)).severity == "SEV-1"
    assert rules.evaluate(alert(x="a" * 5000 + "b")).severity == "SEV-4"
    assert all(len(value) < 5000 for _, column in rules._clauses._columns for value in column)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), st.dictionaries(st.text(max_size=3), st.text()))
def test_no_alert_makes_the_rules_raise(labels: dict[str, str], annotations: dict[str, str]) -> None:
    rules = rule_set(
        rule("a", 'alertname!~"[x-z]+", severity=~"(?i)a|b"', severity="{severity}", title="{alertname} {x}"),
        rule("b", 'service!=""', service="{service}", dedup_key="{service|}{namespace|}", labels={"x": "{y|z}"}),
    )
    verdict = rules.evaluate(alert(annotations, **{"alertname": "a", **labels}))
    assert verdict.severity in LEVELS[verdict.playbook]
    assert verdict.dedup_key
    assert verdict.title


# --- actions ---------------------------------------------------------------------------------------------------------


SAMPLES: dict[Form, Any] = {
    Form.TEXT: Template.parse("{x}"),
    Form.TEXTS: {"x": Template.parse("y")},
    Form.NAMES: ("x",),
    Form.DURATION: MINUTE,
    Form.SWITCH: True,
    Form.STEPS: 1,
    Form.LEVEL: Template.parse("SEV-1"),
    Form.LOOKUP: Lookup("t", Template.parse("{x}"), {}),
}


def test_every_action_leaves_its_mark_on_the_outcome_and_says_what_it_means() -> None:
    for name, action in ACTIONS.items():
        outcome = RuleOutcome()
        action.carry_out(outcome, name, SAMPLES[action.form])
        assert outcome != RuleOutcome()
        assert action.name == name
        assert action.meaning.endswith(".")
        assert action.example
