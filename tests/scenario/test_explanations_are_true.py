"""Explanations agree with the decisions, for any rules and any alerts."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from scenario.test_explained_by_the_rules_of_then import PEOPLE, PLAN, now_run, rule, rules
from tocsin.core.alerts.alert import EpisodeStatus, fingerprint
from tocsin.core.duration import MINUTE
from tocsin.core.matching.condition import AskOpen, AskRate
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.explain.stored import explain_stored
from tocsin.ports.store import Reader
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

NAMES = ["a", "b", "c"]
MATCHES = st.sampled_from(["", 'alertname="a"', 'alertname=~"a|b"', 'team="x"', 'team!="x"', 'alertname="c",team="x"'])
ASKS = st.sampled_from(
    [
        {},
        {},
        {"when_open": AskOpen(service=Template.parse("core"))},
        {"when_open": AskOpen(severity=(Template.parse("SEV-1"),))},
        {"rate": AskRate(more_than=1, within=30 * MINUTE)},
    ]
)
ACTIONS = st.sampled_from(
    [
        {"severity": "SEV-2"},
        {"severity": "{missing}"},
        {"service": "core"},
        {"service": "{team|none}"},
        {"dedup_key": "one"},
        {"suppress": True},
        {"raise": 1},
        {"labels": {"team": Template.parse("x")}},
        {"labels": {"alertname": Template.parse("masked")}},
        {"self_heal": 5 * MINUTE},
        {"stop": True},
    ]
)
RULES = st.lists(st.tuples(MATCHES, ASKS, ACTIONS), max_size=5)
DEEDS = st.one_of(
    st.tuples(st.just("fire"), st.sampled_from(NAMES), st.sampled_from(["", "x"])),
    st.tuples(st.just("resolve"), st.sampled_from(NAMES), st.sampled_from(["", "x"])),
    st.tuples(st.just("reload"), RULES),
    st.tuples(st.just("wait"), st.integers(1, 40)),
)


def rule_set(written: list[tuple[str, dict, dict]]) -> RuleSet:
    made: list[Rule] = [
        rule(f"r{index}", match, **asks, **actions) for index, (match, asks, actions) in enumerate(written)
    ]
    return rules(*made)


async def live(first: list, deeds: list) -> None:
    tocsin = Harness(PLAN, PEOPLE, rules=rule_set(first), channels=[RecordingChannel("pager")])
    async with tocsin:
        for what, *more in deeds:
            if what == "reload":
                now_run(tocsin, rule_set(more[0]))
            elif what == "wait":
                await tocsin.advance(minutes=more[0])
            else:
                name, team = more
                labels = {"alertname": name} | ({"team": team} if team else {})
                await (tocsin.fire(**labels) if what == "fire" else tocsin.resolve(**labels))
        await tocsin.store.read(lambda reader: expect_true(reader, tocsin))


def expect_true(reader: Reader, tocsin: Harness) -> None:
    episodes = [episode for key in reader.latest_episodes(all_keys()) for episode in reader.episodes(key[1], "default")]
    for episode in episodes:
        found = explain_stored(reader, tocsin.live.policy, episode)
        assert found.judged_by == "stored"
        assert found.severity == episode.severity
        assert tuple(step.rule for step in found.rules if step.matched) == episode.trace
        if episode.status is EpisodeStatus.SUPPRESSED:
            assert found.outcome == "suppressed"
        if episode.incident_id is not None:
            assert found.incident is not None
            assert found.incident.id == episode.incident_id
            paged = any(d.job == "page" and d.state == "sent" for d in found.incident.deliveries)
            assert (found.outcome == "paged") == (paged and episode.status is not EpisodeStatus.HELD)
        assert found.because


def all_keys() -> list[tuple[str, str]]:
    sets = [{"alertname": name} | ({"team": team} if team else {}) for name in NAMES for team in ("", "x")]
    return [("default", fingerprint(labels)) for labels in sets]


@settings(max_examples=150, deadline=None)
@given(first=RULES, deeds=st.lists(DEEDS, max_size=12))
def test_an_explanation_says_what_was_decided(first: list, deeds: list) -> None:
    asyncio.run(live(first, deeds))
