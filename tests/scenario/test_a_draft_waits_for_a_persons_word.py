"""Customer messages and automations wait for a person's confirmation, and are then sent exactly as confirmed."""

import msgspec
import pytest

from scenario import emergency
from tocsin.channels.timeline import phrase
from tocsin.core.errors import InvalidValue, UnknownName
from tocsin.core.incident.event import Actor, Confirmed, Declare, Discarded, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker

ALICE = Actor("alice", "api")
TO_CUSTOMERS = {"verb": "message", "what": "customer-text", "to": ["customers"]}
FAILOVER = {"verb": "automation", "what": "failover"}


def drafted(at: str, does: dict[str, object], **more: object) -> PlaybookAction:
    return msgspec.convert({"at": [at], "confirm": True, **does, **more}, PlaybookAction)


def tocsin(*actions: PlaybookAction, trackers: tuple[RecordingTracker, ...] = ()) -> Harness:
    return emergency.tocsin(playbook=msgspec.structs.replace(emergency.shipped(), actions=actions), trackers=trackers)


async def drafts(harness: Harness) -> list[int]:
    acting = (await harness.incident()).acting
    return [draft.number for draft in acting.drafts] if acting is not None else []


def told(harness: Harness, target: str) -> list[str]:
    return [content.text.plain for content in harness.sent(Job.UPDATE) if content.target == target and content.text]


async def dropped(harness: Harness) -> list[str]:
    return [phrase(entry) for entry in await harness.timeline() if entry.kind == "draft_dropped"]


async def test_nothing_goes_out_before_and_exactly_what_was_read_goes_out_after() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.advance(minutes=5)
        assert await drafts(harness) == [1]
        assert told(harness, "customers") == []
        await harness.say(Confirmed(by=ALICE, draft=1, text="Subject: Checkout\n\nWe are **sorry**."))
        await harness.set_severity("SEV-2")  # the incident goes on, and what was read does not change with it
        [content] = [one for one in harness.sent(Job.UPDATE) if one.target == "customers"]
        assert (content.subject, content.text.plain) == ("Checkout", "We are **sorry**.")
        assert await drafts(harness) == []
        [entry] = [entry for entry in await harness.timeline() if entry.kind == "confirmed"]
        assert (entry.actor, entry.data["text"]) == ("alice", "Subject: Checkout\n\nWe are **sorry**.")


async def test_whoever_writes_to_customers_is_told_that_something_waits_and_how_to_confirm_it() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.advance(seconds=1)
        waits = [(who, why) for _, who, why in harness.reminders() if "tocsin incidents confirm 1 1" in why]
        assert {who for who, _ in waits} == {"communication-lead", "incidents"}


async def test_discarded_it_is_gone() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.say(Discarded(by=ALICE, draft=1, reason="customers do not see it"))
        with pytest.raises(UnknownName, match="no draft 1 that waits"):
            await harness.say(Confirmed(by=ALICE, draft=1, text="x"))
        assert told(harness, "customers") == []


async def test_a_message_without_a_word_is_refused_and_goes_on_waiting() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        with pytest.raises(InvalidValue, match="its text is empty"):
            await harness.say(Confirmed(by=ALICE, draft=1, text=" "))
        assert await drafts(harness) == [1]
        assert [one for one in harness.sent(Job.UPDATE) if one.target == "customers"] == []


async def test_two_people_at_once_send_it_once() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.say(Confirmed(by=ALICE, draft=1, text="sorry"))
        with pytest.raises(UnknownName):
            await harness.say(Confirmed(by=Actor("bob", "api"), draft=1, text="sorry too"))
        assert told(harness, "customers") == ["sorry"]


