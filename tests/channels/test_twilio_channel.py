"""The Twilio channel against a strict stand-in: content, and the handling of each response."""

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.carrier import cut
from tocsin.channels.twilio.channel import TwilioChannel
from tocsin.channels.twilio.payload import text, twiml
from tocsin.channels.twilio.segments import fitted, segments
from tocsin.channels.twilio.settings import LANGUAGES, TwilioContact, TwilioSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import AlertLine, Upcoming
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact
from tocsin.core.playbook.playbook import Until
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.content import NOW, content
from tocsin.testing.standin import ErrorStatus
from tocsin.testing.twilio_server import (
    ACCOUNT,
    API_KEY,
    API_SECRET,
    AUTH_TOKEN,
    LONGEST_SMS,
    LONGEST_TWIML,
    NUMBER,
    SERVICE,
    SPOKEN,
    TwilioServer,
)

ALICE = "+491711234567"
OUTSIDE = "https://tocsin.example.com"


def settings(mode: str = "call", **more: Any) -> TwilioSettings:
    given = {"mode": mode, "account": ACCOUNT, "token": Secret(AUTH_TOKEN), "from": NUMBER}
    return TwilioSettings.model_validate(given | more)


async def send(server: TwilioServer, mode: str = "call", job: Job = Job.PAGE, **fields: Any) -> Receipt:
    channel = TwilioChannel("phone", settings(mode, base_url=server.url))
    await channel.start()
    try:
        return await channel.send(content(job, destination=ALICE, **fields))
    finally:
        await channel.close()


@pytest.fixture
async def server():
    async with TwilioServer(opted_out=["+491700000000"]) as running:
        yield running


def says(document: str) -> list[str]:
    return [say.text or "" for say in ET.fromstring(document).iter("Say")]


# A call.


async def test_a_call_reads_the_page_out_twice(server: TwilioServer):
    receipt = await send(server)
    (call,) = server.accepted
    assert (receipt.outcome, receipt.ref) == (Outcome.SENT, call["sid"])
    assert (call["kind"], call["to"], call["from"], call["action"]) == ("call", ALICE, NUMBER, "")
    told = (
        "HighLatency on checkout. Severity SEV-1. Tocsin page for alice.\n"
        "p99 above 2 seconds. SEV-1: on-call engineer first. Incident 12."
    )
    assert call["text"] == f"{told}\nThis message is repeated once.\n{told}\nGoodbye."


async def test_where_answers_are_taken_a_key_is_asked_for_and_leads_back_to_the_page(server: TwilioServer):
    await send(server, external_url=OUTSIDE, key="5f0c:x&y")
    (call,) = server.accepted
    assert call["action"] == f"{OUTSIDE}/webhooks/twilio?page=5f0c%3Ax%26y"
    assert call["text"].count("Press 1 at any time to acknowledge.") == 2
    assert call["text"].endswith("No key pressed. This page is still unanswered. Goodbye.")


def test_a_call_says_that_it_is_a_drill_or_may_be_a_repetition():
    told = twiml(content(destination=ALICE, drill=True, possible_duplicate=True), settings())
    assert says(told)[0].startswith("This is a drill. You may have had this call already. ")


@pytest.mark.parametrize("text", ["&" * 700, "<" * 700, '"' * 700])
def test_what_grows_as_xml_still_fits_into_a_call(text: str):
    told = content(title=text, service=text, because=text, external_url="https://tocsin.example.com")
    assert len(twiml(told, settings())) <= LONGEST_TWIML


def test_answers_can_be_switched_off():
    assert "Gather" not in twiml(content(external_url=OUTSIDE), settings(acknowledge=False))
    assert "Reply" not in text(content(external_url=OUTSIDE), settings("sms", acknowledge=False))
    assert "Gather" not in twiml(content(external_url=OUTSIDE, incident_id=""), settings()), "tocsin's own alarm"


# An SMS.


async def test_an_sms_says_what_and_why_and_how_to_answer(server: TwilioServer):
    receipt = await send(server, "sms", external_url=OUTSIDE, url=f"{OUTSIDE}/i/12")
    (sms,) = server.accepted
    assert (receipt.outcome, sms["kind"], sms["to"]) == (Outcome.SENT, "sms", ALICE)
    assert sms["text"] == (
        "[SEV-1] #12 checkout: HighLatency on checkout. SEV-1: on-call engineer first. p99 above 2 s. "
        f"{OUTSIDE}/i/12 Reply: ack 12"
    )


