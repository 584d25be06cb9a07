"""A pressed Slack button, from Slack's side: the payload, the signature, and the limit of three seconds."""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

TIMEOUT = 3.0
"""Seconds within which Slack requires a 200."""


@dataclass(frozen=True)
class Press:
    """One press of one button; it may be sent more than once."""

    button: dict[str, Any]
    channel: str
    message: dict[str, Any]
    user: str
    response_url: str
    trigger_id: str = field(default_factory=lambda: f"{time.time_ns()}.{secrets.token_hex(8)}")
    action_ts: str = field(default_factory=lambda: f"{time.time():.6f}")

    def body(self) -> bytes:
        """Return the form that Slack posts: one field, ``payload``, of JSON."""
        container = {
            "type": "message",
            "message_ts": self.message["ts"],
            "channel_id": self.channel,
            "is_ephemeral": False,
        }
        if "thread_ts" in self.message:
            container["thread_ts"] = self.message["thread_ts"]
        payload: dict[str, Any] = {
            "type": "block_actions",
            "user": {"id": self.user, "username": "someone", "name": "someone", "team_id": "T0STANDIN"},
            "api_app_id": "A0STANDIN",
            "token": "a-deprecated-verification-token",
            "container": container,
            "trigger_id": self.trigger_id,
            "team": {"id": "T0STANDIN", "domain": "standin"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": self.channel, "name": "incidents"},
            "message": self.message,
            "state": {"values": {}},
            "response_url": self.response_url,
            "actions": [{**self.button, "block_id": "tocsin", "action_ts": self.action_ts}],
        }
        return urlencode({"payload": json.dumps(payload)}).encode()


@dataclass(frozen=True)
class SlackResponse:
    """The response. Slack shows a warning beside the button for anything but an empty 200 within `TIMEOUT`."""

    status: int
    body: str
    seconds: float


def sign(body: bytes, secret: str, timestamp: int) -> dict[str, str]:
    """Return the headers with which Slack authenticates a request (v0)."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


async def send(press: Press, to: str, secret: str, age: int = 0) -> SlackResponse:
    """Post a press, signed ``age`` seconds ago."""
    body = press.body()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        **sign(body, secret, int(time.time()) - age),
    }
    began = time.monotonic()
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
        session.post(to, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        text = await answer.text()
        return SlackResponse(answer.status, text, time.monotonic() - began)
