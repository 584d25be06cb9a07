"""Tests written by users: their view of the engine, failure messages, and mistakes in them."""

import dataclasses
import textwrap
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.kinds import KINDS
from tocsin.channels.webhook.settings import WebhookChannelSettings
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.source import ConfigError
from tocsin.core.duration import MINUTE
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.oncall.people import Contact, Person
from tocsin.core.schedule.recurrence import Span
from tocsin.testing.case_runner import CaseResult, run_case
from tocsin.testing.cases import read_tests
from tocsin.testing.timeline import ExpectedPage, SentPage, difference

MONDAY = 1_767_603_600_000_000
"""2026-01-05 09:00 UTC."""

REPOSITORY = Path(__file__).parents[2]
BUNDLE = load(REPOSITORY / "config", REPOSITORY / "rules", KINDS, {})

FIRES = "{at: 0m, alert: down, fire: {alertname: Down, severity: critical, service: shop}}"


async def outcome(tmp_path: Path, body: str, bundle: Bundle = BUNDLE) -> CaseResult:
    path = tmp_path / "mine.yaml"
    path.write_text("tests:\n  - name: mine\n" + textwrap.indent(textwrap.dedent(body), "    "))
    (case,) = read_tests([path], bundle)
    return await run_case(case, bundle)


def diff(outcome: CaseResult) -> list[str]:
    return [f"{sign} {text}" for failure in outcome.failures for sign, text in failure.lines]


async def test_a_page_at_another_time_is_one_missing_and_one_extra(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        f"""
        until: 29m
        events: [{FIRES}]
        pages:
          - {{at: 1m, who: on-call-engineer}}
        """,
    )
    assert not found.passed
    assert diff(found) == ["+ 0s page alex: tier 1, by console, SEV-2, incident 1", "- 1m page alex"]
    assert found.failures[0].mark[1:] == (6, 5)


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ("[]", ["+ 0s page alex: tier 1, by console, SEV-2, incident 1"]),
        (
            "[{at: 0m, who: alex, tier: 2}]",
            ["- 0s page alex: tier 2", "+ 0s page alex: tier 1, by console, SEV-2, inc"],
        ),
        ("[{at: 0m, who: alex, kind: update}]", ["- 0s update alex", "+ 0s page alex: tier 1, by console, SEV-2, inc"]),
        (
            "[{at: 0m, who: alex}, {at: 0m, who: alex}]",
            ["- 0s page alex", "  0s page alex: tier 1, by console, SEV-2,"],
        ),
        ("[{at: 0m, who: alex, severity: SEV-2, by: console, tier: 1, incident: 1}]", []),
        ("[{at: 0m, who: on-call-engineer}]", []),
    ],
)
async def test_the_timeline_is_exact(tmp_path: Path, pages: str, says: list[str]) -> None:
    found = await outcome(tmp_path, f"until: 29m\nevents: [{FIRES}]\npages: {pages}\n")
    assert len(diff(found)) == len(says)
    assert all(line.startswith(said) for line, said in zip(diff(found), says, strict=True))


async def test_a_test_without_an_end_is_reported_with_the_correction(tmp_path: Path) -> None:
    found = await outcome(tmp_path, f"events: [{FIRES}]\npages: [{{at: 0m, who: alex}}]\n")
    assert diff(found)[-1] == "  `until: 0s` would end this test with the last line of `pages:`"


async def test_a_long_difference_is_cut_and_counted(tmp_path: Path) -> None:
    fires = FIRES.replace("critical", "p1")
    found = await outcome(tmp_path, f"events: [{fires}]\npages: []\n")
    *lines, more, _ = diff(found)
    assert len(lines) == 40
    # In 24 hours: 1 + 1 + 3, then each quarter of an hour from 45 min on three people.
    assert (
        more == f"  ... and {1 + 1 + 3 + 3 * 94 - 40} more: 0 missing, {1 + 1 + 3 + 3 * 94 - 40} extra, 0 as expected"
    )


