"""No request blocks the event loop for long, on the store that a daemon uses."""

import asyncio
import hashlib
import hmac
import http.client
import json
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest_asyncio

from tocsin.web.edge import Deadlines
from web.frontdoor import SLACK_SECRET, FrontDoor, front_door
from web.turns import short_turns

WEBHOOK = "/webhooks/alertmanager"


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    """Return a door that may take its time, on a slow machine too."""
    async with front_door(deadlines=Deadlines(commit=60, slack=60), database=tmp_path / "tocsin.db") as door:
        yield door


async def call(
    door: FrontDoor, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Call from another thread, whose work is not the loop's: (status, answer); a POST if there is a body."""
    given = {"Authorization": "Bearer alices-token", "Content-Type": "application/json", **(headers or {})}

    def work() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(door.url.removeprefix("http://"), timeout=60)
        with closing(connection):
            connection.request("GET" if body is None else "POST", path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.read()

    return await asyncio.to_thread(work)


def webhook(count: int, **labels: str) -> bytes:
    alerts = [{"labels": {"a": str(n), **labels}, "annotations": {"summary": f"No. {n} is down"}} for n in range(count)]
    return json.dumps({"alerts": alerts}).encode()


async def call_as_slack(door: FrontDoor, body: bytes, content_type: str) -> int:
    at = str(door.engine.clock.now() // 1_000_000)
    digest = hmac.new(SLACK_SECRET.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}", "Content-Type": content_type}
    return (await call(door, "/webhooks/slack", body, headers))[0]


async def test_by_a_large_webhook_whose_alerts_are_incidents_of_their_own(door: FrontDoor) -> None:
    body = webhook(3_000)
    async with short_turns():
        assert (await call(door, WEBHOOK, body))[0] == 200


async def test_by_a_large_webhook_of_one_incident_or_by_a_look_at_it(door: FrontDoor) -> None:
    body = webhook(15_000, job="shop")
    async with short_turns():
        assert (await call(door, WEBHOOK, body))[0] == 200
    async with short_turns():
        _, answer = await call(door, "/api/v1/incidents/1")
    assert json.loads(answer)["alerts_firing"] == 15_000
    async with short_turns():
        assert (await call(door, "/api/v1/incidents/1/explain"))[0] == 200


async def test_by_a_list_of_many_incidents(door: FrontDoor) -> None:
    assert (await call(door, WEBHOOK, webhook(500)))[0] == 200
    async with short_turns():
        _, answer = await call(door, "/api/v1/incidents?limit=500")
    assert len(json.loads(answer)["incidents"]) == 500


async def test_by_very_long_matchers_of_a_window(door: FrontDoor) -> None:
    body = json.dumps({"match": f'a=~"{"(a|b)*" * 40_000}"'}).encode()
    async with short_turns():
        status, answer = await call(door, "/api/v1/windows/preview", body)
    assert status == 422
    assert b"the matchers are too long; write at most 4000" in answer


async def test_by_an_explanation_of_a_very_long_label(door: FrontDoor) -> None:
    body = json.dumps({"labels": {"a": "x" * 250_000}}).encode()
    async with short_turns():
        assert (await call(door, "/api/v1/explain", body))[0] == 200


async def test_by_a_callback_of_slacks_with_very_many_clicks(door: FrontDoor) -> None:
    payload = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "?", "value": "?"}] * 6_000}
    body = json.dumps(payload).encode()
    async with short_turns():
        assert await call_as_slack(door, body, "application/json") == 200


async def test_by_a_callback_of_slacks_with_very_many_fields(door: FrontDoor) -> None:
    body = urllib.parse.urlencode([("a", "b")] * 60_000).encode()
    async with short_turns():
        assert await call_as_slack(door, body, "application/x-www-form-urlencoded") == 400
