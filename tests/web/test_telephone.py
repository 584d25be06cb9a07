"""Acknowledgment by phone: a pressed key, and a reply by SMS."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tocsin.channels.twilio.channel import TwilioChannel
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Content
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.recording import RecordingChannel
from tocsin.testing.twilio_server import ACCOUNT, AUTH_TOKEN, NUMBER, TwilioServer, signature
from tocsin.web.callbacks.signatures import twilio_signed
from tocsin.web.edge import Deadlines
from web.frontdoor import SETTINGS, FrontDoor, front_door, inbound

OUTSIDE = "https://tocsin.example.com"
PATH = "/webhooks/twilio"
ALICE, BOB = "+491711234567", "+491711234568"
LISTENING = SETTINGS.model_copy(
    update={
        "external_url": OUTSIDE,
        "inbound": SETTINGS.inbound.model_copy(update={"twilio": inbound("an-older-token", AUTH_TOKEN)}),
    }
)


@pytest.fixture
async def door():
    async with front_door(LISTENING) as opened:
        with_telephones(opened)
        yield opened


def with_telephones(opened: FrontDoor) -> None:
    """Alice and Bob are reached by SMS."""
    engine = opened.engine
    numbers = (("alice", ALICE), ("bob", BOB))
    persons = {name: Person(name=name, contact=Contact("sms", number)) for name, number in numbers}
    engine.channels = {**engine.channels, "sms": RecordingChannel("sms", "twilio")}
    people = People(persons=persons, places=engine.live.policy.people.places)
    engine.live.policy = replace(engine.live.policy, people=people, channels=engine.channels)


async def bring(
    door: FrontDoor, fields: Mapping[str, str], query: str = "", token: str = AUTH_TOKEN
) -> tuple[int, str]:
    headers = {"X-Twilio-Signature": signature(token, f"{OUTSIDE}{PATH}{query}", fields)}
    async with door.call("POST", f"{PATH}{query}", token=None, data=fields, headers=headers) as answer:
        return answer.status, await answer.text()


async def called(door: FrontDoor) -> str:
    """Alice is called; the query of the address that takes her answer."""
    await door.engine.fire(alertname="Down")
    (row,) = await door.engine.store.read(lambda tx: [row for row in tx.outbox_of("incident-1") if row.job is Job.PAGE])
    return f"?page={row.key}"


def key(digits: str, call: str = "CA1") -> dict[str, str]:
    return {"AccountSid": "AC1", "CallSid": call, "From": "+15005550006", "To": ALICE, "Digits": digits}


def sms(body: str, sender: str = ALICE, sid: str = "SM1") -> dict[str, str]:
    return {"AccountSid": "AC1", "MessageSid": sid, "From": sender, "To": "+15005550006", "Body": body}


async def test_the_key_1_acknowledges_for_the_called_person(door: FrontDoor):
    query = await called(door)
    status, said = await bring(door, key("1"), query)
    assert (status, "<Say>Acknowledged. Thank you.</Say>" in said) == (200, True)
    incident = await door.engine.incident()
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "alice")
    (entry,) = [entry for entry in await door.engine.timeline() if entry.kind == "acknowledged"]
    assert (entry.actor, entry.via) == ("alice", "twilio")
    await door.engine.advance(minutes=20)
    assert len(door.engine.pages()) == 1


@pytest.mark.parametrize("digits", ["", "2", "11", "1#"])
async def test_another_key_or_a_mailbox_acknowledges_nothing(door: FrontDoor, digits: str):
    query = await called(door)
    status, said = await bring(door, key(digits), query)
    assert (status, "Nothing was acknowledged" in said) == (200, True)
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_a_key_for_no_page_of_ours_acknowledges_nothing(door: FrontDoor):
    await called(door)
    for query in ("?page=somebody-elses", "?page=", ""):
        assert (await bring(door, key("1"), query))[0] == 200
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_a_call_about_an_earlier_occurrence_does_not_acknowledge_this_one(door: FrontDoor):
    query = await called(door)
    await door.engine.resolve(alertname="Down")
    await door.engine.advance(minutes=3)
    await door.engine.fire(alertname="Down")
    _, said = await bring(door, key("1"), query)
    assert "occurrence 1" in said
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_a_repeated_key_press_changes_nothing(door: FrontDoor):
    query = await called(door)
    await bring(door, key("1"), query)
    entries = len(await door.engine.timeline())
    status, said = await bring(door, key("1"), query)
    assert (status, "received before" in said) == (200, True)
    assert len(await door.engine.timeline()) == entries


@pytest.mark.parametrize("body", ["ack 1", "ACK #1", " Ack 1. ", "acknowledge 1", "ack1\n"])
async def test_an_sms_acknowledges_for_the_person_with_its_number(door: FrontDoor, body: str):
    await called(door)
    status, said = await bring(door, sms(body, BOB))
    assert (status, "<Message>#1 is yours.</Message>" in said) == (200, True)
    assert (await door.engine.incident()).acknowledged_by == "bob"


async def test_an_sms_from_an_unknown_number_does_nothing_and_gets_no_reply(door: FrontDoor):
    await called(door)
    status, said = await bring(door, sms("ack 1", "+15005559999"))
    assert (status, "Message" in said) == (200, False)
    assert (await door.engine.incident()).state is State.TRIGGERED


@pytest.mark.parametrize("body", ["", "ok", "ack one", "nack 1", "ack 1 2", "ack \u0661", "please ack 1" * 400])
async def test_an_sms_that_says_something_else_is_answered_with_what_to_say(door: FrontDoor, body: str):
    await called(door)
    assert "Not understood. To acknowledge #1, reply: ack<" in (await bring(door, sms(body)))[1]
    assert (await door.engine.incident()).state is State.TRIGGERED


@pytest.mark.parametrize("body", ["ack", "ACK", " Ack. ", "acknowledge", "Acknowledge!"])
async def test_ack_alone_acknowledges_the_one_page_to_that_number_that_is_open(door: FrontDoor, body: str):
    await called(door)
    assert "<Message>#1 is yours.</Message>" in (await bring(door, sms(body)))[1]
    assert (await door.engine.incident()).acknowledged_by == "alice"


async def test_ack_alone_is_answered_with_the_numbers_where_several_pages_are_open(door: FrontDoor):
    for name in ("Down", "Slow", "Full"):
        await door.engine.fire(alertname=name)
    assert "3 pages are open: 3, 2, 1. Reply with a number: ack 3" in (await bring(door, sms("ack")))[1]
    assert [(await door.engine.incident(number)).state for number in "123"] == [State.TRIGGERED] * 3
    await bring(door, sms("ack 3", sid="SM2"))
    await bring(door, sms("ack 1", sid="SM3"))
    assert "#2 is yours" in (await bring(door, sms("ack", sid="SM4")))[1]


async def test_many_open_pages_are_counted_and_the_newest_are_listed(door: FrontDoor):
    for number in range(10):
        await door.engine.fire(alertname=f"Down{number}")
    said = (await bring(door, sms("ack")))[1]
    assert "10 pages are open: 10, 9, 8, 7, 6, 5, 4, 3 and 2 more. Reply with a number: ack 10" in said


async def test_ack_alone_without_an_open_page_says_so(door: FrontDoor):
    assert "<Message>No page to this number is open.</Message>" in (await bring(door, sms("ack")))[1]
    await called(door)
    assert "No page to this number is open" in (await bring(door, sms("ack", BOB)))[1]
    await bring(door, sms("ack 1", BOB, sid="SM2"))
    assert "bob has acknowledged #1. No page to this number is open." in (await bring(door, sms("ack", sid="SM3")))[1]
    await door.engine.resolve(alertname="Down")
    await door.engine.advance(minutes=3)
    assert "<Message>No page to this number is open.</Message>" in (await bring(door, sms("ack", sid="SM4")))[1]


async def test_ack_alone_means_the_page_of_this_occurrence(door: FrontDoor):
    await called(door)
    await door.engine.resolve(alertname="Down")
    await door.engine.advance(minutes=3)
    await door.engine.fire(alertname="Down")
    assert (await door.engine.incident()).occurrence == 2
    assert "#1 is yours" in (await bring(door, sms("ack")))[1]


async def test_a_repeated_callback_for_ack_changes_nothing(door: FrontDoor):
    await called(door)
    await bring(door, sms("ack"))
    entries = len(await door.engine.timeline())
    assert "alice has acknowledged #1" in (await bring(door, sms("ack")))[1]
    assert len(await door.engine.timeline()) == entries


async def test_an_sms_is_answered_also_while_the_store_is_away(door: FrontDoor):
    await called(door)
    door.store.failure = StoreUnavailable("no disk")
    assert "acknowledge in another way" in (await bring(door, sms("ack")))[1]
    door.store.failure = None


CARRIERS = ["STOP", "stopall", " Unsubscribe ", "cancel", "END", "quit", "revoke", "OptOut", "START", "yes", "unstop"]


@pytest.mark.parametrize("body", [*CARRIERS, "HELP", "info"])
async def test_a_word_of_the_carriers_gets_no_answer(door: FrontDoor, body: str):
    await called(door)
    status, said = await bring(door, sms(body))
    assert (status, "<Message>" in said) == (200, False)
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_an_opt_out_from_sms_is_reported_because_pages_no_longer_arrive(door: FrontDoor):
    for fields in (
        sms("STOP"),
        {**sms("arret", sid="SM2"), "OptOutType": "STOP"},
        {**sms("HELP"), "OptOutType": "HELP"},
    ):
        await bring(door, fields)
    assert [report[:2] for report in door.intake.reports] == [("opted_out", "alice")] * 2


async def test_an_sms_about_an_incident_that_does_not_exist_or_is_taken_says_so(door: FrontDoor):
    await called(door)
    assert "no incident" in (await bring(door, sms("ack 7", sid="SM7")))[1]
    await bring(door, sms("ack 1", sid="SM8"))
    assert "alice had acknowledged it before" in (await bring(door, sms("ack 1", BOB, sid="SM9")))[1]


@pytest.mark.parametrize("signs_port", [False, True, None])
@pytest.mark.parametrize("outside", [OUTSIDE, f"{OUTSIDE}:8443"])
async def test_a_page_goes_out_through_twilio_and_its_answer_comes_back(outside: str, signs_port: bool | None):
    async with front_door(LISTENING.model_copy(update={"external_url": outside})) as door:
        with_telephones(door)
        await _answered_through_twilio(door, outside, signs_port)


async def _answered_through_twilio(door: FrontDoor, outside: str, signs_port: bool | None) -> None:
    class Reachable(TwilioServer):
        def reached(self, url: str) -> str:
            return url.replace(outside, door.url)

    async with Reachable(signs_port=signs_port) as twilio:
        account = {"account": ACCOUNT, "token": Secret(AUTH_TOKEN), "from": NUMBER, "base_url": twilio.url}
        phone = TwilioChannel("sms", TwilioSettings.model_validate({"mode": "call", **account}))
        await phone.start()
        policy = door.engine.live.policy
        channels = {**policy.channels, "sms": phone}
        door.engine.live.policy = replace(policy, channels=channels, external_url=outside)
        await door.engine.fire(alertname="Down")
        (call,) = twilio.accepted
        status, said = await twilio.press(call, "1")
        assert (status, "Acknowledged" in said) == (200, True)
        assert (await door.engine.incident()).acknowledged_by == "alice"
        status, said = await twilio.answer(f"{outside}{PATH}", BOB, "ack 1")
        assert "alice had acknowledged it before" in said
        await phone.close()


async def test_a_caller_hears_that_the_response_could_not_be_recorded():
    async with front_door(LISTENING, Deadlines(twilio=0.1)) as door:
        query = await called(door)
        door.store.gate = asyncio.Event()
        status, said = await bring(door, key("1"), query)
        door.store.gate.set()
        assert (status, "acknowledge in another way" in said) == (200, True)
        door.store.failure = StoreUnavailable("the disk is full")
        status, _ = await bring(door, key("1"), query)
        assert status == 503
        door.store.failure = None


@pytest.mark.parametrize("token", ["another-token", ""])
async def test_without_twilios_signature_nothing_is_believed(door: FrontDoor, token: str):
    query = await called(door)
    assert (await bring(door, key("1"), query, token))[0] == 403
    assert (await door.engine.incident()).state is State.TRIGGERED
    assert door.figure("inbound_rejected_total", edge="twilio", reason="auth") == 1


async def test_the_signature_is_over_the_address_and_every_field(door: FrontDoor):
    query = await called(door)
    signed = signature(AUTH_TOKEN, f"{OUTSIDE}{PATH}{query}", key("2"))
    for path, fields in ((f"{PATH}{query}", key("1")), (f"{PATH}{query}x", key("2"))):
        headers = {"X-Twilio-Signature": signed}
        async with door.call("POST", path, token=None, data=fields, headers=headers) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        ("https://tocsin.example.com", "https://tocsin.example.com"),
        ("https://tocsin.example.com", "https://tocsin.example.com:443"),
        ("https://tocsin.example.com:443", "https://tocsin.example.com"),
        ("https://tocsin.example.com:8443", "https://tocsin.example.com"),
        ("https://tocsin.example.com:8443", "https://tocsin.example.com:8443"),
        ("https://tocsin.example.com:8443/pager", "https://tocsin.example.com/pager"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]:80"),
    ],
)
async def test_twilio_may_sign_the_url_with_or_without_its_port(configured: str, signed: str):
    async with front_door(LISTENING.model_copy(update={"external_url": configured})) as door:
        with_telephones(door)
        query = await called(door)
        headers = {"X-Twilio-Signature": signature(AUTH_TOKEN, f"{signed}{PATH}{query}", key("1"))}
        async with door.call("POST", f"{PATH}{query}", token=None, data=key("1"), headers=headers) as answer:
            assert answer.status == 200
        assert (await door.engine.incident()).state is State.ACKNOWLEDGED


@pytest.mark.parametrize(
    "signed",
    [
        "https://tocsin.example.com:9443",
        "http://tocsin.example.com",
        "https://tocsin.example.com.evil.example",
        "https://tocsin.example.com:8443.evil.example",
    ],
)
async def test_a_signature_of_another_host_scheme_or_port_is_refused(signed: str):
    async with front_door(LISTENING.model_copy(update={"external_url": "https://tocsin.example.com:8443"})) as door:
        with_telephones(door)
        query = await called(door)
        headers = {"X-Twilio-Signature": signature(AUTH_TOKEN, f"{signed}{PATH}{query}", key("1"))}
        async with door.call("POST", f"{PATH}{query}", token=None, data=key("1"), headers=headers) as answer:
            assert answer.status == 403
        assert (await door.engine.incident()).state is State.TRIGGERED


@pytest.mark.parametrize("url", ["https://h:port/x", "https:///x", "nothing", "ftp://h/x", "https://h:/x"])
def test_a_url_that_cannot_be_taken_apart_is_checked_as_it_is(url: str):
    assert twilio_signed(url, {}, signature("12345", url, {}), ["12345"])


async def test_without_a_configured_token_everybody_is_refused():
    async with front_door() as door:
        assert await door.status("POST", PATH, token=None, data=key("1")) == 403


@pytest.mark.parametrize(
    ("number", "expected"),
    [("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="), ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")],
)
def test_a_signature_is_checked_as_twilio_documents_it(number: str, expected: str):
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    given: dict[str, Any] = {"CallSid": "CA1234567890ABCDE", "Caller": number, "Digits": "1234", "From": number}
    fields = {name: [value] for name, value in {**given, "To": "+18005551212"}.items()}
    assert twilio_signed(url, fields, expected, ["other", "12345"])
    assert not twilio_signed(url, fields, expected, ["other"])
    assert not twilio_signed(url, {**fields, "Digits": ["1"]}, expected, ["12345"])
    assert not twilio_signed(url, fields, "\udcff", ["12345"])


class Dead(RecordingChannel):
    """Refuses whatever it is given, for good."""

    async def send(self, content: Content) -> Receipt:
        return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail=f"no such user as {content.target}")


async def test_a_fallback_page_is_acknowledged_by_the_person_who_pressed_the_key(door: FrontDoor):
    engine = door.engine
    alice = Person("alice", contact=Contact("pager", "alice"))
    bob = Person("bob", contact=Contact("phone", BOB))
    channels = {**engine.channels, "phone": RecordingChannel("phone", "twilio"), "pager": Dead("pager")}
    people = People(persons={"alice": alice, "bob": bob}, places=engine.live.policy.people.places)
    engine.live.policy = replace(engine.live.policy, people=people, channels=channels, self_targets=("bob",))
    engine.channels = channels
    await engine.fire(alertname="Down")
    rows = await engine.store.read(lambda tx: tx.outbox_of("incident-1"))
    [row] = [row for row in rows if row.channel == "phone" and row.job is Job.PAGE]
    await bring(door, {"CallSid": "CA1", "Digits": "1", "From": NUMBER, "To": BOB}, f"?page={row.key}")
    assert (await engine.incident()).acknowledged_by == "bob"