async def test_a_failed_expectation_is_reported_with_the_deciding_rules(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        f"""
        events: [{FIRES}]
        expect:
          - {{at: 0m, severity: SEV-1, service: shop, state: acknowledged, unrouted: false, flags: [data_breach]}}
        """,
    )
    assert [failure.what for failure in found.failures] == ["expected at 0s"]
    assert diff(found) == [
        "- severity: SEV-1",
        "+ severity: SEV-2",
        "- state: acknowledged",
        "+ state: triggered",
        "- flags: [data_breach]",
        "+ flags: []",
        "  decided by: everything > critical",
    ]


async def test_an_impossible_response_is_reported_at_its_position(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        f"""
        events:
          - {{at: 0m, acknowledge: alex}}
          - {FIRES}
          - {{at: 1m, acknowledge: alex, incident: 7}}
          - {{at: 2m, set_severity: SEV-1}}
        expect: [{{at: 2m, severity: SEV-1}}]
        """,
    )
    assert [(failure.mark.line, failure.lines) for failure in found.failures] == [
        (5, (("+", "the alert that fired last has no incident"),)),
        (7, (("+", "there is no incident '7'"),)),
    ]


async def test_a_resolve_before_its_alert_and_an_expectation_of_nothing_fail(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        f"""
        events:
          - {{at: 0m, resolve: down}}
          - {FIRES.replace("0m", "1m")}
        expect:
          - {{at: 0m, severity: SEV-2}}
          - {{at: 1m, incident: 2, severity: SEV-2}}
        """,
    )
    assert diff(found) == [
        "+ down has not fired by then",
        "+ that alert has not fired by then",
        "+ there is no incident 2; there are 1",
    ]


async def test_what_is_due_at_a_moment_comes_before_what_happens_then(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        f"""
        until: 59m
        events:
          - {FIRES}
          - {{at: 30m, resolve_incident: on-call-engineer}}
        expect: [{{at: 30m, state: resolved}}]
        pages:
          - {{at: 0m, who: on-call-engineer}}
          - {{at: 30m, who: engineering-manager}}
        """,
    )
    assert found.passed, diff(found)


async def test_channels_stand_in_under_their_names_and_none_of_them_is_spoken_to(tmp_path: Path) -> None:
    hook = ConfiguredChannel("hook", "webhook", WebhookChannelSettings(url="http://127.0.0.1:9/"))
    alex = Person("alex", contact=Contact("hook", "anywhere"))
    people = BUNDLE.people
    bundle = dataclasses.replace(
        BUNDLE,
        channels=(*BUNDLE.channels, hook),
        people=msgspec.structs.replace(people, persons={**people.persons, "alex": alex}),
    )
    found = await outcome(
        tmp_path, f"until: 1m\nevents: [{FIRES}]\npages: [{{at: 0m, who: on-call-engineer, by: hook}}]\n", bundle
    )
    assert found.passed, diff(found)


async def test_a_test_begins_when_it_says_in_its_own_zone(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path, f'start: "2026-03-01T12:00:00+02:00"\nevents: [{FIRES}]\nexpect: [{{at: 0m, incidents: 1}}]\n'
    )
    assert found.passed
    assert found.case.start == 1_772_359_200_000_000


async def test_a_maintenance_window_of_the_configuration_holds_in_a_test(tmp_path: Path) -> None:
    window = Window("move", parse_matchers('service="shop"'), Span(MONDAY, MONDAY + 60 * MINUTE))
    found = await outcome(
        tmp_path,
        f"""
        until: 89m
        events: [{FIRES}]
        expect:
          - {{at: 0m, waits: [window], state: triggered}}
          - {{at: 60m, waits: []}}
        pages:
          - {{at: 60m, who: on-call-engineer, tier: 1}}
        """,
        dataclasses.replace(BUNDLE, windows=(window,)),
    )
    assert found.passed, diff(found)