@pytest.mark.parametrize(
    ("job", "fields", "told"),
    [
        (Job.ACKNOWLEDGE, {"acknowledged_by": "bob"}, "Acknowledged by bob. You do not need to respond now."),
        (
            Job.RESOLVE,
            {"resolved_at": NOW, "state": "resolved"},
            "Resolved after 5 min: all alerts have cleared. No action needed.",
        ),
        (Job.UPDATE, {"because": "not acknowledged for 15 min"}, "Not acknowledged for 15 min."),
    ],
)
def test_what_demands_no_answer_asks_for_none(job: Job, fields: dict[str, Any], told: str):
    said = text(content(job, external_url=OUTSIDE, **fields), settings("sms"))
    assert told in said
    assert "Reply" not in said


def test_a_messages_own_words_are_all_that_its_reader_gets():
    words = RenderedText.written("Some payments fail.\nWe are sorry.")
    told = content(Job.UPDATE, text=words, subject="Service disruption", because="as it was declared")
    assert text(told, settings("sms")) == "Service disruption\nSome payments fail.\nWe are sorry."


def test_what_is_too_long_is_cut_and_never_the_answer():
    said = text(content(title="word " * 500, external_url=OUTSIDE), settings("sms", segments=1))
    assert segments(said) == 1
    assert said.endswith("... Reply: ack 12")
    assert len(said) in range(155, 161)


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3),
        ("€" * 80, 1), ("€" * 81, 2), ("ж" * 70, 1), ("ж" * 71, 2), ("ж" * 134, 2), ("ж" * 135, 3),
        ("\U0001f525" * 35, 1), ("\U0001f525" * 36, 2), ("ä" * 160, 1), ("â" * 71, 2), ("", 1),
        ("]" * 152, 2), ("]" * 153, 3), ("a" + "]" * 152, 2), ("]" * 190, 3),
        ("\U0001f525" * 66, 2), ("\U0001f525" * 67, 3), ("ж" + "\U0001f525" * 66, 2),
    ],
)  # fmt: skip
def test_segments_are_counted_as_networks_do(said: str, count: int):
    assert segments(said) == count


SMS = (
    st.text(max_size=400) | st.text(st.sampled_from("ab]^€[\n@"), max_size=700) | st.text("ж\U0001f525x]", max_size=300)
)


@given(said=SMS)
def test_a_carrier_cuts_into_as_many_segments_as_are_counted(said: str):
    assert segments(said) == len(cut(said))


@given(head=SMS, most=st.integers(1, 4), tail=st.sampled_from(["", " Reply: ack 12", "]" * 9, "\U0001f525"]))
def test_what_is_sent_takes_no_more_segments_than_are_paid_for_and_says_as_much_as_fits(
    head: str, most: int, tail: str
):
    said = fitted(head, tail, most)
    assert len(cut(said)) <= most
    if said != head + tail:
        kept = said.removesuffix(f"...{tail}")
        assert head.startswith(kept)
        longer = head[: len(kept) + 1].rstrip()
        assert longer == kept or len(cut(f"{longer}...{tail}")) > most


@given(head=st.text(max_size=2000), most=st.integers(1, 10))
def test_a_text_fits_and_is_not_cut_more_than_it_must(head: str, most: int):
    tail = " Reply: ack 12"
    said = fitted(head, tail, most)
    assert said.endswith(tail)
    assert segments(said) <= most
    assert said == head + tail or segments(head + tail) > most


HOSTILE = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["</Say><Dial>+1900</Dial>", "]]>", "&amp;", '"/><Hangup/>', "\x00", "\ufffe", "\ud800", "\x1b[2J", "<!DOCTYPE x>"]
)


