"""A later explanation of an alert uses the rules in force at the time, not the current ones."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tocsin.core.alerts.alert import Alert, AlertStatus, Episode, fingerprint
from tocsin.core.duration import DAY, MINUTE
from tocsin.core.incident.event import Actor, SetSeverity
from tocsin.core.matching.condition import AskOpen, AskRate
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.playbook.playbook import Cell, Level, Playbook, Tier
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.explain.alert import AlertExplanation, explain_alert
from tocsin.engine.explain.incident import explain_incident
from tocsin.engine.explain.stored import StoredExplanation, explain_stored
from tocsin.store.open import open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

PEOPLE = People(persons={"alice": Person(name="alice", contact=Contact("pager", "alice"))}, places={})
PLAN = Playbook(
    name="er",
    title="",
    levels=(
        Level("SEV-1", 0, 15 * MINUTE, None, (Cell(tier=1, nth=1, after=0, targets=("alice",)),)),
        Level("SEV-2", 1, 60 * MINUTE, None, ()),
        Level("SEV-3", 2, 60 * MINUTE, None, (Cell(tier=1, nth=1, after=0, targets=("alice",)),)),
    ),
    tiers=(Tier(1, "on call", ("alice",)),),
    unrouted="SEV-1",
)


def rule(name: str, match: str = "", **more: object) -> Rule:
    fields = {key: more.pop(key) for key in ("when_open", "rate") if key in more}
    actions = {key: Template.parse(value) if isinstance(value, str) else value for key, value in more.items()}
    return Rule(name=name, matchers=parse_matchers(match) if match else (), actions=actions, **fields)  # type: ignore[arg-type]


def rules(*more: Rule) -> RuleSet:
    return RuleSet(
        [rule("everything", severity="SEV-1"), *more], "er", {"er": ["SEV-1", "SEV-2", "SEV-3"]}, {"er": "SEV-1"}
    )


@pytest.fixture(params=["memory", "sqlite"])
async def tocsin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    clock = VirtualClock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'tocsin.db'}"
    harness = Harness(
        PLAN,
        PEOPLE,
        rules=rules(),
        channels=[RecordingChannel("pager")],
        store=open_store(url, clock),
        clock=clock,
    )
    async with harness:
        yield harness


def now_run(tocsin: Harness, running: RuleSet) -> None:
    tocsin.live.policy = replace(tocsin.live.policy, rules=running)


async def explained(tocsin: Harness, episode: int | None = None, **labels: str) -> StoredExplanation:
    key = ("default", fingerprint(labels))

    def work(reader) -> StoredExplanation:
        wanted: Episode | None = reader.latest_episodes([key])[key]
        if episode is not None:
            wanted = reader.episode(*key, episode)
        assert wanted is not None
        return explain_stored(reader, tocsin.live.policy, wanted)

    return await tocsin.store.read(work)


async def foreseen(tocsin: Harness, **labels: str) -> AlertExplanation:
    alert = Alert("default", fingerprint(labels), AlertStatus.FIRING, labels)
    return await tocsin.store.read(lambda reader: explain_alert(tocsin.live.policy, alert, reader))


def matched(found: StoredExplanation) -> list[str]:
    return [step.rule for step in found.rules if step.matched]


async def test_an_alert_is_explained_by_the_rules_that_judged_it_whatever_runs_now(tocsin: Harness) -> None:
    shop = rules(rule("shop", 'team="shop"', service="shop"))
    now_run(tocsin, shop)
    await tocsin.fire(alertname="Down", team="shop")
    now_run(tocsin, rules(rule("quiet", 'team="shop"', severity="SEV-2", service="shop")))

    found = await explained(tocsin, alertname="Down", team="shop")

    assert found.judged_by == "stored"
    assert found.rules_sha == shop.sha
    assert matched(found) == ["everything", "shop"]
    assert (found.severity, found.service, found.outcome) == ("SEV-1", "shop", "paged")
    assert found.decided_by == {"severity": "everything", "service": "shop"}
    assert [(each.what, each.then, each.now) for each in found.today] == [("severity", "SEV-1", "SEV-2")]


async def test_rules_that_decide_alike_are_no_difference(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down")
    now_run(tocsin, rules(rule("other", 'team="none"', severity="SEV-2")))
    found = await explained(tocsin, alertname="Down")
    assert (found.judged_by, found.today) == ("stored", ())


async def test_each_episode_has_the_rules_of_its_own_time(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down")
    await tocsin.resolve(alertname="Down")
    await tocsin.advance(hours=1)
    now_run(tocsin, rules(rule("later", "", service="later")))
    await tocsin.fire(alertname="Down")

    first, second = await explained(tocsin, 1, alertname="Down"), await explained(tocsin, alertname="Down")

    assert (matched(first), first.episode, first.latest_episode) == (["everything"], 1, 2)
    assert (matched(second), second.episode) == (["everything", "later"], 2)


async def test_other_rules_do_not_place_a_firing_alert_again_and_those_that_placed_it_explain_it(
    tocsin: Harness,
) -> None:
    await tocsin.fire(alertname="Down")
    placed_by = tocsin.live.policy.rules.sha
    calmer = rules(rule("calmer", "", severity="SEV-2"))
    now_run(tocsin, calmer)
    await tocsin.fire(alertname="Down")
    found = await explained(tocsin, alertname="Down")
    assert (found.severity, found.rules_sha, matched(found)) == ("SEV-1", placed_by, ["everything"])


async def test_labels_that_rules_put_over_the_alerts_own_do_not_blur_it(tocsin: Harness) -> None:
    mask = Rule(name="mask", matchers=parse_matchers('team="shop"'), actions={"labels": {"team": Template.parse("x")}})
    now_run(tocsin, rules(mask, rule("shop", 'team="shop"', service="{team}")))
    await tocsin.fire(alertname="Down", team="shop")
    now_run(tocsin, rules())
    found = await explained(tocsin, alertname="Down", team="shop")
    assert matched(found) == ["everything", "mask", "shop"]
    assert (found.labels["team"], found.service) == ("x", "x")


async def test_what_was_open_then_counts_and_not_what_is_open_now(tocsin: Harness) -> None:
    asks = AskOpen(service=Template.parse("core"))
    now_run(
        tocsin,
        rules(
            rule("core", 'alertname="Core"', service="core"),
            rule("under", 'alertname="Leaf"', when_open=asks, service="leaf"),
        ),
    )
    await tocsin.fire(alertname="Core")
    await tocsin.fire(alertname="Leaf")
    await tocsin.resolve(alertname="Core")
    await tocsin.advance(hours=1)

    found = await explained(tocsin, alertname="Leaf")

    assert matched(found) == ["everything", "under"]
    assert found.service == "leaf"
    assert found.holds == ("when_open: service core",)
    foreseeing = await foreseen(tocsin, alertname="Leaf", other="one")
    step = foreseeing.rules[-1]
    assert (step.rule, step.matched, step.failed, step.near) == ("under", False, "when_open: service core", True)


async def test_how_often_it_had_come_then_counts(tocsin: Harness) -> None:
    now_run(tocsin, rules(rule("often", "", rate=AskRate(more_than=1, within=60 * MINUTE), service="often")))
    for _ in range(2):
        await tocsin.fire(alertname="Flappy")
        await tocsin.resolve(alertname="Flappy")
        await tocsin.advance(minutes=5)
    assert matched(await explained(tocsin, 1, alertname="Flappy")) == ["everything"]
    assert matched(await explained(tocsin, 2, alertname="Flappy")) == ["everything", "often"]


async def test_an_explanation_says_that_a_rule_suppressed_the_alert(tocsin: Harness) -> None:
    now_run(tocsin, rules(rule("noise", 'severity="none"', suppress=True)))
    await tocsin.fire(alertname="Noise", severity="none")
    found = await explained(tocsin, alertname="Noise", severity="none")
    assert (found.outcome, found.because) == ("suppressed", "no one was notified: suppressed by rule noise")
    assert found.incident is None


async def test_an_explanation_says_that_the_alert_was_over_on_arrival(tocsin: Harness) -> None:
    await tocsin.resolve(alertname="Over")
    found = await explained(tocsin, alertname="Over")
    assert (found.outcome, found.because) == (
        "untold",
        "no one was notified: it was resolved when it was first heard of",
    )


async def test_it_says_that_a_late_copy_is_held(tocsin: Harness) -> None:
    at = tocsin.clock.now()
    await tocsin.fire(alertname="Down", starts_at=at)
    await tocsin.resolve(alertname="Down")
    await tocsin.fire(alertname="Down", starts_at=at)
    found = await explained(tocsin, alertname="Down")
    assert found.outcome == "held"
    assert found.because.endswith("believed in 1 min 30 s")


async def test_it_says_how_an_alert_came_to_its_incident(tocsin: Harness) -> None:
    now_run(tocsin, rules(rule("one", "", dedup_key="one")))
    await tocsin.fire(alertname="First")
    await tocsin.advance(minutes=3)
    await tocsin.fire(alertname="Second")
    assert (await explained(tocsin, alertname="First")).belongs == "opened #1"
    assert (await explained(tocsin, alertname="Second")).belongs == "joined #1, which had been open for 3 min"
    for name in ("First", "Second"):
        await tocsin.resolve(alertname=name)
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Third")
    assert (await explained(tocsin, alertname="Third")).belongs == "reopened #1"
    assert (await explained(tocsin, alertname="First")).belongs == "opened #1"


async def test_who_asks_beforehand_hears_which_incident_it_would_be(tocsin: Harness) -> None:
    now_run(tocsin, rules(rule("one", "", dedup_key="one"), rule("low", 'sev="low"', severity="SEV-2")))
    before = (await foreseen(tocsin, alertname="New")).incident
    assert before is not None
    assert (before.what, before.number, before.because) == ("opens", None, "no incident has had this key")

    await tocsin.fire(alertname="First", sev="low")
    joining = await foreseen(tocsin, alertname="New")
    assert joining.outcome == "joins"
    assert joining.because == (
        "it joins #1, which goes its way: open for 0 s at SEV-2, triggered; this one brings it to SEV-1, which pages"
    )

    await tocsin.resolve(alertname="First", sev="low")
    await tocsin.advance(minutes=4)
    again = (await foreseen(tocsin, alertname="New")).incident
    assert again is not None
    assert (again.what, again.number, again.because) == ("reopens", 1, "resolved 2 min ago")

    await tocsin.advance(hours=1)
    later = (await foreseen(tocsin, alertname="New")).incident
    assert later is not None
    assert (later.what, later.because) == (
        "opens",
        "the last one, #1, was resolved 1 h 2 min ago, longer than reopen_within (10 min)",
    )


async def test_who_asks_about_labels_hears_whether_such_an_alert_has_come(tocsin: Harness) -> None:
    assert (await foreseen(tocsin, alertname="Down")).came is None
    await tocsin.fire(alertname="Down")
    came = (await foreseen(tocsin, alertname="Down")).came
    assert came is not None
    assert (came.episode, came.status, came.fingerprint) == (1, "firing", fingerprint({"alertname": "Down"}))
    assert (await foreseen(tocsin, alertname="Down", other="x")).came is None


async def test_it_says_who_pinned_the_severity(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down")
    await tocsin.set_severity("SEV-2", by="alice")
    found = await explained(tocsin, alertname="Down")
    assert found.incident is not None
    assert (found.incident.severity, found.incident.severity_because) == ("SEV-2", "pinned by alice")
    await tocsin.respond.apply(
        "1", SetSeverity(by=Actor("bob", "api"), severity="SEV-2", reason="customers do not notice")
    )
    found = await explained(tocsin, alertname="Down")
    assert found.incident is not None
    assert found.incident.severity_because == "pinned by bob: customers do not notice"


async def test_of_one_among_many_it_says_which_storm_tells_of_it(tocsin: Harness) -> None:
    now_run(tocsin, rules(rule("low", 'low="yes"', severity="SEV-3")))
    for number in range(14):
        await tocsin.fire(alertname=f"Down{number}", low="yes")

    member = (await explained(tocsin, alertname="Down13", low="yes")).incident

    assert member is not None
    assert member.because.startswith("no one is paged: it waits: one of many in storm #")
    assert member.storm is not None
    storm = await tocsin.incident(str(member.storm))
    told = await tocsin.store.read(lambda reader: explain_incident(reader, tocsin.live.policy, storm))
    assert (told.severity_because, told.storm) == ("the highest of its members", None)
    assert told.members is not None
    assert told.members >= 3


async def test_rules_are_kept_once_however_many_alerts_they_judge(tocsin: Harness) -> None:
    for name in ("A", "B", "C"):
        await tocsin.fire(alertname=name)
    shas = {(await explained(tocsin, alertname=name)).rules_sha for name in ("A", "B", "C")}
    assert shas == {tocsin.live.policy.rules.sha}


async def test_rules_are_forgotten_with_the_last_alert_that_they_judged(tocsin: Harness) -> None:
    old = tocsin.live.policy.rules
    await tocsin.fire(alertname="Down")
    await tocsin.resolve(alertname="Down")
    await tocsin.advance(minutes=10)
    now_run(tocsin, rules(rule("new", "")))
    await tocsin.fire(alertname="Other")

    tocsin.clock.set(tocsin.clock.now() + 399 * DAY)
    await tocsin.housekeeper.run_once()
    assert await tocsin.store.read(lambda tx: tx.rules(old.sha)) is not None

    tocsin.clock.set(tocsin.clock.now() + 2 * DAY)
    await tocsin.housekeeper.run_once()
    assert await tocsin.store.read(lambda tx: tx.rules(old.sha)) is None
    found = await explained(tocsin, alertname="Other")
    assert found.judged_by == "stored", "it still fires"


async def test_where_the_rules_are_not_kept_todays_are_used_and_that_is_said(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down")
    episode = await tocsin.store.read(lambda tx: tx.episodes(fingerprint({"alertname": "Down"}))[0])
    for sha in ("", "forgotten"):
        written = {**{name: getattr(episode, name) for name in episode.__struct_fields__}, "rules_sha": sha}
        await tocsin.store.write(lambda tx, written=written: tx.put_episodes([Episode(**written)]))
        found = await explained(tocsin, alertname="Down")
        assert (found.judged_by, matched(found), found.today) == ("running", ["everything"], ())
