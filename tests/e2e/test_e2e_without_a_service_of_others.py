"""A daemon that pages by phone, mail and SMS, receives responses, and polls Alertmanager for missed resolves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio

from channels.certificates import self_signed
from e2e.processes import free_port, until
from e2e.tocsin_process import Tocsin, alert
from tocsin.testing.alertmanager_server import AlertmanagerServer
from tocsin.testing.smtp_server import PASSWORD, USER, SmtpServer
from tocsin.testing.twilio_server import ACCOUNT, AUTH_TOKEN, NUMBER, TwilioServer

MOBILE, MAILBOX = "+491711234567", "alex@example.com"
ROLES = (
    *("on-call-engineer", "engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security"),
    *("incident-commander", "communication-lead", "stakeholders", "engineering-lead", "product", "customer-support"),
    *("incidents", "customers", "incident-response", "service-status"),
)


@dataclass
class World:
    """The daemon, and what stands around it."""

    tocsin: Tocsin
    twilio: TwilioServer
    mail: SmtpServer
    alertmanager: AlertmanagerServer

    async def incident(self) -> dict[str, Any]:
        found = await self.tocsin.incidents()
        return found[0] if found else {}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    certificate = self_signed(tmp_path)
    async with AsyncExitStack() as stack:
        twilio = await stack.enter_async_context(TwilioServer())
        mail = await stack.enter_async_context(SmtpServer(certificate=certificate, login=True, known={MAILBOX}))
        alertmanager = await stack.enter_async_context(AlertmanagerServer())
        port = free_port()
        account = {"kind": "twilio", "account": ACCOUNT, "token_file": "twilio", "from": NUMBER, "base_url": twilio.url}
        post = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "ca_file": str(certificate[0])}
        settings = {
            "external_url": f"http://127.0.0.1:{port}",
            "channels": {
                "phone": {**account, "mode": "call"},
                "sms": {**account, "mode": "sms"},
                "mail": {**post, "from": "tocsin@example.com", "username": USER, "password_file": "mail"},
            },
            "inbound": {"twilio": {"secrets": [{"secret_file": "twilio"}]}},
            "sources": {"default": {"alertmanager": [alertmanager.url], "look_every": "1s"}},
        }
        methods = [
            {"channel": "phone", "number": MOBILE},
            {"channel": "mail", "address": MAILBOX, "after": "1s"},
            {"channel": "sms", "number": MOBILE, "after": "1s"},
        ]
        people = {"people": {"alex": {"methods": methods}}, "groups": {role: ["alex"] for role in ROLES}}
        tocsin = Tocsin(tmp_path / "tocsin", settings=settings, people=people, port=port)
        tocsin.write_secret("twilio", AUTH_TOKEN)
        tocsin.write_secret("mail", PASSWORD)
        yield World(await stack.enter_async_context(tocsin), twilio, mail, alertmanager)


async def test_a_call_mail_and_an_sms_go_out_and_a_reply_acknowledges(world: World) -> None:
    down = alert("Down", service="shop")
    world.alertmanager.know(down["labels"])
    assert await world.tocsin.fire(down) == 200
    await world.twilio.accepts(2, within=20)
    await world.mail.accepts(1, within=20)
    call, sms = world.twilio.accepted
    assert (call["kind"], sms["kind"], call["to"], sms["to"]) == ("call", "sms", MOBILE, MOBILE)
    assert (world.mail.accepted[0]["encrypted"], world.mail.accepted[0]["user"]) == (True, USER)

    status, said = await world.twilio.press(call, "5")
    assert (status, "Nothing was acknowledged" in said) == (200, True)
    status, said = await world.twilio.answer(f"{world.tocsin.url}/webhooks/twilio", MOBILE, "Ack 1")
    assert (status, "#1 is yours." in said) == (200, True)
    incident = await world.incident()
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "alex")


async def test_an_alert_whose_resolve_was_lost_ends_once_alertmanager_does_not_know_it(world: World) -> None:
    down, slow = alert("Down", service="shop"), alert("Slow", service="bank")
    for one in (down, slow):
        world.alertmanager.know(one["labels"])
    assert await world.tocsin.fire(down, slow) == 200
    world.alertmanager.forget(down["labels"])

    async def ended() -> bool:
        firing = {one["service"]: one["alerts_firing"] for one in await world.tocsin.incidents()}
        return firing == {"shop": 0, "bank": 1}

    await until(ended, 20, "the alert that is gone has ended, the other fires")
    assert "reconciled" in world.tocsin.output