async def test_a_newer_draft_of_the_same_takes_its_place() -> None:
    async with tocsin(drafted("updated", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        for text in ("half of it works", "all of it works"):
            await harness.say(UpdatePosted(by=ALICE, text=text))
        assert await drafts(harness) == [2]
        assert await dropped(harness) == ["draft 1 dropped: customer-text (draft 2 takes its place)"]


async def test_a_draft_that_the_end_makes_useless_is_dropped_in_the_timeline() -> None:
    async with tocsin(drafted("flagged", FAILOVER, when=["data_breach"])) as harness:
        await harness.fire(alertname="Down", severity="SEV-1", breach="yes")
        await harness.close("alice")
        assert await dropped(harness) == ["draft 1 dropped: failover (the incident is resolved)"]


async def test_a_draft_of_an_earlier_occurrence_is_dropped_in_the_timeline() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.close("alice")
        await harness.fire(alertname="Down", severity="SEV-1", instance="b")
        assert await dropped(harness) == ["draft 1 dropped: customer-text (the incident has opened again)"]


async def test_an_automation_runs_once_a_responder_confirms_it() -> None:
    async with tocsin(drafted("flagged", FAILOVER, when=["data_breach"])) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        assert await drafts(harness) == []
        await harness.flag("data_breach")
        assert await drafts(harness) == [1]
        assert harness.sent(Job.AUTOMATE) == []
        await harness.say(Confirmed(by=ALICE, draft=1, text=""))
        await harness.advance(seconds=1)
        [asked] = harness.sent(Job.AUTOMATE)
        assert asked.target == "failover"


async def test_a_flag_from_the_start_is_as_good_as_one_that_comes_later() -> None:
    async with tocsin(drafted("flagged", FAILOVER, when=["data_breach"])) as harness:
        await harness.fire(alertname="Down", severity="SEV-1", breach="yes")
        assert await drafts(harness) == [1]
        await harness.flag("major_impact")
        assert await drafts(harness) == [1], "another flag is no reason"


async def test_nothing_is_mended_that_is_over() -> None:
    actions = (drafted("flagged", FAILOVER, when=["data_breach"]), drafted("declared", TO_CUSTOMERS))
    async with tocsin(*actions) as harness:
        await harness.fire(alertname="Down", severity="SEV-1", breach="yes")
        await harness.say(Declare(by=ALICE))
        await harness.resolve(alertname="Down", severity="SEV-1", breach="yes")
        await harness.advance(minutes=5)
        assert await drafts(harness) == [2], "customers may still be told"
        await harness.say(Confirmed(by=ALICE, draft=2, text="it is over"))
        assert told(harness, "customers") == ["it is over"]


async def test_the_status_page_shows_only_confirmed_text() -> None:
    page = RecordingTracker("status")
    at = ["opened", "updated", "resolved"]
    action = msgspec.convert({"at": at, "verb": "tracker", "what": "status", "confirm": True}, PlaybookAction)
    async with tocsin(action, trackers=(page,)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=1)
        assert page.sent == []
        await harness.say(Confirmed(by=ALICE, draft=1, text="We are looking into it."))
        await harness.advance(minutes=1)
        assert [(one.job, one.text.plain) for one in page.sent] == [(Job.TICKET_OPEN, "We are looking into it.")]
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=5)
        assert len(page.sent) == 1
        await harness.say(Confirmed(by=ALICE, draft=2, text="It is over."))
        await harness.advance(minutes=1)
        assert [(one.job, one.text.plain) for one in page.sent[1:]] == [(Job.TICKET_CLOSE, "It is over.")]


def status_page() -> PlaybookAction:
    return msgspec.convert(
        {"at": ["opened", "resolved"], "verb": "tracker", "what": "status", "confirm": True}, PlaybookAction
    )


def of_the_unconfirmed(harness: Harness) -> list[tuple[str, str]]:
    return [(who, why) for _, who, why in harness.reminders() if "was not confirmed" in why]


async def test_a_message_that_was_not_confirmed_before_the_resolve_is_told_and_not_dropped() -> None:
    async with tocsin(drafted("declared", TO_CUSTOMERS)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.close("alice")
        await harness.advance(minutes=5)
        assert await drafts(harness) == [1]
        assert await dropped(harness) == []
        assert "draft_unconfirmed" in [entry.kind for entry in await harness.timeline()]
        why = "the draft message customer-text for customers was not confirmed before the incident was resolved"
        assert {who for who, _ in of_the_unconfirmed(harness)} >= {"communication-lead", "incidents"}
        assert {reason for _, reason in of_the_unconfirmed(harness)} == {f"{why}, and still waits"}


async def test_for_a_status_page_that_shows_nothing_yet_the_draft_about_the_end_takes_the_place_of_the_first() -> None:
    page = RecordingTracker("status")
    async with tocsin(status_page(), trackers=(page,)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=5)
        assert await drafts(harness) == [2]
        assert await dropped(harness) == ["draft 1 dropped: status (draft 2 takes its place)"]
        assert any("waits for your confirmation" in why for _, _, why in harness.reminders()[1:])
        assert of_the_unconfirmed(harness) == [], "the new draft tells of itself"


async def test_only_the_notice_of_the_end_is_told_if_it_replaces_a_draft_of_another_action_for_the_page() -> None:
    page = RecordingTracker("status")
    at_the_end = msgspec.convert(
        {"at": ["resolved"], "verb": "tracker", "what": "status", "confirm": True}, PlaybookAction
    )
    async with tocsin(
        drafted("updated", {"verb": "tracker", "what": "status"}), at_the_end, trackers=(page,)
    ) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(UpdatePosted(by=ALICE, text="half of it works"))
        await harness.close("alice")
        await harness.advance(seconds=1)
        assert await drafts(harness) == [2]
        assert of_the_unconfirmed(harness) == []


async def test_a_status_page_that_is_confirmed_after_the_resolve_is_closed_at_once() -> None:
    page = RecordingTracker("status")
    async with tocsin(status_page(), trackers=(page,)) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=5)
        await harness.say(Confirmed(by=ALICE, draft=2, text="It was down, and is over."))
        await harness.advance(minutes=1)
        assert [one.job for one in page.sent] == [Job.TICKET_OPEN, Job.TICKET_CLOSE]
        assert await drafts(harness) == []


async def test_people_are_told_that_an_automation_was_dropped_with_the_resolve() -> None:
    async with tocsin(drafted("flagged", FAILOVER, when=["data_breach"])) as harness:
        await harness.fire(alertname="Down", severity="SEV-1", breach="yes")
        await harness.close("alice")
        await harness.advance(seconds=1)
        assert {why for _, why in of_the_unconfirmed(harness)} == {
            "the run of automation failover was not confirmed before the incident was resolved, and is dropped"
        }


async def test_only_the_newer_draft_is_told_if_the_resolve_replaces_the_older() -> None:
    action = msgspec.convert({"at": ["declared", "resolved"], "confirm": True, **TO_CUSTOMERS}, PlaybookAction)
    async with tocsin(action) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.close("alice")
        await harness.advance(seconds=1)
        assert await drafts(harness) == [2]
        assert of_the_unconfirmed(harness) == []
