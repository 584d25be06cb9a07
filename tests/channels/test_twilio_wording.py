"""Calls and SMS say first what is asked of the reader, and leave out what matters less."""

from msgspec import structs

from tocsin.channels.twilio.payload import text, twiml
from tocsin.channels.twilio.segments import packed
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import AlertLine, Upcoming
from tocsin.core.content.rendered_text import RenderedText
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
    spoken = twiml(raised, settings())
    assert ">Raised to SEV-1: acknowledge again. HighLatency on checkout. " in spoken
    assert spoken.count("acknowledge again") == 2, "once each time the message is read"
    other = structs.replace(raised, target="bob")
    assert ">Raised to SEV-1. HighLatency on checkout. " in twiml(other, settings())


def test_an_sms_is_cut_at_the_end_of_a_sentence_and_says_so() -> None:
    first, second = "A" * 80 + ".", "bob was paged at 03:00 UTC and has not acknowledged it yet, as it seems."
    assert packed("Head.", [first, second], " Reply: ack 1", 1) == f"Head. {first} (cut) Reply: ack 1"


def test_an_sms_is_not_marked_as_cut_where_only_who_was_paged_before_is_missing() -> None:
    first, second = "A" * 80 + ".", "bob was paged at 03:00 UTC and has not acknowledged it yet, as it seems."
    said = packed("Head.", [first, second], " Reply: ack 1", 1, optional=[second])
    assert said == f"Head. {first} Reply: ack 1"


def test_an_sms_about_a_task_names_no_command_that_would_not_show_the_rest() -> None:
    because = f"duty review is overdue: {'learn from it; ' * 40}"
    said = text(content(Job.UPDATE, step="breach.duty-review", because=because), settings("sms"))
    assert said.endswith("\n(cut)")
    assert "tocsin incidents show" not in said


def test_the_sms_of_an_invitation_has_the_command_that_moves_it_in_place_of_the_agenda() -> None:
    agenda = "; ".join(f"point {number} of the agenda" for number in range(20))
    because = f"you are invited to the review on 2026-11-20 11:00 UTC, for 1 h. Agenda: {agenda}"
    said = text(content(Job.UPDATE, step="meeting.review.1", because=because), settings("sms"))
    assert "agenda" not in said
    assert "To move it, on a computer: tocsin incidents meeting 12 review --at TIME" in said


def test_an_sms_that_is_cut_says_where_the_rest_is_if_there_is_room() -> None:
    first, second = "A" * 60 + ".", "bob was paged at 03:00 UTC, has not acknowledged it yet, as it seems, and is out."
    rest = "The rest: tocsin incidents show 1"
    cut = f"Head. {first}\n(cut) {rest}\nReply: ack 1"
    assert packed("Head.", [first, second], " Reply: ack 1", 1, rest=rest) == cut
    assert packed("Head.", [first, "Short."], " Reply: ack 1", 1, rest=rest) == f"Head. {first} Short. Reply: ack 1"
    assert packed("Head.", [first, second * 2], "", 1, rest=rest) == f"Head. {first}\n(cut) {rest}", "no reply"


def test_an_sms_has_the_beginning_of_the_only_text_about_what_is_broken() -> None:
    words = "The share of failed card payments has been above ninety percent for five minutes " * 5
    said = text(content(title="HighLatency", alerts=(_alert(words),), external_url=OUTSIDE), settings("sms"))
    assert "The share of failed card payments has been above" in said
    assert said.endswith("... Reply: ack 12")
    shown = said.removesuffix("... Reply: ack 12").split()
    assert set(shown[-5:]) <= set(words.split()), "it ends after a whole word"


def _alert(description: str) -> AlertLine:
    return AlertLine({"alertname": "HighLatency"}, {"description": description.strip()}, True, None, "")


def test_an_sms_with_a_playbooks_own_words_is_cut_at_the_end_of_a_line() -> None:
    lines = [f"Line {number} of the text, which is written for people." for number in range(9)]
    said = text(content(Job.UPDATE, text=RenderedText.written("\n".join(lines))), settings("sms"))
    assert said.splitlines()[-1] == "(cut)", "customers have no command for the rest"
    assert said.splitlines()[:-1] == lines[: len(said.splitlines()) - 1]


def test_an_emoji_does_not_cost_the_end_of_a_playbooks_text() -> None:
    words = "\N{POLICE CARS REVOLVING LIGHT} Incident\n" + "Customers cannot pay. " * 8
    said = text(content(Job.UPDATE, text=RenderedText.written(words)), settings("sms"))
    assert said.splitlines() == ["Incident", "Customers cannot pay. " * 7 + "Customers cannot pay."]
    short = "\N{POLICE CARS REVOLVING LIGHT} Incident"
    assert text(content(Job.UPDATE, text=RenderedText.written(short)), settings("sms")) == short, (
        "where it fits, it stays"
    )


def test_an_sms_about_a_draft_leaves_the_draft_out_rather_than_show_a_part_without_its_subject() -> None:
    because = "the draft update for the status page waits for your confirmation: tocsin incidents confirm 12 1"
    draft = content(Job.UPDATE, step="reminder.draft-1", because=because, draft="We are down. Sorry. " * 9)
    said = text(draft, settings("sms"))
    assert "Sorry" not in said
    assert said.splitlines()[1] == "Read all of it, on a computer: tocsin incidents drafts 12"
    assert said.endswith("Discard it: tocsin incidents discard 12 1")
    assert 'Draft 1: "Down. Sorry."' in text(structs.replace(draft, draft="Down. Sorry."), settings("sms"))


def test_an_sms_about_many_alerts_says_only_their_number_and_one_of_them() -> None:
    lines = tuple(
        AlertLine(
            {"alertname": "Loop", "pod": f"api-{number}", "severity": severity},
            {"summary": f"Pod api-{number} is crash looping."},
            True,
            None,
            "",
        )
        for number in range(3)
        for severity in ("page", "ticket")
    )
    many = content(title="Loop", alerts=lines, alerts_firing=60, alerts_total=60, firing=(("SEV-1", 30), ("SEV-2", 30)))
    said = text(many, settings("sms"))
    assert "60 alerts firing. One of the 60 alerts: Pod api-0 is crash looping." in said
    assert "60 alerts firing. " in twiml(many, settings())


def test_a_notice_says_that_it_pages_again_and_what_prevents_that() -> None:
    again = Upcoming(NOW + 10 * MINUTE, "self", Until.ACKNOWLEDGED)
    notice = content(playbook="tocsin", because="new incident", summary="Restart it.", next_pages=(again,))
    assert "If you do not acknowledge by 03:15 UTC, you are paged again." in twiml(notice, settings())
    both = structs.replace(notice, paged_with=("bob",))
    assert "If no one acknowledges by 03:15 UTC, you are paged again." in twiml(both, settings())
    assert "again" not in twiml(structs.replace(notice, next_pages=()), settings()).replace("repeated", "")


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
