"""Conditions of rules on more than labels, and the verdicts with their answers."""

from typing import Any

import pytest

from core.making import alert, rule, rule_set
from tocsin.core.duration import MINUTE
from tocsin.core.matching.condition import AskOpen, AskRate, Inhibition, Likeness, Rate, WhenOpen
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import Lookup
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet

DB_DOWN = WhenOpen(like=Likeness(service="db-eu", severity=("SEV-1", "SEV-2")), other_than="default/er/api/Slow/eu/")
OFTEN = Rate(dedup_key="default/er/api/Slow/eu/", more_than=5, within=10 * MINUTE)
SLOW = alert(alertname="Slow", job="api", cluster="eu")


def asking(given: Rule, **asks: Any) -> Rule:
    return Rule(
        name=given.name,
        matchers=given.matchers,
        any_of=asks.get("any_of", ()),
        when_open=asks.get("when_open"),
        rate=asks.get("rate"),
        actions=given.actions,
    )


def when_db_down(name: str = "db", match: str = "", **actions: Any) -> Rule:
    severity = (Template.parse("SEV-1"), Template.parse("SEV-2"))
    asked = AskOpen(service=Template.parse("db-{cluster}"), severity=severity)
    return asking(rule(name, match, **actions), when_open=asked)


def when_often(name: str = "often", **actions: Any) -> Rule:
    return asking(rule(name, **actions), rate=AskRate(more_than=5, within=10 * MINUTE))


def rules(*more: Rule) -> RuleSet:
    return rule_set(rule("base", severity="SEV-3"), *more)


def test_an_alert_whose_rules_ask_nothing_asks_nothing() -> None:
    judged = rules(when_db_down(match='team="db"', severity="SEV-1"))
    assert judged.evaluate(SLOW).asks == ()
    assert judged.decide(SLOW, {DB_DOWN}) == judged.evaluate(SLOW)


def test_until_it_is_answered_a_rule_that_asks_has_no_say() -> None:
    verdict = rules(when_db_down(severity="SEV-1", stop=True), rule("last", flags=("x",))).evaluate(SLOW)
    assert (verdict.severity, verdict.trace, verdict.flags) == ("SEV-3", ("base", "last"), ("x",))
    assert verdict.asks == (DB_DOWN,)


def test_a_rule_has_its_say_where_what_it_asks_holds() -> None:
    judged = rules(when_db_down(severity="SEV-1", stop=True), rule("last", flags=("x",)))
    held = judged.decide(SLOW, {DB_DOWN})
    assert (held.severity, held.trace, held.flags, held.asks) == ("SEV-1", ("base", "db"), (), ())
    assert judged.decide(SLOW, ()).trace == ("base", "last")


def test_a_rule_that_asks_twice_needs_both() -> None:
    both = asking(when_db_down(severity="SEV-1"), when_open=when_db_down().when_open, rate=when_often().rate)
    judged = rules(both)
    assert judged.evaluate(SLOW).asks == (DB_DOWN, OFTEN)
    assert [judged.decide(SLOW, holds).severity for holds in ((DB_DOWN,), (OFTEN,), (DB_DOWN, OFTEN))] == [
        "SEV-3",
        "SEV-3",
        "SEV-1",
    ]


def test_the_same_question_is_asked_once() -> None:
    assert rules(when_often("a", flags=("a",)), when_often("b", flags=("b",))).evaluate(SLOW).asks == (OFTEN,)


def test_rules_after_a_stop_ask_nothing() -> None:
    assert rules(rule("stop", stop=True), when_often(severity="SEV-1")).evaluate(SLOW).asks == ()


def test_what_is_asked_has_the_labels_that_rules_add_and_the_alerts_own_key() -> None:
    asked = AskOpen(team=Template.parse("{owner}"))
    judged = rules(
        rule("a", labels={"owner": "dba"}, dedup_key="k/{job}"), asking(rule("b", flags=("x",)), when_open=asked)
    )
    assert judged.evaluate(SLOW).asks == (WhenOpen(like=Likeness(team="dba"), other_than="k/api"),)


