"""A webhook of very many small alerts is evaluated in small slices, between which other senders have their turn.

What is counted is work, not time: alerts that are evaluated in one turn of the event loop, and while another sender
waits. tests/chaos/loop_lag.py measures the time, with 400,000 alerts and a daemon.
"""

import asyncio
import io
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from tocsin.conf.settings import WebhookSettings
from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.intake.judging import ALERTS_AT_ONCE
from tocsin.web.alertmanager import slices
from tocsin.web.edge import Deadlines
from web.frontdoor import PLAN, FrontDoor, front_door

ALERTS = int(os.environ.get("TOCSIN_LARGE_ALERTS", "40000"))
AHEAD = 4
"""Slices of the large webhook that may be evaluated while another sender waits: for the turn, and for a commit."""


class Counted(RuleSet):
    """Rules that count what they evaluate, by the turn of the event loop."""

    def __init__(self) -> None:
        super().__init__((), PLAN.name, {PLAN.name: [level.name for level in PLAN.levels]}, {PLAN.name: PLAN.unrouted})
        self.turn = 0
        self.more = asyncio.Event()
        """Set whenever another slice has been evaluated."""
        self.in_turn = Counter[int]()
        self._evaluated = 0

    @property
    def evaluated(self) -> int:
        return self._evaluated

    def evaluate(self, alert: Alert) -> Verdict:
        self.in_turn[self.turn] += 1
        self._evaluated += 1
        if self.evaluated % slices.ALERTS == 0:
            self.more.set()
        return super().evaluate(alert)

    async def count_turns(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(deadlines=Deadlines(commit=240), database=tmp_path / "tocsin.db") as door:
        yield door


def small(number: int) -> Alert:
    labels = {"alertname": "Small", "n": str(number)}
    return Alert("other", fingerprint(labels), AlertStatus.FIRING, labels)


async def test_each_turn_evaluates_few_alerts_and_other_senders_wait_for_a_few_slices(door: FrontDoor) -> None:
    rules = Counted()
    door.engine.live.policy = replace(door.engine.live.policy, rules=rules)
    alerts = [{"labels": {"job": "j", "a": f"{number:06d}"}} for number in range(ALERTS)]
    body = json.dumps({"alerts": alerts}, separators=(",", ":")).encode()
    counting = asyncio.create_task(rules.count_turns())
    large = asyncio.create_task(door.status("POST", "/webhooks/alertmanager", data=io.BytesIO(body)))
    large.add_done_callback(lambda _: rules.more.set())
    ahead: list[int] = []
    while await rules.more.wait() and not large.done():
        rules.more.clear()
        before = rules.evaluated
        await door.engine.ingest.take([small(len(ahead))])
        ahead.append(rules.evaluated - before - 1)
    counting.cancel()
    with suppress(asyncio.CancelledError):
        await counting
    assert await large == 200
    assert rules.evaluated >= ALERTS + len(ahead)
    assert max(rules.in_turn.values()) <= ALERTS_AT_ONCE + 1
    assert len(ahead) >= ALERTS // (AHEAD * slices.ALERTS), "others had their turn all along"
    assert max(ahead) <= AHEAD * slices.ALERTS
    assert WebhookSettings().commit_alerts >= slices.ALERTS, "a slice is one commit"