MISTAKES = {
    "tests: [{name: a, events: [{at: 0m}]}]": "1:28: nothing happens in this event; write one of fire, resolve",
    "tests: [{name: a, events: [{at: 5, fire: {a: b}}]}]": "1:33: a duration needs its unit; write 5s",
    "tests: [{name: a, events: [{at: 0m, fire: {a: 1}}]}]": "1:43: the label a must be text, and not empty; put it in",
    "tests: [{name: a, events: [{at: 0m, fire: {}}]}]": "1:43: labels are expected here; write for example {alertname",
    "tests: [{name: a, events: [{at: 0m, fier: {a: b}}]}]": "1:37: unknown key 'fier'; did you mean fire?",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}, escalate: alex}]}]": "1:28: fire and escalate in one event",
    "tests: [{name: a, events: [{at: 0m, resolve: x}]}]": "1:46: no event fires an alert 'x'; name it where it fires",
    "tests: [{name: a, events: [{at: 0m, acknowledge: alec}]}]": "1:50: there is no person 'alec'; did you mean alex",
    "tests: [{name: a, events: [{at: 0m, escalate: alex, by: kim}]}]": "1:53: 'by' means nothing beside 'escalate'; it",
    "tests: [{name: a, events: [{at: 0m, flag: leak}]}]": "1:43: no playbook has a flag 'leak'; known: blocked, compl",
    "tests: [{name: a, start: '2026-01-05T09:00:00', events: [{at: 0m, fire: {a: b}}]}]": "1:26: a time needs its zone",
    "tests: [{name: a, start: soon, events: [{at: 0m, fire: {a: b}}]}]": "1:26: is not a time; write for example",
    "tests: [{name: a, until: 1m, events: [{at: 2m, fire: {a: b}}]}]": "1:44: comes after the end of the test; write a",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], expect: [{at: 0m}]}]": "1:62: nothing is expected here; write",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], expect: [{severity: SEV1}]}]": "1:73: there is no severity",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], expect: [{state: open}]}]": "1:70: 'open' is not a state",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], expect: [{rules: [critcal]}]}]": "1:71: there is no rule 'cri",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], expect: [{incident: 1, rules: []}]}]": "1:83: an incident has",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], pages: [{at: 0m, who: alx}]}]": "1:75: there is no person",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], pages: [{at: 0m, who: alex, by: sms}]}]": "1:85: there is no",
    "tests: [{name: a, events: [{at: 0m, fire: {a: b}}], expect: [{waits: [strom]}]}]": "1:71: 'strom' is nothing that",
    "tests: []": "1:8: must not be empty",
    "rules: []": "1:1: 'tests' is missing",
    "- a": "1:1: a mapping is expected here; begin the file with `tests:`",
}


