"""Each kind of channel with its stand-in."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tocsin.channels.registry import KINDS, build
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Content
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import ROOM_JOBS, Job
from tocsin.core.playbook.messages import Room
from tocsin.ports.channel import Channel
from tocsin.testing.content import NOW, content
from tocsin.testing.pagerduty_server import ROUTING_KEY, PagerDutyServer
from tocsin.testing.slack_server import CHANNEL, TOKEN, SlackServer
from tocsin.testing.smtp_server import PASSWORD, USER, SmtpServer
from tocsin.testing.standin import StandIn
from tocsin.testing.twilio_server import ACCOUNT, AUTH_TOKEN, NUMBER, TwilioServer
from tocsin.testing.webhook_sink import WebhookSink

HTTP_RIGS = ("pagerduty", "slack", "twilio call", "twilio sms", "webhook")
NETWORKED = frozenset({"email", "pagerduty", "slack", "twilio", "webhook"})
"""Kinds that need a stand-in."""
WEBHOOK_SECRETS = {"bearer": Secret("a-bearer-token-1"), "signing": Secret("a-signing-secret-1")}

PATIENT = "10s"
"""Long enough for a busy machine: nothing waits for it."""
IMPATIENT = "400ms"

HISTORY = (
    Entry(incident_id="01JD", seq=1, at=NOW, kind="acknowledged", actor="alice", via="slack", data={"severity": "S1"}),
)


@dataclass
class Rig:
    """One kind of channel, and how it is made."""

    kind: str
    settings: Callable[[str], dict[str, Any]]
    """The settings for a stand-in at this URL."""
    destination: str
    secrets: tuple[str, ...] = ()

    def build(self, url: str, limit: str = PATIENT) -> Channel:
        """The channel, pointed at a stand-in."""
        given = self.settings(url) | ({"timeout": limit} if self.kind in NETWORKED else {})
        return build(ConfiguredChannel("mine", self.kind, KINDS[self.kind].settings.model_validate(given)))

    @contextlib.asynccontextmanager
    async def running(self, url: str, limit: str = PATIENT) -> AsyncIterator[Channel]:
        """The channel, started."""
        channel = self.build(url, limit)
        await channel.start()
        try:
            yield channel
        finally:
            await channel.close()

    def content(self, job: Job = Job.PAGE, **fields: Any) -> Content:
        """A notification for this channel's destination."""
        given = {"destination": self.destination, "about": "5f0c", "history": HISTORY if job is Job.HISTORY else ()}
        if job in ROOM_JOBS:
            given |= {"room": Room(channel="mine", name="incident-1"), "recipient": "U0ALICE"}
        return content(job, **(given | fields))


def _twilio(mode: str) -> Rig:
    def settings(url: str) -> dict[str, Any]:
        return {"mode": mode, "account": ACCOUNT, "token": Secret(AUTH_TOKEN), "from": NUMBER, "base_url": url}

    return Rig("twilio", settings, "+491711234567", (AUTH_TOKEN, ACCOUNT))


RIGS = {
    "pagerduty": Rig(
        "pagerduty",
        lambda url: {"routing_keys": {"primary": {"key": Secret(ROUTING_KEY)}}, "base_url": url},
        "primary",
        (ROUTING_KEY,),
    ),
    "slack": Rig("slack", lambda url: {"token": Secret(TOKEN), "base_url": f"{url}/api"}, CHANNEL, (TOKEN,)),
    "webhook": Rig(
        "webhook",
        lambda url: {"url": f"{url}/hook/secret-path-1", "announce": True, **WEBHOOK_SECRETS},
        "webhook",
        ("hook/secret-path-1", *(secret.reveal() for secret in WEBHOOK_SECRETS.values())),
    ),
    "email": Rig(
        "email",
        lambda url: {
            "host": "127.0.0.1",
            "port": urlsplit(url).port,
            "tls": "none",
            "from": "tocsin@example.com",
            "username": USER,
            "password": Secret(PASSWORD),
        },
        "alice@example.com",
        (PASSWORD,),
    ),
    "twilio call": _twilio("call"),
    "twilio sms": _twilio("sms"),
    "console": Rig("console", lambda _: {}, "console"),
}


def stand_in(kind: str, *, limited: bool = True) -> StandIn:
    """A stand-in for the provider; ``limited`` False: without its rate limit, for tests of something else."""
    if kind == "email":
        return SmtpServer(login=True)
    if kind == "slack":
        return SlackServer(limited=limited)
    if kind == "twilio":
        return TwilioServer(limited=limited)
    http = {"pagerduty": PagerDutyServer, "webhook": WebhookSink}
    return http[kind]()
