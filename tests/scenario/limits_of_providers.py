"""Attacks past the limits of providers: their callbacks, their answers, and the time they take."""

import asyncio
import base64
import hashlib
import hmac
import json
import urllib.parse
from collections.abc import AsyncIterator, Sequence

from scenario.attacks import held, once, repeated
from scenario.besieged import EXTERNAL, PEOPLE, PLAYBOOK, SECRET, Besieged
from tocsin.core.duration import HOUR, SECOND

FORM = "application/x-www-form-urlencoded"
ODD = {"labels": {"alertname": "Attack", "severity": "odd"}, "status": "firing"}
"""A playbook that pages over the channel ``odd``."""
CHUNK = b"x" * (1 << 20)


async def call_as_slack(tocsin: Besieged, body: bytes, content_type: str = "application/json") -> int:
    at = str(tocsin.clock.now() // 1_000_000)
    digest = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}", "Content-Type": content_type}
    return await tocsin.call("POST", "/webhooks/slack", token="", headers=headers, data=body)


async def slack_clicks(tocsin: Besieged) -> None:
    payload = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "?", "value": "?"}] * 1_000}
    before = len(tocsin.logged("click_handled"))
    assert await call_as_slack(tocsin, json.dumps(payload).encode()) == 200
    assert len(tocsin.logged("click_handled")) == before + 25
    assert tocsin.logged("clicks_ignored")[0]["count"] == 975


async def callback_fields(tocsin: Besieged) -> None:
    body = urllib.parse.urlencode([("a", "b")] * 60_000).encode()
    assert await call_as_slack(tocsin, body, FORM) == 400
    assert tocsin.answer["error"]["message"].startswith("the payload cannot be parsed: Max number of fields exceeded")


async def callback_bytes(tocsin: Besieged) -> None:
    assert await call_as_slack(tocsin, b" " * (300 * 1024)) == 413
    assert tocsin.answer["error"]["message"] == "the body is larger than 262144 bytes"


def signed_by_twilio(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    text = f"{EXTERNAL}/webhooks/twilio" + "".join(f"{name}{value}" for name, value in sorted(fields))
    digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(digest).decode(), "Content-Type": FORM}


async def sms_characters(tocsin: Besieged) -> None:
    fields = [("Body", "ack " * 10_000), ("From", "+15550100"), ("MessageSid", "SM1")]
    body = urllib.parse.urlencode(fields).encode()
    headers = signed_by_twilio(fields)
    assert await tocsin.call("POST", "/webhooks/twilio", token="", headers=headers, data=body) == 200
    assert tocsin.logged("sms_shortened")[0]["characters"] == 40_000


async def attempt_time(tocsin: Besieged) -> AsyncIterator[None]:
    tocsin.odd.gate = asyncio.Event()
    assert await tocsin.webhook(ODD) == 200
    yield
    assert len(tocsin.odd.arrivals) >= 2, "it was tried again"


async def retry_after(tocsin: Besieged) -> AsyncIterator[None]:
    tocsin.odd.status, tocsin.odd.headers = 429, {"Retry-After": "99999999"}
    assert await tocsin.webhook(ODD) == 200
    yield
    await tocsin.advance_to(tocsin.clock.now() + HOUR + 60 * SECOND)
    first, second, *_ = tocsin.odd.arrivals
    assert second - first == HOUR


async def provider_answer(tocsin: Besieged) -> AsyncIterator[None]:
    tocsin.odd.status, tocsin.odd.chunk, tocsin.odd.chunks = 500, CHUNK, 100
    assert await tocsin.webhook(ODD) == 200
    yield
    assert len(tocsin.odd.arrivals) >= 2
    assert tocsin.odd.written < 50 * len(tocsin.odd.arrivals), "it was not read to its end"


async def group_answer(tocsin: Besieged) -> None:
    tocsin.odd.chunk, tocsin.odd.chunks = CHUNK, 100
    await tocsin.daemon.rosters.run_once()
    assert tocsin.logged("roster_not_refreshed")
    assert tocsin.odd.written < 50, "it was not read to its end"


async def tracker_answer(tocsin: Besieged) -> AsyncIterator[None]:
    tocsin.odd.chunk, tocsin.odd.chunks = CHUNK, 100
    assert await tocsin.webhook(ODD) == 200
    yield
    assert tocsin.odd.arrivals
    assert tocsin.odd.written < 50 * len(tocsin.odd.arrivals), "it was not read to its end"


async def source_answer(tocsin: Besieged) -> AsyncIterator[None]:
    tocsin.odd.answers["/api/v2/status"] = b'{"uptime":"2026-01-01T00:00:00Z","cluster":{"status":"ready"}}'
    tocsin.odd.answers["/api/v2/alerts"] = b"[]"
    await tocsin.daemon.reconciler.run_once()
    assert tocsin.figure("alertmanagers_reachable") == 1
    del tocsin.odd.answers["/api/v2/alerts"]
    tocsin.odd.chunk, tocsin.odd.chunks = CHUNK, 200
    yield
    await tocsin.daemon.reconciler.run_once()
    assert tocsin.figure("alertmanagers_reachable") == 0
    assert tocsin.odd.written < 150, "it was not read to its end"
    assert any("larger than 64 MiB" in str(line) for line in tocsin.log)


SLACK = {
    "channels": {
        "wire": {"kind": "webhook", "url": "{odd}/wire"},
        "odd": {"kind": "webhook", "url": "{odd}/odd"},
        "slack": {"kind": "slack", "token_file": "bot", "base_url": "{odd}/slack"},
    }
}
IN_A_GROUP = {
    **PEOPLE,
    "rotations": {**PEOPLE["rotations"], "second": {"slack_group": {"channel": "slack", "group": "S0123ABCD"}}},
}

GITHUB = {"kind": "github", "repository": "acme/shop", "token_file": "bot", "base_url": "{odd}/github"}
TICKETS = {**PLAYBOOK, "actions": [{"at": "opened", "tracker": "github"}]}

CASES = (
    repeated(slack_clicks),
    repeated(callback_fields),
    once(callback_bytes),
    repeated(sms_characters),
    held(attempt_time, settings={"delivery": {"timeout": "200ms", "lease": "10s"}}),
    held(retry_after),
    held(provider_answer),
    once(group_answer, settings=SLACK, files={"config/people.yaml": IN_A_GROUP, "config/bot": "xoxb-test"}),
    held(
        tracker_answer,
        settings={"trackers": {"github": GITHUB}},
        files={"config/playbooks/emergency-response.yaml": TICKETS, "config/bot": "github_pat_test"},
    ),
    held(source_answer, settings={"sources": {"default": {"alertmanager": ["{odd}/am"]}}}),
)
