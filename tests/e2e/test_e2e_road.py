"""The whole way with the real Prometheus and Alertmanager: a rule fires, people are paged, one of them
acknowledges, it is over, and everybody hears of each."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from e2e.observability import Alertmanager, Patient, Prometheus, posts_at_once
from e2e.processes import binary, run, until
from e2e.tocsin_process import ROOT, TOKEN, Tocsin
from tocsin.testing.pagerduty_server import REST_KEY, PagerDutyServer
from tocsin.testing.pagerduty_webhook import User
from tocsin.testing.slack_server import CHANNEL, SlackServer
from tocsin.testing.slack_server import TOKEN as SLACK_TOKEN

ON_CALL, MANAGER = "1" * 32, "2" * 32
PAGERDUTY_SECRET, SLACK_SECRET = "pagerduty-signing-secret", "slack-signing-secret"
ALEX = User("PALEX1", "Alex")
BLAIR = "U0BLAIR"

TAKEN, LEFT = "checkout", "search"
"""Two services break: the incident of the first is acknowledged, the other shows what happens when it is not."""

PEOPLE = {
    "people": {
        "alex": {"pagerduty_user": ALEX.id, "contact": {"channel": "pager", "routing_key": "on-call"}},
        "blair": {"slack_user": BLAIR, "contact": {"channel": "chat", "slack_channel": CHANNEL, "user": BLAIR}},
        "morgan": {"contact": {"channel": "pager", "routing_key": "manager"}},
    },
    "groups": {"on-call-engineer": ["alex", "blair"], "engineering-manager": ["morgan"]},
    "targets": {"incidents": {"channel": "chat", "slack_channel": CHANNEL}},
}


def level(*matrix: dict[str, Any]) -> dict[str, Any]:
    return {"respond_within": "4s", "matrix": list(matrix)}


PLAYBOOK = {
    "title": "Emergency response, in seconds",
    "unrouted": "SEV-2",
    "flags": ["major_impact", "data_breach"],
    "announce": ["incidents"],
    "resolve_after": "1s",
    "tiers": {
        1: {"name": "On-call engineer", "targets": ["on-call-engineer"]},
        2: {"name": "Engineering manager", "targets": ["engineering-manager"]},
    },
    "severities": {
        "SEV-1": level({"tier": 1, "after": "0s"}),
        "SEV-2": level({"tier": 1, "after": "0s"}, {"tier": 2, "after": "5s"}),
        "SEV-3": level({"tier": 1, "after": "0s", "kind": "update"}),
        "SEV-4": level({"tier": 1, "after": "0s", "kind": "update"}),
    },
}

RULES = [
    {
        "alert": "Broken",
        "expr": "broken == 1",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "{{ $labels.service }} is broken"},
    }
]


@dataclass
class Road:
    """Everything between a broken service and a person."""

    patient: Patient
    prometheus: Prometheus
    tocsin: Tocsin
    pagerduty: PagerDutyServer
    slack: SlackServer

    def triggers(self, service: str, routing_key: str) -> list[dict[str, Any]]:
        """The PagerDuty triggers about a service, to one integration key."""
        return [
            entry
            for entry in self.pagerduty.accepted
            if entry["action"] == "trigger" and entry["routing_key"] == routing_key and self.is_about(entry, service)
        ]

    def is_about(self, entry: dict[str, Any], service: str) -> bool:
        return service in entry["event"]["payload"]["summary"]

    def effects(self, service: str, action: str) -> list[str]:
        """Return the effects of the events of one kind on the page that was first sent to the on-call engineer."""
        key = self.triggers(service, ON_CALL)[0]["dedup_key"]
        return [e["effect"] for e in self.pagerduty.accepted if e["dedup_key"] == key and e["action"] == action]

    def posts(self, service: str, kind: str) -> list[dict[str, Any]]:
        """Return the posts and updates in Slack about a service, of one job."""
        return [e for e in self.slack.accepted if e["event_type"] == f"tocsin_{kind}" and service in e["text"]]

    def is_told_in_slack(self, service: str) -> bool:
        """Return whether the people paged there are told of the end by a new post: an edited one notifies no one."""
        page = self.posts(service, "page")[0]
        told = [e for e in self.slack.accepted if e["key"] == f"{page['key']}:resolve"]
        return [(e["method"], e["users"]) for e in told] == [("chat.postMessage", [BLAIR])]

    async def incident(self, service: str, state: str) -> dict[str, Any]:
        """Wait until the incident of a service is in a state."""

        async def found() -> dict[str, Any] | None:
            return next(iter(await self.tocsin.incidents(service=service, state=state)), None)

        return await until(found, 20, f"the incident of {service} is {state}") or {}

    async def acknowledge_in_pagerduty(self) -> None:
        delivery = self.pagerduty.acknowledge(self.triggers(TAKEN, ON_CALL)[0]["dedup_key"], ALEX)
        status = await self.pagerduty.deliver(delivery, f"{self.tocsin.url}/webhooks/pagerduty", [PAGERDUTY_SECRET])
        assert 200 <= status < 300

    async def acknowledge_in_slack(self) -> None:
        page = self.slack.message(self.posts(TAKEN, "page")[0]["ts"])
        press = self.slack.press(page, "tocsin_acknowledge", BLAIR)
        answer = await self.slack.deliver(press, f"{self.tocsin.url}/webhooks/slack", SLACK_SECRET)
        assert (answer.status, answer.body) == (200, "")

    def pagerduty_shows_it(self) -> bool:
        return self.effects(TAKEN, "acknowledge") == ["acknowledged"]

    def slack_shows_it(self) -> bool:
        own = self.slack.message(self.posts(TAKEN, "announce")[0]["ts"])
        return own.edits > 0 and "tocsin_acknowledge" not in own.buttons and "alex" in str(own.blocks)


@pytest_asyncio.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    async with AsyncExitStack() as stack:
        pagerduty = await stack.enter_async_context(
            PagerDutyServer([ON_CALL, MANAGER], log=tmp_path / "pagerduty.jsonl")
        )
        slack = await stack.enter_async_context(SlackServer(log=tmp_path / "slack.jsonl"))
        settings = {
            "channels": {
                "pager": {
                    "kind": "pagerduty",
                    "base_url": pagerduty.url,
                    "routing_keys": {"on-call": {"key_file": "key-1"}, "manager": {"key_file": "key-2"}},
                },
                "chat": {"kind": "slack", "base_url": slack.api_url, "token_file": "slack-token"},
            },
            "inbound": {
                "pagerduty": {
                    "secrets": [{"secret_file": "pagerduty-secret"}],
                    "rest_key_file": "pagerduty-rest-key",
                    "rest_url": pagerduty.url,
                },
                "slack": {"secrets": [{"secret_file": "slack-secret"}]},
            },
        }
        tocsin = Tocsin(tmp_path / "tocsin", settings=settings, people=PEOPLE, playbook=PLAYBOOK)
        for name, secret in (
            *(("key-1", ON_CALL), ("key-2", MANAGER), ("slack-token", SLACK_TOKEN)),
            *(("pagerduty-secret", PAGERDUTY_SECRET), ("pagerduty-rest-key", REST_KEY), ("slack-secret", SLACK_SECRET)),
        ):
            tocsin.write_secret(name, secret)
        alertmanager = Alertmanager(tmp_path, posts_at_once(f"{tocsin.url}/webhooks/alertmanager", TOKEN))
        patient = await stack.enter_async_context(Patient())
        targets = {"patient": patient.address, "tocsin": f"127.0.0.1:{tocsin.port}"}
        prometheus = Prometheus(tmp_path, alertmanager.address, targets, RULES)
        for process in (tocsin, alertmanager, prometheus):
            await stack.enter_async_context(process)
        yield Road(patient, prometheus, tocsin, pagerduty, slack)


async def is_paged(road: Road) -> None:
    """Both break, and both people on call are paged for each."""
    road.patient.broken |= {TAKEN, LEFT}

    def paged() -> bool:
        return all(road.triggers(service, ON_CALL) and road.posts(service, "page") for service in (TAKEN, LEFT))

    await until(paged, 20, "PagerDuty and Slack have a page for each service")
    assert road.posts(TAKEN, "page")[0]["users"] == [BLAIR]


async def ladder_stops_for_the_acknowledged_alone(road: Road) -> None:
    """The manager hears of the one that nobody took; by then the other's time is over too."""
    both_are_overdue = await until(
        lambda: road.triggers(LEFT, MANAGER), 20, "the manager is paged for what nobody acknowledged"
    )
    assert both_are_overdue
    assert road.triggers(TAKEN, MANAGER) == []


