"""The invitation in an e-mail, read by an independent reader of calendars; hostile text changes nothing but itself."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import icalendar
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from channels.test_email_channel import ALICE, settings
from tocsin.channels.email.channel import EmailChannel
from tocsin.channels.email.invitation import LINE_OCTETS, calendar_of
from tocsin.channels.email.payload import render
from tocsin.core.content.page import Invitation
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome
from tocsin.testing.content import NOW, content
from tocsin.testing.smtp_message import check_message
from tocsin.testing.smtp_server import SmtpServer

HOUR = 3_600_000_000
INVITATION = Invitation(
    uid="incident-1.1.review",
    sequence=2,
    starts_at=NOW + HOUR,
    ends_at=NOW + 2 * HOUR,
    summary="Hold the review, with cake; and coffee",
    description=("[SEV-1] #1 Down", "1. Timeline"),
    location="https://zoom.us/j/1",
    attendees=("bob@example.com", ALICE),
)


def event_of(text: str) -> icalendar.Event:
    [event] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return event


def mail(**changes: Any) -> EmailMessage:
    invitation = structs.replace(INVITATION, **changes)
    raw = render(content(Job.UPDATE, destination=ALICE, invitation=invitation), settings())
    check_message(raw)
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_it_is_an_alternative_with_its_method_beside_the_text() -> None:
    message = mail()
    assert message.get_content_type() == "multipart/alternative"
    text, calendar = message.iter_parts()
    assert (text.get_content_type(), calendar.get_content_type()) == ("text/plain", "text/calendar")
    assert (calendar.get_param("method"), calendar.get_content_charset()) == ("REQUEST", "utf-8")
    event = event_of(calendar.get_content())
    assert str(event["SUMMARY"]) == INVITATION.summary
    assert str(event["DESCRIPTION"]) == "[SEV-1] #1 Down\n1. Timeline"
    assert str(event["LOCATION"]) == "https://zoom.us/j/1"
    assert (event["SEQUENCE"], str(event["UID"])) == (2, "incident-1.1.review@example.com")
    assert [str(each) for each in event["ATTENDEE"]] == ["mailto:bob@example.com", f"mailto:{ALICE}"]
    assert event.decoded("DTEND") > event.decoded("DTSTART")


def test_a_message_without_an_invitation_stays_plain_text() -> None:
    raw = render(content(Job.UPDATE, destination=ALICE), settings())
    assert message_from_bytes(raw).get_content_type() == "text/plain"


async def test_a_strict_mail_server_takes_it() -> None:
    async with SmtpServer() as server:
        channel = EmailChannel("mail", settings(server.port))
        await channel.start()
        receipt = await channel.send(content(Job.UPDATE, destination=ALICE, invitation=INVITATION))
        await channel.close()
        assert receipt.outcome is Outcome.SENT


@given(summary=st.text(max_size=300), agenda=st.lists(st.text(max_size=100), max_size=5))
def test_no_text_adds_a_line_or_breaks_one_and_each_line_is_short(summary: str, agenda: list[str]) -> None:
    invitation = structs.replace(INVITATION, summary=summary, description=tuple(agenda))
    text = calendar_of(invitation, "tocsin@example.com", ALICE, NOW)
    assert all(len(line.encode()) <= LINE_OCTETS for line in text.split("\r\n"))
    assert not re.search(r"[^\r]\n|\r[^\n]", text)
    event = event_of(text)
    assert len(event["ATTENDEE"]) == 2
    assert set(event) == {
        *("UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "LOCATION"),
        *("ORGANIZER", "ATTENDEE", "STATUS", "TRANSP"),
    }
