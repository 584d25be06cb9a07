"""Calls and SMS say first what is asked of the reader, and leave out what matters less."""

from msgspec import structs

from tocsin.channels.twilio.payload import text, twiml
from tocsin.channels.twilio.segments import packed
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Upcoming
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.playbook import Until
from tocsin.testing.content import NOW, content

OUTSIDE = "https://tocsin.example.com"


def settings(mode: str = "call") -> TwilioSettings:
    sender = {"mode": mode, "account": "AC" + "0" * 32, "token": Secret("x"), "from": "+15005550006"}
    return TwilioSettings.model_validate(sender)


TAKEN = {"state": "acknowledged", "acknowledged_by": "bob", "external_url": OUTSIDE}


def test_a_call_that_asks_for_help_begins_with_the_request_and_then_says_what_the_key_does() -> None:
    asked = content(
        because="bob asks for your help (you are paged as Manager)", contacts={"bob": "+4930123456"}, **TAKEN
    )
    spoken = twiml(asked, settings())
    assert spoken.index(">bob asks for your help with HighLatency on checkout. ") < spoken.index(
        ">Press 1 when you have heard this; bob keeps the incident.<"
    )
    assert "You are paged as Manager. Contact bob (+4930123456)." in spoken


def test_a_call_about_an_incident_that_is_still_open_says_first_whom_to_ask() -> None:
    spoken = twiml(content(because="still open after 1 h", **TAKEN), settings())
    first = ">Still open after 1 hour. bob is on it; ask whether help is needed. HighLatency on checkout. "
    assert first in spoken
    assert spoken.count("Still open") == 2, "once each time the message is read"


def test_a_call_about_a_raised_severity_says_first_to_acknowledge_again() -> None:
    raised = content(because="raised from SEV-2 to SEV-1: 1 alert fires at SEV-1", acknowledged_by="alice")
    assert ">Raised to SEV-1: acknowledge again. HighLatency on checkout. " in twiml(raised, settings())
    other = structs.replace(raised, target="bob")
    assert ">Raised to SEV-1. HighLatency on checkout. " in twiml(other, settings())


def test_an_sms_leaves_out_a_sentence_of_tocsins_own_rather_than_cut_it() -> None:
    first, second = "A" * 80 + ".", "bob was paged at 03:00 UTC and has not acknowledged it yet, as it seems."
    assert packed("Head.", [first, second], " Reply: ack 1", 1, {second}) == f"Head. {first} Reply: ack 1"


def test_an_sms_keeps_what_is_broken_rather_than_who_is_paged_next() -> None:
    manager = Upcoming(NOW + 10 * MINUTE, "Engineering manager", Until.RESOLVED)
    fault = "F" * 150 + "."
    page = content(summary=fault, next_pages=(manager,), external_url=OUTSIDE)
    said = text(page, settings("sms"))
    assert fault in said
    assert "Engineering manager" not in said
    assert "Engineering manager is paged" in text(structs.replace(page, summary="Slow."), settings("sms"))


def test_an_sms_about_a_storm_says_what_its_number_is() -> None:
    storm = content(members=11, external_url=OUTSIDE)
    assert text(storm, settings("sms")).endswith("Reply to acknowledge all 11: ack 12 (12 is the storm)")


def test_an_sms_of_a_reminder_begins_with_the_task() -> None:
    reminder = content(
        Job.UPDATE, is_reminder=True, because="due now", summary="Review all incidents", title="Review", service="Ops"
    )
    said = text(reminder, settings("sms"))
    assert said.startswith("Reminder #12: Review (Emergency response). Review all incidents. Due since ")


def test_an_sms_marks_only_its_first_command() -> None:
    due = content(Job.UPDATE, step="reminder.post-mortem.1", because="the postmortem is due now")
    assert text(due, settings("sms")).count("on a computer") == 1


NOT_REACHED = {
    "playbook": "tocsin",
    "because": "new incident",
    "title": "Alex was NOT reached by SMS about #1 shop: Down",
    "summary": "Call Alex at +4930123456. Or take #1 yourself: tocsin incidents ack 1",
}


def test_a_notice_about_a_page_that_did_not_arrive_says_that_its_answer_does_not_take_the_incident() -> None:
    notice = content(external_url=OUTSIDE, **NOT_REACHED)
    assert "Pressing 1 only stops this notice; the incident stays open." in (spoken := twiml(notice, settings()))
    assert "Or take incident 1 yourself: on a computer, run tocsin incidents ack 1." in spoken
    said = text(notice, settings("sms"))
    assert "\nOr take #1 yourself: reply ack 1\n" in said
    assert said.endswith("Reply to acknowledge this notice: ack 12")
