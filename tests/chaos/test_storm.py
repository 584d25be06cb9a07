"""Five thousand distinct alerts within a minute for one team, and kill -9 in the middle of them.

They become a handful of pages; the one at the top severity is paged at once;
every alert is found from a page that was delivered; one acknowledgment takes all.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from chaos.arena import StandInProcess
from chaos.judge import collect
from e2e.processes import until
from e2e.tocsin_process import Tocsin, alert, webhook
from tocsin.core.incident.invariants import violations

ALERTS = 5_000
A_WEBHOOK = 50
SENDERS = 4
KILLED_AFTER = 40
"""Webhooks that were answered when the daemon is killed."""
HANDFUL = 13
"""Ten before it is a storm, the storm, the top severity, and the storm once more if it took long."""
TOP = "TopSeverity"

PEOPLE = {
    "people": {"alex": {"contact": {"channel": "wire"}}},
    "groups": {
        name: ["alex"]
        for name in (
            *("on-call-engineer", "engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security"),
            *(
                "incident-commander",
                "communication-lead",
                "stakeholders",
                "engineering-lead",
                "product",
                "customer-support",
            ),
        )
    },
    "targets": {"incidents": {"channel": "wire"}},
}


def names() -> Iterator[list[str]]:
    every = [f"Broken{number:04d}" for number in range(ALERTS)]
    for start in range(0, ALERTS, A_WEBHOOK):
        yield every[start : start + A_WEBHOOK]


class Alertmanager:
    """Repeats what was not answered with 200."""

    def __init__(self, tocsin: Tocsin) -> None:
        self._tocsin = tocsin
        self._left = list(names())
        self.answered = 0
        self.repeated = 0

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            await asyncio.gather(*(self._work(session) for _ in range(SENDERS)))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while self._left:
            group = self._left.pop()
            await self.send(session, *(alert(name, team="payments") for name in group))
            self.answered += 1

    async def send(self, session: aiohttp.ClientSession, *alerts: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._tocsin.token}"}
        url = f"{self._tocsin.url}/webhooks/alertmanager"
        while True:
            try:
                async with session.post(url, json=webhook(*alerts), headers=headers) as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.repeated += 1
            await asyncio.sleep(0.05)


def bodies(log: Path) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in log.read_text().splitlines() if line.strip()]
    return [{**entry["body"], "arrived": entry["at"]} for entry in entries if "body" in entry]


def pages(log: Path) -> list[dict[str, Any]]:
    return [body for body in bodies(log) if body["job"] == "page"]


async def members(tocsin: Tocsin, storm: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await tocsin.get("/api/v1/incidents", storm=str(storm), limit="500", **cursor)
        found += page["incidents"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_five_thousand_alerts_cause_a_few_pages_despite_kills(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        wire = StandInProcess("webhook_sink", tmp_path)
        await stack.enter_async_context(wire)
        settings = {
            "channels": {"wire": {"kind": "webhook", "url": wire.url}},
            "delivery": {"timeout": "1s", "lease": "2s"},
        }
        tocsin = Tocsin(tmp_path / "tocsin", settings=settings, people=PEOPLE)
        await stack.enter_async_context(tocsin)
        alertmanager = Alertmanager(tocsin)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(alertmanager.run())
            await until(lambda: alertmanager.answered >= KILLED_AFTER, 60, "some of it is taken")
            tocsin.kill()
            tocsin.start()
            await tocsin.ready()
            async with aiohttp.ClientSession() as session:
                await alertmanager.send(session, alert(TOP, severity="emergency"))
            await until(lambda: any(TOP in page["text"] for page in pages(wire.log)), 10, "the top severity is paged")
        assert time.monotonic() - began < 60
        assert alertmanager.repeated > 0, "the kill hit something"

        [storm] = {page["incident"]["number"] for page in pages(wire.log) if "Storm #" in page["text"]}
        told = [page for page in pages(wire.log) if page["incident"]["number"] == storm]
        assert f"tocsin incidents list --storm {storm}" in told[0]["remarks"][0]
        found = await members(tocsin, storm)
        assert len(found) == ALERTS
        assert {incident["title"] for incident in found} == {f"{name} is broken" for group in names() for name in group}
        assert len({page["key"] for page in pages(wire.log)}) <= HANDFUL

        status, _ = await tocsin.post(f"/api/v1/incidents/{storm}/acknowledge", {})
        assert status == 200
        await until(lambda: _all_taken(tocsin, storm), 30, "the members are acknowledged")
        assert (await tocsin.incidents(state="triggered"))[0]["title"] == f"{TOP} is broken"
        await tocsin.stop()
    evidence = await collect([], tocsin.database, wire.log, wire.log)
    broken = [(facts.incident.number, violations(facts)) for facts in evidence.facts if violations(facts)]
    assert broken == []
    placed = {episode.labels["alertname"] for episode in evidence.episodes}
    assert len(placed & {name for group in names() for name in group}) == ALERTS


async def _all_taken(tocsin: Tocsin, storm: int) -> bool:
    left = await tocsin.get("/api/v1/incidents", storm=str(storm), state="triggered", limit="1")
    return left is not None and left["incidents"] == []