async def everybody_hears_of_the_end(road: Road) -> None:
    road.patient.broken.clear()
    for service in (TAKEN, LEFT):
        await road.incident(service, "resolved")
        await until(lambda s=service: road.effects(s, "resolve") == ["resolved"], 10, "PagerDuty is told of the end")
        await until(lambda s=service: road.is_told_in_slack(s), 10, "Slack is told of the end")
    assert road.triggers(TAKEN, MANAGER) == []


async def test_an_acknowledgment_in_pagerduty_stops_the_ladder_and_shows_in_slack(road: Road) -> None:
    await is_paged(road)
    await road.acknowledge_in_pagerduty()
    assert (await road.incident(TAKEN, "acknowledged"))["acknowledged_by"] == "alex"
    await until(road.slack_shows_it, 10, "the incident's message in Slack says who has it")
    await ladder_stops_for_the_acknowledged_alone(road)
    await everybody_hears_of_the_end(road)


async def test_an_acknowledgment_in_slack_stops_the_ladder_and_shows_in_pagerduty(road: Road) -> None:
    await is_paged(road)
    await road.acknowledge_in_slack()
    assert (await road.incident(TAKEN, "acknowledged"))["acknowledged_by"] == "blair"
    await until(road.pagerduty_shows_it, 10, "PagerDuty shows the page as acknowledged")
    await ladder_stops_for_the_acknowledged_alone(road)
    await everybody_hears_of_the_end(road)


async def test_prometheus_scrapes_the_figures_and_promtool_has_nothing_to_say(road: Road) -> None:
    await is_paged(road)
    await road.acknowledge_in_slack()

    async def scraped() -> bool:
        sent = await road.prometheus.value('sum(tocsin_pages_total{outcome="sent"})')
        mean = await road.prometheus.value("max(tocsin_mtta_seconds)")
        up = await road.prometheus.value('up{job="tocsin"}')
        return up == 1 and (sent or 0) >= 4 and mean is not None

    await until(scraped, 30, "Prometheus has the pages and the mean time to acknowledge")
    async with aiohttp.ClientSession() as session, session.get(f"{road.tocsin.url}/metrics") as answer:
        exposition = await answer.read()
    assert await run(binary("promtool"), "check", "metrics", stdin=exposition) == (0, "")


async def test_promtool_accepts_the_shipped_rules_about_tocsin() -> None:
    files = sorted((ROOT / "config/prometheus").glob("tocsin-*.yml"))
    assert len(files) >= 2
    code, said = await run(binary("promtool"), "check", "rules", *map(str, files))
    assert code == 0, said
    assert said.count("SUCCESS") == len(files)
    code, said = await run(binary("promtool"), "test", "rules", str(ROOT / "config/prometheus/tests.yml"))
    assert code == 0, said
