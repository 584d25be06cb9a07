"""A replay with the same rules reproduces history; with other rules it shows what would have happened."""

import dataclasses
import json
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.duration import HOUR
from tocsin.core.errors import IllegalTransition, UnknownName
from tocsin.core.incident.outbox import Job
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import IncidentFilter
from tocsin.store.open import open_history, open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recorded import Recorded, of_folder, of_store
from tocsin.testing.replay import Changed, Run, compare, groups_of, replay

REPOSITORY = Path(__file__).parents[2]
BUNDLE = load(REPOSITORY / "config", REPOSITORY / "rules", KINDS, {})
PLAYBOOK = BUNDLE.default_playbook


def with_rules(*more: Rule) -> Bundle:
    levels = {PLAYBOOK.name: [level.name for level in PLAYBOOK.levels]}
    rules = RuleSet([*BUNDLE.rules.rules, *more], PLAYBOOK.name, levels, {PLAYBOOK.name: PLAYBOOK.unrouted})
    return dataclasses.replace(BUNDLE, rules=rules)


def rule(name: str, match: str, **actions: Any) -> Rule:
    given = {key: Template.parse(value) if isinstance(value, str) else value for key, value in actions.items()}
    return Rule(name=name, matchers=parse_matchers(match), actions=given)


Story = Callable[[Harness], Awaitable[None]]


async def lived(tmp_path: Path, story: Story, bundle: Bundle = BUNDLE) -> tuple[Recorded, dict[str, Any]]:
    """The story as a database tells it, and its real outcome."""
    url, clock = f"sqlite:///{tmp_path / 'tocsin.db'}", VirtualClock()
    harness = Harness(
        bundle.default_playbook,
        bundle.people,
        rules=bundle.rules,
        store=open_store(url, clock),
        clock=clock,
        templates=bundle.templates,
    )
    async with harness as tocsin:
        await story(tocsin)
        last = tocsin.clock.now()
        incidents = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=1000)))
        rows = await tocsin.store.read(
            lambda tx: {row.key: row.tier for one in incidents for row in tx.outbox_of(one.id)}
        )
        facts = {
            "incidents": len(incidents),
            "pages": Counter(rows[content.key] for content in tocsin.sent(Job.PAGE)),
            "updates": len(tocsin.pages(Job.UPDATE)),
            "last": last,
        }
    return of_store(open_history(url, clock), 0), facts


async def run(recorded: Recorded, bundle: Bundle = BUNDLE) -> Run:
    return await replay(recorded, bundle, {}, lambda _: None)


async def changes(recorded: Recorded, after: Bundle, before: Bundle = BUNDLE) -> list[Changed]:
    was = await run(recorded, before)
    groups = groups_of(was, recorded.alerts)
    return compare(was, await replay(recorded, after, groups, lambda _: None), groups)


async def a_month(tocsin: Harness) -> None:
    """Alerts of every kind come and go, and somebody acknowledges or resolves some of them."""
    chance = random.Random(7)
    firing: list[dict[str, str]] = []
    for number in range(60):
        labels = {
            "alertname": f"Alert{chance.randrange(9)}",
            "severity": chance.choice(["critical", "warning", "info", "p1", "none", "unheard-of"]),
            "service": f"service-{chance.randrange(5)}",
            "pod": f"pod-{number}",
        }
        await tocsin.fire(**labels)
        firing.append(labels)
        await tocsin.advance(minutes=chance.randrange(1, 20))
        if chance.random() < 0.5:
            await _answer(tocsin, chance)
        while len(firing) > 3:
            await tocsin.resolve(**firing.pop(0))
        await tocsin.advance(minutes=chance.randrange(1, 60))
    while firing:
        await tocsin.resolve(**firing.pop())
    await tocsin.advance(hours=1)


async def _answer(tocsin: Harness, chance: random.Random) -> None:
    open_ = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(states=("triggered",), limit=1)))
    if open_:
        answer = tocsin.close if chance.random() < 0.2 else tocsin.acknowledge
        try:
            await answer("alex", str(open_[0].number))
        except (IllegalTransition, UnknownName):
            pytest.fail("what is triggered can be answered")


async def test_the_same_rules_make_of_history_what_it_was(tmp_path: Path) -> None:
    recorded, facts = await lived(tmp_path, a_month)
    replayed = (await run(recorded)).figures
    assert recorded.notes == []
    assert facts["incidents"] > 20
    assert replayed.alerts == 60
    assert (replayed.incidents, replayed.updates) == (facts["incidents"], facts["updates"])
    assert replayed.pages == facts["pages"]
    assert await changes(recorded, BUNDLE) == []


async def test_a_rule_that_suppresses_takes_its_incidents_and_pages_away_and_nothing_else(tmp_path: Path) -> None:
    recorded, _ = await lived(tmp_path, a_month)
    before = await run(recorded)
    quiet = with_rules(rule("quiet", 'alertname="Alert3"', suppress=True))
    found = await changes(recorded, quiet)
    assert {one.group[0] for one in found} == {"Alert3"}
    for one in found:
        assert one.after.paged == one.after.incidents == one.after.updates == 0
        assert one.after.suppressed == one.after.alerts == one.before.alerts
    assert found[0].weight == max(one.weight for one in found), "the most changed comes first"
    after = await replay(recorded, quiet, groups_of(before, recorded.alerts), lambda _: None)
    saved = sum(one.before.paged for one in found)
    assert after.figures.paged == before.figures.paged - saved


