"""The stand-ins as separate processes, as the kill tests run them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tocsin.testing.pagerduty_server import ROUTING_KEY
from tocsin.testing.slack_server import CHANNEL, TOKEN
from tocsin.testing.standin import ErrorStatus, Hang
from tocsin.testing.webhook_sink import WebhookSink

EVENT = {
    "routing_key": ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {"summary": "s", "source": "s", "severity": "info"},
}


@pytest.mark.parametrize(
    ("module", "path", "body", "shown"),
    [
        ("pagerduty_server", "/v2/enqueue", EVENT, {"dedup_key": "k", "effect": "opened"}),
        ("slack_server", "/api/chat.postMessage", {"channel": CHANNEL, "text": "hi"}, {"text": "hi"}),
        ("webhook_sink", "/any", {"a": 1}, {"path": "/any", "body": {"a": 1}}),
    ],
)
async def test_what_was_answered_is_in_the_log_even_after_kill_9(
    tmp_path: Path, module: str, path: str, body: dict, shown: dict
):
    log = tmp_path / "log.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tocsin.testing.{module}", "--log", str(log)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.post(url + path, json=body) as answer,
    ):
        assert answer.status in (200, 202)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    (line,) = log.read_text().splitlines()
    entry = json.loads(line)
    assert entry.items() >= shown.items()
    assert entry["at"] > 1_700_000_000_000_000


async def test_faults_come_one_a_request_and_can_be_taken_back():
    async with WebhookSink() as sink, aiohttp.ClientSession() as session:
        sink.fail(ErrorStatus(503), ErrorStatus(500), Hang())

        async def post() -> int:
            async with session.post(sink.url, json={}) as answer:
                return answer.status

        assert [await post(), await post()] == [503, 500]
        sink.recover()
        assert await post() == 200
        assert (sink.requests, len(sink.accepted)) == (3, 1)


async def test_waiting_for_what_does_not_come_ends():
    async with WebhookSink() as sink:
        with pytest.raises(TimeoutError):
            await sink.accepts(1, within=0.01)