@given(texts=st.lists(HOSTILE, min_size=4, max_size=4), swollen=st.sampled_from([1, 300]))
def test_nothing_from_outside_becomes_a_verb_and_it_always_fits(texts: list[str], swollen: int):
    title, service, because, target = (text_ * swollen for text_ in texts)
    told = content(title=title, service=service, because=because, target=target, external_url=OUTSIDE)
    document = twiml(told, settings())
    assert len(document) <= LONGEST_TWIML
    assert {verb.tag for verb in ET.fromstring(document).iter()} == {"Response", "Gather", "Say"}
    assert 0 < len(text(told, settings("sms", segments=10))) <= LONGEST_SMS


# What is made of each answer.


def fault(status: int, code: int, **headers: str) -> ErrorStatus:
    body = {"code": code, "message": f"what {AUTH_TOKEN} did", "status": status}
    return ErrorStatus(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (fault(429, 20429), Outcome.RETRY, Reason.RATE_LIMITED),
        (fault(400, 21611), Outcome.RETRY, Reason.RATE_LIMITED),
        (fault(400, 14107), Outcome.RETRY, Reason.RATE_LIMITED),
        (fault(400, 21211), Outcome.PERMANENT, Reason.CLIENT_ERROR),
        (fault(400, 21610), Outcome.PERMANENT, Reason.CLIENT_ERROR),
        (fault(403, 20003), Outcome.PERMANENT, Reason.AUTH),
        (fault(400, 20005), Outcome.PERMANENT, Reason.AUTH),
        (fault(503, 20503), Outcome.RETRY, Reason.SERVER_ERROR),
    ],
)
async def test_each_error_of_twilios_is_classified(
    server: TwilioServer, answer: ErrorStatus, outcome: Outcome, reason: Reason
):
    server.fail(answer)
    receipt = await send(server)
    assert (receipt.outcome, receipt.reason, receipt.http_status) == (outcome, reason, answer.status)
    assert AUTH_TOKEN not in receipt.detail
    assert "what <secret> did" in receipt.detail


async def test_it_waits_as_long_as_twilio_asks(server: TwilioServer):
    server.fail(fault(429, 20429, **{"Retry-After": "7"}))
    assert (await send(server)).retry_after == 7_000_000


async def test_a_recipient_who_opted_out_of_sms_still_gets_calls(server: TwilioServer):
    stopped = {"destination": "+491700000000"}
    channel = TwilioChannel("sms", settings("sms", base_url=server.url))
    await channel.start()
    receipt = await channel.send(content(**stopped))
    await channel.close()
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.CLIENT_ERROR)
    assert "21610" in receipt.detail


async def test_a_wrong_token_is_for_good(server: TwilioServer):
    channel = TwilioChannel("phone", settings(base_url=server.url, token=Secret("another-token-1")))
    await channel.start()
    receipt = await channel.send(content(destination=ALICE))
    await channel.close()
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.AUTH)


def test_a_call_is_for_pages_only_and_an_sms_tells_the_rest():
    assert TwilioChannel("phone", settings()).handles == {Job.PAGE}
    assert TwilioChannel("sms", settings("sms")).handles == {Job.PAGE, Job.UPDATE, Job.ACKNOWLEDGE, Job.RESOLVE}


# What may be written.


@pytest.mark.parametrize("number", ["+4917112345678", "+15005550006"])
def test_a_number_is_taken(number: str):
    assert TwilioContact.model_validate({"number": number}).contact("phone") == Contact("phone", number)


@pytest.mark.parametrize(
    "number", ["0171 1234567", "+49 171 1234567", "491711234567", "+0171", "+1", "+1234567890123456"]
)
def test_an_invalid_phone_number_is_refused_in_the_configuration(number: str):
    with pytest.raises(ValidationError, match="no telephone number"):
        TwilioContact.model_validate({"number": number})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"account": "SK0123456789abcdef0123456789abcdef"}, "no such id"),
        ({"from": None}, "no number to call from"),
        ({"messaging_service": "MG0123456789abcdef0123456789abcdef"}, "cannot make calls"),
        ({"mode": "sms", "from": None}, "one sender"),
        ({"mode": "sms", "messaging_service": "MG0123456789abcdef0123456789abcdef"}, "one sender"),
        ({"base_url": "http://api.example.com"}, "https"),
        ({"ring_for": "1s"}, "no time to let it ring"),
        ({"language": 'en" x="'}, "no language of Twilio's voices"),
        ({"language": "en-us"}, "no language of Twilio's voices"),
        ({"language": "xx-YY"}, "no language of Twilio's voices"),
        ({"api_key": API_KEY[:-1]}, "no such id"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], told: str):
    with pytest.raises(ValidationError, match=told):
        settings(**given)