async def test_changed_severities_and_keys_are_listed_by_alert_with_their_cost(tmp_path: Path) -> None:
    async def story(tocsin: Harness) -> None:
        await tocsin.fire(alertname="Slow", severity="warning", service="shop")
        await tocsin.fire(alertname="Down", severity="warning", service="shop")
        await tocsin.advance(minutes=45)
        await tocsin.resolve(alertname="Slow", severity="warning", service="shop")
        await tocsin.resolve(alertname="Down", severity="warning", service="shop")
        await tocsin.advance(minutes=5)

    recorded, _ = await lived(tmp_path, story)
    found = await changes(recorded, with_rules(rule("shop", 'service="shop"', severity="SEV-2", dedup_key="shop")))
    told = [(one.group, [str(difference) for difference, _ in one.differences]) for one in found]
    assert sorted(told) == [
        (
            (name, "shop"),
            ["severity SEV-3 -> SEV-2", f"dedup_key default/emergency-response/shop/{name}// -> shop"],
        )
        for name in ("Down", "Slow")
    ]
    # One incident for both: tier 1 at once, tier 2 after half an hour; before, one update for each.
    assert sum(one.after.incidents for one in found) == 1
    assert sum((one.after.pages for one in found), Counter[int]()) == {1: 1, 2: 1}
    assert [one.before.updates for one in found] == [1, 1]


async def test_what_people_did_stops_what_it_stopped(tmp_path: Path) -> None:
    async def story(tocsin: Harness) -> None:
        await tocsin.fire(alertname="A", severity="critical", service="one")
        await tocsin.fire(alertname="B", severity="critical", service="two")
        await tocsin.advance(minutes=5)
        await tocsin.acknowledge("alex", "1")
        await tocsin.close("alex", "2")
        await tocsin.advance(minutes=50)

    recorded, facts = await lived(tmp_path, story)
    recorded.happenings = [one for one in recorded.happenings if one.at <= facts["last"]]
    replayed = (await run(recorded)).groups
    # An hour after the last happening: tier 2 and 3 of SEV-2 go on until it is resolved, tier 1 does not.
    assert replayed["A", "one"].pages == {1: 1, 2: 1, 3: 2}
    # Resolved by a person, and firing still an hour later: the next occurrence.
    assert replayed["B", "two"].pages == {1: 2}


async def test_labels_that_rules_had_added_are_taken_off_again(tmp_path: Path) -> None:
    labelled = with_rules(
        rule("team", 'service="shop"', labels={"team": Template.parse("web"), "severity": Template.parse("p1")})
    )

    async def story(tocsin: Harness) -> None:
        await tocsin.fire(alertname="A", severity="critical", service="shop")

    recorded, _ = await lived(tmp_path, story, labelled)
    assert [alert.labels for alert in recorded.alerts] == [
        {"alertname": "A", "severity": "critical", "service": "shop"}
    ]


async def test_a_resolve_without_its_alert_opens_nothing(tmp_path: Path) -> None:
    async def story(tocsin: Harness) -> None:
        await tocsin.resolve(alertname="A", severity="critical")

    recorded, _ = await lived(tmp_path, story)
    assert recorded.happenings == []
    assert (await run(recorded)).figures.alerts == 0


async def test_what_was_last_seen_before_is_left_out(tmp_path: Path) -> None:
    async def story(tocsin: Harness) -> None:
        await tocsin.fire(alertname="Old", severity="critical")
        await tocsin.resolve(alertname="Old", severity="critical")
        await tocsin.advance(hours=5)
        await tocsin.fire(alertname="New", severity="critical")

    _, facts = await lived(tmp_path, story)
    history = open_history(f"sqlite:///{tmp_path / 'tocsin.db'}", VirtualClock())
    recorded = of_store(history, facts["last"] - HOUR)
    assert [alert.name for alert in recorded.alerts] == ["New"]


def webhook(status: str, starts: str | None, ends: str | None, **labels: str) -> str:
    alert = {"status": status, "labels": labels, "startsAt": starts, "endsAt": ends}
    return json.dumps({"version": "4", "alerts": [alert]})


async def test_a_folder_goes_by_the_alerts_own_times_and_by_its_files_where_they_have_none(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(
        webhook("resolved", "2026-01-05T09:00:00Z", "2026-01-05T09:40:00Z", alertname="A", severity="critical")
    )
    (tmp_path / "2.json").write_text(
        webhook("firing", "2026-01-05T09:00:00Z", None, alertname="A", severity="critical")
    )
    (tmp_path / "3.json").write_text(webhook("firing", None, None, alertname="B", severity="critical"))
    os.utime(tmp_path / "3.json", (1_767_600_000, 1_767_600_000))
    (tmp_path / "4.json").write_text("no JSON")
    (tmp_path / "5.txt").write_text("not looked at")

    recorded = of_folder(tmp_path, 0, "default", 0)

    assert [(one.at // 1_000_000, one.alert.name, one.alert.status) for one in recorded.happenings if one.alert] == [
        (1_767_600_000, "B", AlertStatus.FIRING),
        (1_767_603_600, "A", AlertStatus.FIRING),
        (1_767_606_000, "A", AlertStatus.RESOLVED),
    ]
    assert len(recorded.notes) == 1
    assert recorded.notes[0].startswith(f"{tmp_path / '4.json'}: $: not JSON")
    replayed = await run(recorded)
    assert replayed.groups["A", "unknown"].pages == {1: 1, 2: 1}, "it resolved before tier 3"
