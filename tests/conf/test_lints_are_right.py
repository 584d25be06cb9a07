"""Lints about rules are correct: no label set contradicts them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tocsin.conf.lint.condition import Broader, are_apart, goes_with
from tocsin.conf.lint.dead import dead_rules
from tocsin.conf.lint.expensive import report_expensive_patterns
from tocsin.conf.lint.implication import contradiction, implies, is_there, texts
from tocsin.conf.lint.material import Material
from tocsin.conf.lint.overridden import report_overridden_rules
from tocsin.conf.lint.placeholders import report_missing_labels
from tocsin.conf.lint.samples import BUILT_IN
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.matching.condition import AskRate
from tocsin.core.matching.matcher import Matcher, parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet

VALUES = (
    "",
    "a",
    "A",
    "b",
    "k",
    "K",
    "\u212a",
    "s",
    "\u017f",
    "ab",
    "ba",
    "aba",
    "abc",
    "cab",
    "a.b",
    "a\n",
    "ab\n",
    "\n",
)
REGEXES = (
    *("", ".*", ".+", "a", "a|b", "(a|b|)", "(?:ab|ba)", "(?i)a", "(?i)a|k", "(?i)k|s|b", "(?i)ab", "(?i)\u212a"),
    *(
        "a.*",
        "ab.*",
        "a.*|b.*",
        "b.*",
        ".*a",
        ".*b",
        ".*ba|.*ca",
        ".*b.*",
        "[ab]",
        "a?",
        "a+b?",
        "a\\.b",
        "(?s).*",
        "a|b.*",
    ),
    *("[^a]", "(?i)[a-k]", "a\n", ".*\n"),
)
LABELS = ("x", "y")

matchers = st.one_of(
    st.builds(Matcher, st.sampled_from(LABELS), st.sampled_from(("=", "!=")), st.sampled_from(VALUES)),
    st.builds(Matcher, st.sampled_from(LABELS), st.sampled_from(("=~", "!~")), st.sampled_from(REGEXES)),
)
some_matchers = st.lists(matchers, max_size=4).map(tuple)
LABEL_SETS = tuple({"x": x, "y": y} for x in VALUES for y in ("", "a", "K", "ab", "ba\n"))


def passing(wanted: tuple[Matcher, ...]) -> list[dict[str, str]]:
    return [labels for labels in LABEL_SETS if all(matcher.matches(labels) for matcher in wanted)]


@settings(max_examples=300, deadline=None)
@given(some_matchers)
def test_what_is_called_a_contradiction_is_passed_by_nothing(given_: tuple[Matcher, ...]) -> None:
    clash = contradiction(given_)
    assert not clash or not passing(clash)
    assert set(clash) <= set(given_)


@settings(max_examples=300, deadline=None)
@given(some_matchers, some_matchers)
def test_what_is_called_implied_is_passed_by_all_that_passes_the_other(
    one: tuple[Matcher, ...], other: tuple[Matcher, ...]
) -> None:
    if implies(one, other):
        assert all(matcher.matches(labels) for labels in passing(one) for matcher in other)


def test_conclusions_about_any_two_matchers_are_correct() -> None:
    of_x = [Matcher("x", op, value) for op in ("=", "!=") for value in VALUES]
    of_x += [Matcher("x", op, regex) for op in ("=~", "!~") for regex in REGEXES]
    passed = {matcher: frozenset(filter(matcher.test, VALUES)) for matcher in of_x}
    for one in of_x:
        for other in of_x:
            assert not contradiction((one, other)) or passed[one].isdisjoint(passed[other])
            assert not implies((one,), (other,)) or passed[one] <= passed[other]


@given(some_matchers)
def test_a_label_that_is_called_guaranteed_is_there(given_: tuple[Matcher, ...]) -> None:
    for label in LABELS:
        if is_there(given_, label):
            assert all(labels[label] for labels in passing(given_))


@given(some_matchers)
def test_the_values_that_are_listed_are_all_there_are(given_: tuple[Matcher, ...]) -> None:
    about_x = tuple(matcher for matcher in given_ if matcher.name == "x")
    listed = texts(about_x)
    if listed is not None:
        assert {labels["x"] for labels in passing(about_x)} <= listed


KNOWN = [
    ('a="x", a="y"', 'a="x"; a="y"'),
    ('a="", a!=""', 'a=""; a!=""'),
    ('a="x", b="c", a!="x"', 'a="x"; a!="x"'),
    ('a="x", a=~"y.*"', 'a="x"; a=~"y.*"'),
    ('a=~"x|y", a!~"x|y|z"', 'a=~"x|y"; a!~"x|y|z"'),
    ('a=~"x|y", a!="x", a!="y"', 'a=~"x|y"; a!="x"; a!="y"'),
    ('a=~"(?i)x|y", a=~"(?i)z"', 'a=~"(?i)x|y"; a=~"(?i)z"'),
    ('a=~"x.*", a=~"y.*"', 'a=~"x.*"; a=~"y.*"'),
    ('a=~".*x", a=~".*y"', 'a=~".*x"; a=~".*y"'),
    ('a=~"x[0-9]", a!~"x[0-9]"', 'a=~"x[0-9]"; a!~"x[0-9]"'),
    ('a=~"xy.*", a!~"x.*"', 'a=~"xy.*"; a!~"x.*"'),
]


def test_the_usual_contradictions_are_seen() -> None:
    for text, clash in KNOWN:
        assert "; ".join(map(str, contradiction(parse_matchers(text)))) == clash


def test_the_usual_implications_are_seen() -> None:
    for narrow, broad in (
        ('a="x"', 'a=~"x|y"'),
        ('a="x", b="c"', 'a="x"'),
        ('a="x"', ""),
        ('a="xy"', 'a=~"x.*"'),
        ('a=~"xy.*"', 'a=~"x.*|z.*"'),
        ('a=~"xy.*"', 'a!=""'),
        ('a=~"xy.*"', 'a=~".+"'),
        ('a=~"x|y"', 'a!~"z|w"'),
        ('a=~"(?i)x"', 'a=~"(?i)x|y"'),
        ('a=~"(?i)x"', 'a!~"(?i)y"'),
        ('a="x"', 'a=~"[w-z]"'),
    ):
        assert implies(parse_matchers(narrow), parse_matchers(broad) if broad else ()), f"{narrow} implies {broad}"
        assert not implies(parse_matchers(broad) if broad else (), parse_matchers(narrow)) or narrow == broad


# --- rules ------------------------------------------------------------------------------------------------------------

LEVELS = ("S1", "S2", "S3")
TEXTS = ("S1", "S2", "S3")
actions = st.fixed_dictionaries(
    {},
    optional={
        "severity": st.sampled_from(TEXTS).map(Template.parse),
        "raise": st.just(1),
        "lower": st.just(1),
        "cap": st.sampled_from(TEXTS).map(Template.parse),
        "service": st.sampled_from(("one", "two", "{x|}")).map(Template.parse),
        "labels": st.dictionaries(
            st.sampled_from(("l", "m")), st.sampled_from(("1", "2", "{l|}3")).map(Template.parse), min_size=1
        ),
        "flags": st.sampled_from((("f",), ("g",), ("f", "g"))),
        "suppress": st.booleans(),
        "self_heal": st.sampled_from((0, 60_000_000)),
        "stop": st.sampled_from((True, True, False)),
    },
)
entries = st.one_of(st.just(()), st.lists(st.lists(matchers, max_size=2).map(tuple), max_size=2).map(tuple))
asked = st.sampled_from((None, None, None, AskRate(more_than=5, within=60_000_000)))
rules = st.lists(
    st.builds(
        Rule,
        name=st.just("r"),
        matchers=st.lists(matchers, max_size=2).map(tuple),
        any_of=entries,
        rate=asked,
        actions=actions,
    ),
    min_size=1,
    max_size=6,
)


def written(given_: Iterable[Rule]) -> list[Written]:
    """The rules, named ``r0``, ``r1`` ..., each on a line of its own."""
    return [
        Written(
            msgspec.structs.replace(rule, name=f"r{index}", path="f", line=index + 1), Node({}, Mark("f", index + 1, 1))
        )
        for index, rule in enumerate(given_)
    ]


def rule(*wanted: Matcher, **actions_: Any) -> Rule:
    return Rule(name="r", matchers=wanted, actions=actions_)


def verdicts(which: list[Rule]) -> list[Any]:
    """Return the verdict of every label set, with and without the conditions that rules have."""
    judged = []
    ruleset = RuleSet(which, "p", {"p": LEVELS}, {"p": "S2"})
    for labels in LABEL_SETS:
        alert = Alert("default", "f", AlertStatus.FIRING, labels)
        for holds in ((), ruleset.evaluate(alert).asks):
            verdict = ruleset.decide(alert, holds)
            judged.append(
                (
                    verdict.severity,
                    verdict.service,
                    sorted(verdict.flags),
                    verdict.labels,
                    verdict.suppress,
                    verdict.hold,
                )
            )
    return judged


@settings(max_examples=150, deadline=None)
@given(rules)
def test_without_the_rules_that_are_called_dead_or_overridden_every_alert_is_judged_the_same(given_: Any) -> None:
    listed = written(given_)
    findings = Findings()
    dead = dead_rules(listed, findings)
    assert dead <= {warning.line - 1 for warning in findings.warnings}
    findings.warnings = [warning for warning in findings.warnings if "this entry" not in warning.message]
    assert {warning.line - 1 for warning in findings.warnings} == dead
    report_overridden_rules(listed, dead, findings)
    called = {warning.line - 1 for warning in findings.warnings}
    assume(called)
    everything = verdicts([rule for rule, _ in listed])
    assert verdicts([rule for index, (rule, _) in enumerate(listed) if index not in dead]) == everything
    for one in called:
        assert verdicts([rule for index, (rule, _) in enumerate(listed) if index != one]) == everything


@settings(max_examples=150, deadline=None)
@given(rules)
def test_the_index_finds_every_rule_that_comparing_all_with_all_finds(given_: Any) -> None:
    listed = [rule for rule, _ in written(given_)]
    possible = [index for index, rule in enumerate(listed) if not any(map(contradiction, rule.clauses))]
    broader = Broader(listed, range(len(listed)))
    for index in possible:
        found = list(broader.of(index, range(len(listed))))
        assert found == [other for other, rule in enumerate(listed) if goes_with(listed[index], rule)]
        for other in possible:
            if are_apart(listed[index], listed[other]):
                both = [(*one, *two) for one in listed[index].clauses for two in listed[other].clauses]
                assert not any(map(passing, both))


@settings(max_examples=200, deadline=None)
@given(st.lists(matchers, max_size=2).map(tuple), st.sampled_from(("{x}", "{x} and {y}", "{x|none}", "{y|}{x}")))
def test_a_text_without_a_warning_can_be_rendered_for_every_sample(wanted: tuple[Matcher, ...], text: str) -> None:
    one = Rule(name="r", matchers=wanted, actions={"severity": Template.parse("S2"), "title": Template.parse(text)})
    samples = [{"alertname": "A", **{name: value for name, value in labels.items() if value}} for labels in LABEL_SETS]
    findings = Findings()
    report_missing_labels(
        Material([Written(one, Node({}, Mark("f", 1, 1)))], {}, {}, "", samples), frozenset(), findings
    )
    told = {warning.message[1] for warning in findings.warnings}
    failing = {
        label
        for labels in passing(wanted)
        for label in Template.parse(text).needs
        if not labels[label]
    }  # fmt: skip
    if passing(wanted):
        assert told == failing


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_ten_thousand_rules_that_all_look_alike_are_compared_in_bounded_time() -> None:
    listed = written(rule(Matcher("x", "=~", f"v{index}[0-9]+"), stop=True) for index in range(10_000))
    assert dead_rules(listed, Findings()) == frozenset()


def test_a_shadow_is_found_among_ten_thousand_rules() -> None:
    listed = written(rule(Matcher("x", "=", f"v{index}"), stop=True) for index in range(10_000))
    late = Written(
        Rule(name="late", matchers=(Matcher("y", "=", "1"), Matcher("x", "=", "v9000"))), Node({}, Mark("f", 1, 1))
    )
    findings = Findings()
    assert dead_rules([*listed, late], findings) == {10_000}
    assert "'r9000' matches whatever this one does and stops" in findings.warnings[0].message


def test_an_expensive_expression_is_reported_once_and_a_cheap_one_is_not() -> None:
    def told(*expressions: str) -> list[int]:
        findings = Findings()
        report_expensive_patterns(written([rule(Matcher("x", "=~", text)) for text in expressions]), findings)
        return [warning.line for warning in findings.warnings]

    assert told("\\pL{5}", "a", "\\pL{5}", ".*[a-m].{20}", ".+\\d.{10}") == [1, 4, 5]
    assert told(".*a.{20}", ".*[0-9]{12}", "[a-m].{20}", ".*[a-m].{9}", "(.*a.*){20}", "\\w{1,1000}") == []
    assert told(*(f".*(a{index}|b{index}).*" for index in range(1000))) == []


def test_every_built_in_sample_is_an_alert_with_a_name(tmp_path: Path) -> None:
    del tmp_path
    names = [sample["alertname"] for sample in BUILT_IN]
    assert len(names) == len(set(names))
    assert all(sample.values() and all(sample.values()) for sample in BUILT_IN)