@pytest.mark.parametrize("text", ["db-{nothing}", "{nothing|}"])
def test_a_rule_that_cannot_be_asked_for_this_alert_has_no_say_and_no_alert_is_lost(text: str) -> None:
    judged = rules(asking(rule("b", suppress=True), when_open=AskOpen(service=Template.parse(text))))
    verdict = judged.evaluate(SLOW)
    assert (verdict.asks, verdict.unrouted, verdict.suppress, verdict.trace) == ((), False, False, ("base",))
    assert judged.decide(SLOW, ()).trace == ("base",)
    assert judged.explain(SLOW).steps[1].failed.startswith("when_open: ")


# --- inhibition ------------------------------------------------------------------------------------------------------


def test_suppressing_while_another_is_open_inhibits_and_does_not_suppress() -> None:
    verdict = rules(when_db_down(suppress=True)).decide(SLOW, {DB_DOWN})
    assert (verdict.suppress, verdict.inhibited_by) == (False, (Inhibition(rule="db", when=DB_DOWN),))
    assert rules(when_db_down(suppress=True)).decide(SLOW, ()).inhibited_by == ()


def test_a_later_rule_takes_an_inhibition_back_or_makes_it_a_suppression() -> None:
    assert rules(when_db_down(suppress=True), rule("b", suppress=False)).decide(SLOW, {DB_DOWN}).inhibited_by == ()
    assert rules(when_db_down(suppress=True), rule("b", suppress=True)).decide(SLOW, {DB_DOWN}).suppress


def test_suppressing_what_comes_too_often_suppresses() -> None:
    verdict = rules(when_often(suppress=True)).decide(SLOW, {OFTEN})
    assert (verdict.suppress, verdict.inhibited_by) == (True, ())


def test_what_is_unrouted_is_never_inhibited() -> None:
    verdict = rules(rule("a", severity="{nothing}"), when_db_down(suppress=True)).decide(SLOW, {DB_DOWN})
    assert (verdict.unrouted, verdict.inhibited_by) == (True, ())


# --- any -------------------------------------------------------------------------------------------------------------


def test_of_any_one_entry_must_match_with_all_its_matchers_beside_match() -> None:
    entries = (parse_matchers('a="1", b="2"'), parse_matchers('c=~"3.*"'))
    judged = rules(asking(rule("any", 'x="y"', severity="SEV-1"), any_of=entries))
    for labels, matched in (
        ({"x": "y", "a": "1", "b": "2"}, True),
        ({"x": "y", "c": "33"}, True),
        ({"x": "y", "a": "1", "b": "2", "c": "3"}, True),
        ({"x": "y", "a": "1"}, False),
        ({"a": "1", "b": "2"}, False),
        ({"x": "y"}, False),
    ):
        verdict = judged.explain(alert(**labels))
        assert verdict.trace == (("base", "any") if matched else ("base",)), labels
        assert verdict.steps[1].matched is matched


def test_an_explanation_says_what_none_of_any_was() -> None:
    judged = rules(asking(rule("any"), any_of=(parse_matchers('a="1"'), parse_matchers('b="2"'))))
    assert judged.explain(SLOW).steps[1].failed == 'any: {a="1"} or {b="2"}'


def test_an_explanation_says_what_was_asked_and_what_does_not_hold() -> None:
    judged = rules(when_db_down(severity="SEV-1"), when_often(flags=("x",)))
    steps = judged.explain(SLOW, {OFTEN}).steps
    assert (steps[1].matched, steps[1].failed) == (False, "when_open: service db-eu, severity SEV-1 or SEV-2")
    assert (steps[2].matched, steps[2].asks) == (True, ("rate: more than 5 within 10 min",))


