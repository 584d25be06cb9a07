"""The emergency playbook's order of contact: PagerDuty at once, a call after 2 min, mail and SMS after 5 min."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from scenario.emergency import ON_CALL, one_person_a_target, shipped, tocsin
from tocsin.channels.registry import KINDS, build
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.secrets import Secret
from tocsin.core.duration import MINUTE
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.ports.channel import Channel
from tocsin.testing.harness import Harness
from tocsin.testing.pagerduty_server import ROUTING_KEY, PagerDutyServer
from tocsin.testing.smtp_server import SmtpServer
from tocsin.testing.standin import Drop, ErrorStatus
from tocsin.testing.twilio_server import ACCOUNT, AUTH_TOKEN, NUMBER, TwilioServer

DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "shop"}
MOBILE, MAILBOX = "+491711234567", "oncall@example.com"
OUTSIDE = "https://tocsin.example.com"


def reached_by_all() -> People:
    """The engineer on call has four ways; everybody else is on the console."""
    everybody = one_person_a_target(shipped())
    further = (
        Method(Contact("phone", MOBILE), 2 * MINUTE),
        Method(Contact("mail", MAILBOX), 5 * MINUTE),
        Method(Contact("sms", MOBILE), 5 * MINUTE),
    )
    engineer = Person(ON_CALL, contact=Contact("duty", "primary"), further=further)
    return People(persons={**everybody.persons, ON_CALL: engineer})


def channel(name: str, kind: str, **given: Any) -> Channel:
    return build(ConfiguredChannel(name, kind, KINDS[kind].settings.model_validate(given)))


@dataclass
class Room:
    """A tocsin whose channels lead to stand-ins."""

    daemon: Harness
    pagerduty: PagerDutyServer
    twilio: TwilioServer
    mail: SmtpServer

    @property
    def counted(self) -> tuple[int, int, int, int]:
        """Return the numbers of pages by PagerDuty, call, mail and SMS."""
        kinds = [entry["kind"] for entry in self.twilio.accepted]
        return len(self.pagerduty.notified), kinds.count("call"), len(self.mail.accepted), kinds.count("sms")


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        pagerduty = await stack.enter_async_context(PagerDutyServer())
        twilio = await stack.enter_async_context(TwilioServer())
        mail = await stack.enter_async_context(SmtpServer())
        account = {"account": ACCOUNT, "token": Secret(AUTH_TOKEN), "from": NUMBER, "base_url": twilio.url}
        keys = {"primary": {"key": Secret(ROUTING_KEY)}}
        ways = (
            channel("duty", "pagerduty", routing_keys=keys, base_url=pagerduty.url),
            channel("phone", "twilio", mode="call", **account),
            channel("sms", "twilio", mode="sms", **account),
            channel("mail", "email", host="127.0.0.1", port=mail.port, tls="none", **{"from": "tocsin@example.com"}),
        )
        for way in ways:
            await way.start()
            stack.push_async_callback(way.close)
        daemon = await stack.enter_async_context(tocsin(people=reached_by_all()))
        policy = daemon.live.policy
        channels = {**policy.channels, **{way.name: way for way in ways}}
        daemon.live.policy = replace(policy, channels=channels, external_url=OUTSIDE)
        yield Room(daemon, pagerduty, twilio, mail)


async def test_each_contact_method_is_used_in_its_minute_until_an_acknowledgment(room: Room) -> None:
    await room.daemon.fire(**DOWN)
    assert room.counted == (1, 0, 0, 0)
    await room.daemon.advance(seconds=119)
    assert room.counted == (1, 0, 0, 0)
    await room.daemon.advance(seconds=1)
    assert room.counted == (1, 1, 0, 0)
    await room.daemon.advance(seconds=179)
    assert room.counted == (1, 1, 0, 0)
    await room.daemon.advance(seconds=1)
    assert room.counted == (1, 1, 1, 1)
    call, sms = room.twilio.accepted
    assert (call["to"], sms["to"]) == (MOBILE, MOBILE)
    assert call["action"].startswith(f"{OUTSIDE}/webhooks/twilio?page=")
    assert "Reply: ack 1" in sms["text"]
    assert room.mail.accepted[0]["recipients"] == [MAILBOX]


async def test_whoever_acknowledges_in_the_call_gets_neither_mail_nor_sms(room: Room) -> None:
    await room.daemon.fire(**DOWN)
    await room.daemon.advance(minutes=3)
    await room.daemon.acknowledge(ON_CALL)
    await room.daemon.advance(minutes=10)
    assert room.counted == (1, 1, 0, 0)
    assert room.pagerduty.alerts[0].status == "acknowledged"


async def test_everybody_who_was_reached_hears_once_and_where_they_were_that_it_is_taken_and_over(room: Room) -> None:
    await room.daemon.fire(**DOWN)
    await room.daemon.advance(minutes=6)
    await room.daemon.acknowledge("alice")
    await room.daemon.resolve(**DOWN)
    await room.daemon.advance(minutes=3)
    assert room.pagerduty.alerts[0].status == "resolved"
    said = [entry["text"] for entry in room.twilio.accepted if entry["kind"] == "sms"]
    assert ["Reply" in said[0], "Acknowledged by alice" in said[1], "Resolved after" in said[2]] == [True, True, True]
    said = [mail["body"].splitlines()[1] for mail in room.mail.accepted]
    assert [text.split()[0] for text in said] == ["New", "Acknowledged", "Resolved"]
    assert len({mail["references"] for mail in room.mail.accepted}) == 1
    assert room.counted == (1, 1, 3, 3)


async def test_a_call_that_twilio_may_have_made_is_made_again_and_says_so(room: Room) -> None:
    await room.daemon.fire(**DOWN)
    room.twilio.fail(Drop(accept=True))
    await room.daemon.advance(minutes=3)
    first, second = room.twilio.accepted
    assert (first["to"], second["to"]) == (MOBILE, MOBILE)
    assert "You may have had this call already" not in first["text"]
    assert "You may have had this call already" in second["text"]
    assert room.daemon.observer.counted("possible_duplicates_total") == 1


async def test_with_twilio_down_mail_comes_in_its_minute_all_the_same(room: Room) -> None:
    await room.daemon.fire(**DOWN)
    room.twilio.fail(*[ErrorStatus(503)] * 1000)
    await room.daemon.advance(minutes=5)
    assert room.counted == (1, 0, 1, 0)
    room.twilio.recover()
    await room.daemon.advance(minutes=1)
    assert room.counted == (1, 1, 1, 1)