async def test_a_messaging_service_and_an_api_key_take_the_place_of_number_and_account(server: TwilioServer):
    given = {"from": None, "messaging_service": SERVICE, "api_key": API_KEY, "token": Secret(API_SECRET)}
    channel = TwilioChannel("sms", settings("sms", base_url=server.url, **given))
    await channel.start()
    assert (await channel.send(content(destination=ALICE))).outcome is Outcome.SENT
    await channel.close()
    assert server.accepted[0]["from"] == ""


@pytest.mark.parametrize("mode", ["call", "sms"])
async def test_a_page_to_the_number_that_sends_it_is_refused_for_good_and_says_why(server: TwilioServer, mode: str):
    channel = TwilioChannel("phone", settings(mode, base_url=server.url))
    await channel.start()
    receipt = await channel.send(content(destination=NUMBER))
    await channel.close()
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.CLIENT_ERROR)
    assert receipt.detail == "21266: 'To' and 'From' number cannot be the same"


@hypothesis_settings(max_examples=40, deadline=None)
@given(ring_for=st.integers(5_000, 600_000), language=st.sampled_from(sorted(LANGUAGES & SPOKEN)))
async def test_twilio_accepts_every_valid_setting(ring_for: int, language: str):
    async with TwilioServer() as server:
        channel = TwilioChannel("phone", settings(base_url=server.url, ring_for=f"{ring_for}ms", language=language))
        await channel.start()
        assert (await channel.send(content(destination=ALICE, external_url=OUTSIDE))).outcome is Outcome.SENT
        await channel.close()


def test_every_language_that_all_of_twilios_voices_speak_may_be_set():
    assert SPOKEN <= LANGUAGES


def test_an_sms_is_cut_after_a_word_and_drops_who_was_paged_before_rather_than_cut_it() -> None:
    words = " ".join(f"word{number}" for number in range(100))
    cut = fitted(words, " Reply: ack 1", 1)
    assert cut.endswith("... Reply: ack 1")
    assert cut.removesuffix("... Reply: ack 1").split()[-1] in words.split()


def test_an_sms_marks_a_command_as_one_for_a_computer() -> None:
    said = text(content(Job.UPDATE, step="reminder.update.1", because="a status update is due"), settings("sms"))
    assert said.endswith("\nPost the status update, on a computer: tocsin incidents update 12 TEXT")


def test_an_sms_about_a_hand_over_of_several_says_first_what_to_do() -> None:
    others = "2 more incidents are open from the last shift: #13 a, #14 b"
    because = f"you are now on call (desk); bob has the incident; {others}"
    taken = {"state": "acknowledged", "acknowledged_by": "bob"}
    said = text(content(Job.UPDATE, step="shifts:desk:1", because=because, **taken), settings("sms"))
    assert said == (
        "HANDOVER: 3 open incidents (#12 to #14). You are now on call (desk). bob has them: decide together who takes "
        "which.\nList them, on a computer: tocsin incidents list\nTake one over: tocsin incidents take NUMBER"
    )


def test_an_sms_in_place_of_another_person_says_first_what_to_do() -> None:
    manager = Upcoming(NOW + 10 * MINUTE, "Engineering manager", Until.RESOLVED)
    page = content(stranded=True, external_url=OUTSIDE, next_pages=(manager,), title="word " * 20)
    wanted = "You get this in place of alice, who cannot be reached. Find a person who can respond, or acknowledge it"
    assert wanted in text(page, settings("sms"))


def test_a_call_says_first_what_happened_and_spells_what_a_voice_cannot_read() -> None:
    labels = {"alertname": "Full", "instance": "db-3", "mountpoint": "/var"}
    bare = content(title="Full", service="db-3", alerts=(AlertLine(labels, {}, True, None, ""),))
    spoken = twiml(bare, settings())
    assert ">db-3: Full, mountpoint slash var. Severity SEV-1. Tocsin page for alice.<" in spoken