# --- severity, tables, and what an incident carries ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actions", "severity"),
    [
        ([{"raise": 1}], "SEV-2"),
        ([{"raise": 1}, {"raise": 1}], "SEV-1"),
        ([{"raise": 9}], "SEV-1"),
        ([{"lower": 1}], "SEV-4"),
        ([{"lower": 9}], "SEV-4"),
        ([{"raise": 2}, {"lower": 1}], "SEV-2"),
        ([{"raise": 1}, {"severity": "SEV-4"}], "SEV-3"),
        ([{"cap": "SEV-2"}, {"severity": "SEV-1"}], "SEV-2"),
        ([{"cap": "SEV-2"}], "SEV-3"),
        ([{"cap": "SEV-4"}, {"raise": 2}], "SEV-4"),
        ([{"cap": "SEV-4"}, {"cap": "SEV-1"}, {"raise": 2}], "SEV-1"),
    ],
)
def test_steps_add_up_after_all_sets_and_the_cap_comes_last(actions: list[dict[str, Any]], severity: str) -> None:
    more = [rule(f"r{number}", **each) for number, each in enumerate(actions)]
    verdict = rules(*more).evaluate(SLOW)
    assert (verdict.severity, verdict.unrouted) == (severity, False)


def test_a_cap_that_fails_hides_nothing() -> None:
    verdict = rules(rule("a", cap="{nothing}", severity="SEV-1")).evaluate(SLOW)
    assert (verdict.severity, verdict.unrouted) == ("SEV-1", True)
    assert rules(rule("a", cap="P1")).evaluate(SLOW).errors == ("cap: playbook er has no 'P1'",)


def test_raising_does_not_place_what_no_rule_has_placed() -> None:
    assert rule_set(rule("a", **{"raise": 1})).evaluate(SLOW).unrouted


def look_up(name: str, by: str) -> Rule:
    rows = {"api": {"team": "shop", "tier0": "true"}, "": {"team": "nobody"}}
    return Rule(name=name, actions={"lookup": Lookup("services", Template.parse(by), rows)})


def test_a_row_of_a_table_gives_labels_to_placeholders_and_none_to_matchers() -> None:
    judged = rules(look_up("t", "{job}"), rule("u", team="{team|nobody}"), rule("m", 'team="shop"', severity="SEV-1"))
    verdict = judged.evaluate(SLOW)
    assert (verdict.team, verdict.severity, verdict.labels["tier0"]) == ("shop", "SEV-3", "true")
    assert judged.evaluate(alert(job="web")).team == "nobody"


@pytest.mark.parametrize("by", ["{nothing}", "{alertname}"])
def test_no_row_and_no_label_to_look_it_up_by_is_no_error(by: str) -> None:
    verdict = rules(look_up("t", by), rule("u", team="{team|free}")).evaluate(SLOW)
    assert (verdict.team, verdict.unrouted) == ("free", False)


def test_a_lookup_sees_the_labels_added_before_it() -> None:
    judged = rules(rule("l", labels={"key": "api"}), look_up("t", "{key}"), rule("u", team="{team|free}"))
    assert judged.evaluate(SLOW).team == "shop"


def test_an_incident_carries_what_rules_say_of_it() -> None:
    said = rule("a", summary=" {job} is slow ", runbook="https://r/{job}", automation="restart", resolve_after=MINUTE)
    verdict = rules(said).evaluate(SLOW)
    assert (verdict.summary, verdict.runbook, verdict.automation) == ("api is slow", "https://r/api", "restart")
    assert (verdict.resolve_after, rules().evaluate(SLOW).resolve_after) == (MINUTE, None)


@pytest.mark.parametrize(
    ("text", "runbook"),
    [("https://r/x", "https://r/x"), ("javascript:alert(1)", ""), ("https://r/ x", ""), ("https://r/\n", "https://r/")],
)
def test_the_runbook_is_a_link_or_nothing(text: str, runbook: str) -> None:
    assert rules(rule("a", runbook="{x}")).evaluate(alert(x=text)).runbook == runbook
    assert rules().evaluate(alert({"runbook_url": text})).runbook == runbook
