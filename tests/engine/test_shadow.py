"""Shadow rules change nothing and report where they differ from the live rules."""

from typing import Any

import structlog.testing
from hypothesis import given
from hypothesis import strategies as st

from scenario import emergency
from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.matching.condition import Rate
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.comparison import FIELDS, differences
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.intake.shadow import LISTED, LOGGED_A_MINUTE, Shadow, ShadowRules
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import rules_by_label
from tocsin.testing.recording import RecordingObserver

PLAYBOOK = emergency.shipped()
LIVE = rules_by_label(PLAYBOOK)


def with_rule(match: str, **actions: Any) -> RuleSet:
    given = {key: Template.parse(value) if isinstance(value, str) else value for key, value in actions.items()}
    return rules_by_label(PLAYBOOK, Rule(name="more", matchers=parse_matchers(match), actions=given))


class Rig:
    def __init__(self, rules: RuleSet) -> None:
        self.clock = VirtualClock()
        self.observer = RecordingObserver()
        self.shadow = Shadow(ShadowRules("branch", rules), self.observer, self.clock.now)

    async def judge(self, **labels: str) -> None:
        alert = Alert("default", fingerprint(labels), AlertStatus.FIRING, labels)
        await self.shadow.judge([(alert, LIVE.evaluate(alert))])

    def counted(self, outcome: str) -> int:
        return self.observer.counts["shadow_alerts_total", (("outcome", outcome),)]


async def test_what_differs_is_listed_by_alert_service_and_field_the_most_frequent_first() -> None:
    rig = Rig(with_rule('service="shop"', severity="SEV-1"))
    start = rig.clock.now()
    await rig.judge(alertname="Rare", severity="SEV-2", service="shop")
    rig.clock.advance(minutes=1)
    for _ in range(3):
        await rig.judge(alertname="Often", severity="SEV-3", service="shop")
    await rig.judge(alertname="Same", severity="SEV-3", service="db")
    await rig.judge(alertname="Same", severity="SEV-1", service="shop")

    report = rig.shadow.report()

    assert [
        (row.alertname, row.service, row.field, row.live, row.shadow, row.alerts) for row in report.differences
    ] == [
        ("Often", "shop", "severity", "SEV-3", "SEV-1", 3),
        ("Rare", "shop", "severity", "SEV-2", "SEV-1", 1),
    ]
    assert (report.rules, report.since_at, report.judged, report.differing) == ("branch", start, 6, 4)
    assert report.differences[1].last_at == start
    assert (rig.counted("same"), rig.counted("differs"), rig.counted("failed")) == (2, 4, 0)


async def test_every_kind_of_difference_is_told() -> None:
    rig = Rig(with_rule('alertname="A"', suppress=True, service="x", dedup_key="k", self_heal=120_000_000))
    await rig.judge(alertname="A", severity="SEV-2")
    assert {(row.field, row.live, row.shadow) for row in rig.shadow.report().differences} == {
        ("service", "unknown", "x"),
        ("dedup_key", "default/emergency-response/unknown/A//", "k"),
        ("suppress", "no", "yes"),
        ("hold", "0 s", "2 min"),
    }


async def test_a_shadow_that_breaks_is_counted_and_goes_on() -> None:
    class Broken:
        def evaluate(self, _: Alert) -> Verdict:
            raise RuntimeError("no")

    rig = Rig(Broken())  # type: ignore[arg-type]
    with structlog.testing.capture_logs():
        await rig.judge(alertname="A", severity="SEV-2")
    assert (rig.counted("failed"), rig.shadow.report().failed) == (1, 1)


async def test_however_many_things_differ_it_keeps_and_says_only_so_much() -> None:
    rig = Rig(with_rule('alertname=~".*"', severity="SEV-1"))
    with structlog.testing.capture_logs() as said:
        for number in range(LISTED + 5):
            await rig.judge(alertname=f"A{number}" + "x" * 2000, severity="SEV-2")
        assert len(said) == LOGGED_A_MINUTE
        rig.shadow.replace(None)
        rig.clock.advance(minutes=2)
        await rig.judge(alertname="B", severity="SEV-2")
    assert said[-1]["unlogged_before"] == LISTED - LOGGED_A_MINUTE
    rig.shadow.replace(None)
    for number in range(LISTED + 5):
        await rig.judge(alertname=f"A{number}" + "x" * 2000, severity="SEV-2")
    report = rig.shadow.report()
    assert (len(report.differences), report.unlisted, report.differing) == (LISTED, 5, LISTED + 5)
    assert max(len(row.alertname) for row in report.differences) == 200


async def test_the_live_way_is_the_same_with_a_shadow_and_without() -> None:
    """The shadow does not look at the engine's work, nor the engine at the shadow's."""
    async with emergency.tocsin() as alone, emergency.tocsin() as watched:
        observer = RecordingObserver()
        quiet = with_rule('alertname=~".*"', suppress=True)
        shadow = watched.ingest._shadow = Shadow(ShadowRules("branch", quiet), observer, watched.clock.now)
        for tocsin in (alone, watched):
            await tocsin.fire(alertname="Down", severity="SEV-1", service="shop")
            await tocsin.advance(hours=2)
        assert watched.pages() == alone.pages() != []
        assert [row.field for row in shadow.report().differences] == ["suppress"]


FLIPS = {
    "playbook": st.sampled_from(["p", "q"]),
    "severity": st.sampled_from(["1", "2"]),
    "service": st.sampled_from(["s", "t"]),
    "dedup_key": st.sampled_from(["k", "l"]),
    "flags": st.sampled_from([(), ("f",)]),
    "suppress": st.booleans(),
    "heartbeat": st.booleans(),
    "hold": st.sampled_from([0, 60_000_000]),
    "unrouted": st.booleans(),
    "team": st.sampled_from(["", "web"]),
    "resolve_after": st.sampled_from([None, 60_000_000]),
    "asks": st.sampled_from([(), (Rate(dedup_key="k", more_than=3, within=60_000_000),)]),
}


@given(st.fixed_dictionaries(FLIPS), st.fixed_dictionaries(FLIPS))
def test_two_verdicts_differ_in_exactly_the_fields_that_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    def verdict(given: dict[str, Any]) -> Verdict:
        return Verdict(title="", labels={}, **given)

    found = differences(verdict(one), verdict(other))
    assert [difference.field for difference in found] == [name for name in FIELDS if one[name] != other[name]]
    assert all(difference.before != difference.after for difference in found)