@pytest.mark.parametrize(("text", "told"), MISTAKES.items(), ids=MISTAKES.values())
def test_a_mistake_is_reported_at_its_position(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_tests([path], BUNDLE)
    assert any(str(problem).startswith(f"{path}:{told}") for problem in refused.value.problems), refused.value


def test_two_tests_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("tests:\n" + "  - {name: a, events: [{at: 0m, fire: {a: b}}]}\n" * 2)
    with pytest.raises(ConfigError, match=r"mine.yaml:3:12: the name 'a' is taken; the first is at \S+:2:12"):
        read_tests([path], BUNDLE)


TOLD = st.builds(
    SentPage,
    at=st.integers(0, 1),
    who=st.sampled_from("ab"),
    kind=st.just("page"),
    tier=st.integers(1, 2),
    by=st.sampled_from(["sms", "chat"]),
    severity=st.just("SEV-1"),
    incident=st.just(1),
)
WANTED = st.builds(
    ExpectedPage,
    at=st.integers(0, 1),
    who=st.sampled_from("ab"),
    kind=st.just("page"),
    tier=st.none() | st.integers(1, 2),
    by=st.none() | st.sampled_from(["sms", "chat"]),
    severity=st.none(),
    incident=st.none(),
)


@given(st.lists(WANTED, max_size=5), st.lists(TOLD, max_size=5))
def test_timelines_are_the_same_if_every_line_can_have_a_page_of_its_own(
    wanted: list[ExpectedPage], told: list[SentPage]
) -> None:
    is_same = len(wanted) == len(told) and any(
        all(one.matches(found) for one, found in zip(wanted, order, strict=True)) for order in permutations(told)
    )
    assert (difference(wanted, told) == []) == is_same


@given(st.lists(TOLD, max_size=8), st.data())
def test_what_is_missing_and_what_is_extra_add_up(told: list[SentPage], data: st.DataObject) -> None:
    wanted = data.draw(st.lists(WANTED, max_size=8))
    lines = [sign for sign, _ in difference(wanted, told)]
    if lines:
        assert lines.count("-") + lines.count(" ") == len(wanted)
        assert lines.count("+") + lines.count(" ") == len(told)


# Times that follow from targets.

P0 = "targets_of: {playbook: erlmcp, severity: P0}"
P9 = "targets_of: {playbook: erlmcp, severity: P9}"


@pytest.mark.parametrize(
    ("of", "at", "told"),
    [
        ("start: '2026-01-05T09:00:00Z'", "respond_within", "'respond_within' follows from the targets of a severity"),
        ("targets_of: {playbook: erlmp, severity: P0}", "0m", "there is no playbook 'erlmp'; did you mean erlmcp?"),
        (P9, "0m", "there is no severity 'P9'; known: P0, P1, P2, P3"),
        ("targets_of: {severity: P0}", "0m", "'playbook' is missing"),
        (P0, "resolve_within", "'resolve_within' names no target of this severity"),
        (P0, "respond_within - 6m", "'respond_within - 6m' is less than nothing"),
        (P0, "respond_within + 5", "'respond_within + 5' is not a duration"),
    ],
)
def test_a_time_that_names_no_target_is_reported_at_its_position(tmp_path: Path, of: str, at: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"tests: [{{name: a, {of}, events: [{{at: {at}, fire: {{a: b}}}}]}}]")
    with pytest.raises(ConfigError) as refused:
        read_tests([path], BUNDLE)
    assert any(told in str(problem) for problem in refused.value.problems), refused.value


async def test_times_name_the_targets_of_a_severity_their_multiples_and_sums(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        """
        targets_of: {playbook: erlmcp, severity: P0}
        until: 3 x respond_within + 2 x fallback_every
        events:
          - {at: 0m, fire: {alertname: Down, severity: P0, playbook: erlmcp, service: shop}}
        pages:
          - {at: 0m, who: devops-on-call}
          - {at: respond_within, who: [engineering-manager-on-call, devops-secondary]}
          - {at: 2 x respond_within, who: vp-engineering-on-call}
          - {at: 4 x respond_within - 5m, who: [ceo, cto]}
          - at: 3 x respond_within + fallback_every
            every: fallback_every
            who: [ceo, cto, devops-on-call, devops-secondary]
        """,
    )
    assert diff(found) == []


async def test_a_line_for_business_hours_is_expected_at_the_opening_or_not_at_all(tmp_path: Path) -> None:
    found = await outcome(
        tmp_path,
        """
        start: "2026-01-09T22:00:00Z"
        targets_of: {playbook: ultimate-marketing, severity: P4}
        until: 59h
        events:
          - {at: 0m, fire: {alertname: Slow, severity: P4, playbook: ultimate-marketing, automated_recovery: "no"}}
        pages:
          - {at: 0m, hours: business, who: on-call-engineer}
          - {at: 59h + respond_within, hours: business, who: service-owner}
        """,
    )
    assert diff(found) == []
