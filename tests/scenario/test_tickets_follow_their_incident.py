"""A ticket is opened once, updated and closed with its incident, and reopened with it."""

import msgspec
import pytest

from scenario import emergency
from tocsin.core.content.page import Content, ItemDetails
from tocsin.core.duration import DAY
from tocsin.core.incident.event import Actor, Declare, ItemAdded, ItemDone, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction, TicketState, Verb
from tocsin.core.playbook.playbook import Playbook
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker
from tocsin.trackers import words

ALICE = Actor("alice", "api")


def tracked(at: tuple[str, ...] = ("opened", "updated", "resolved"), **more: object) -> PlaybookAction:
    return msgspec.convert({"at": at, "verb": Verb.TRACKER, "what": "jira", **more}, PlaybookAction)


def doing(*actions: PlaybookAction) -> Playbook:
    return msgspec.structs.replace(emergency.shipped(), actions=actions)


def tocsin(*actions: PlaybookAction, tracker: RecordingTracker) -> Harness:
    return emergency.tocsin(playbook=doing(*actions), trackers=(tracker,))


def jobs(tracker: RecordingTracker) -> list[Job]:
    return [content.job for content in tracker.sent]


async def kinds(harness: Harness) -> list[str]:
    return [entry.kind for entry in await harness.timeline() if "ticket" in entry.kind]


@pytest.fixture
def jira() -> RecordingTracker:
    return RecordingTracker("jira")


async def test_from_the_opening_to_the_close(jira: RecordingTracker) -> None:
    async with tocsin(tracked(), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.advance(seconds=1)
        assert jobs(jira) == [Job.TICKET_OPEN]
        [ticket] = (await harness.incident()).acting.tickets
        assert (ticket.shown, ticket.url, ticket.state) == ("#1", "https://tickets.example.com/1", TicketState.OPEN)
        await harness.say(UpdatePosted(by=ALICE, text="half of it works"))
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=5)
        assert jobs(jira) == [Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_CLOSE]
        assert {content.ticket.ref for content in jira.sent[1:]} == {"1"}
        assert await kinds(harness) == ["ticket_asked", "ticket", "ticket_closed"]


async def test_a_recurrence_continues_in_the_same_ticket(jira: RecordingTracker) -> None:
    async with tocsin(tracked(), tracker=jira) as harness:
        for _ in range(2):
            await harness.fire(alertname="Down", severity="SEV-1")
            await harness.advance(minutes=1)
            await harness.resolve(alertname="Down", severity="SEV-1")
            await harness.advance(minutes=5)
        assert jobs(jira) == [Job.TICKET_OPEN, Job.TICKET_CLOSE, Job.TICKET_UPDATE, Job.TICKET_CLOSE]
        [ticket] = (await harness.incident()).acting.tickets
        assert ticket.state is TicketState.CLOSED


async def test_a_new_severity_updates_the_ticket_without_a_comment(jira: RecordingTracker) -> None:
    async with tocsin(tracked(), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-2")
        await harness.advance(seconds=1)
        await harness.set_severity("SEV-1")
        await harness.advance(seconds=1)
        last = jira.sent[-1]
        assert (last.job, last.severity, last.because, last.text) == (Job.TICKET_UPDATE, "SEV-1", "", None)
        assert last.severities == ("SEV-1", "SEV-2", "SEV-3", "SEV-4")


async def test_a_tracker_that_is_down_gets_it_all_in_order_once_it_is_back(jira: RecordingTracker) -> None:
    down = Receipt(Outcome.RETRY, Reason.CONNECTION, "nobody there")
    works = jira.answer
    jira.answer = lambda _: down
    async with tocsin(tracked(), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(UpdatePosted(by=ALICE, text="half of it works"))
        await harness.advance(minutes=20)
        assert len(harness.pages()) == 2, "no page waits for a ticket"
        jira.answer = works
        await harness.advance(minutes=3)
        assert jobs(jira) == [Job.TICKET_OPEN, Job.TICKET_COMMENT]


async def test_a_permanent_refusal_by_a_tracker_is_in_the_timeline_and_retried_later(jira: RecordingTracker) -> None:
    works = jira.answer
    jira.answer = lambda _: Receipt(Outcome.PERMANENT, Reason.AUTH, "401")
    async with tocsin(tracked(), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.advance(seconds=1)
        assert await kinds(harness) == ["ticket_asked", "ticket_refused"]
        jira.answer = works
        await harness.say(UpdatePosted(by=ALICE, text="half of it works"))
        await harness.advance(seconds=1)
        assert jobs(jira) == [Job.TICKET_OPEN]


@pytest.mark.parametrize("labels", [{"tocsin_drill": "true"}, {"heal": "first"}, {"quiet": "yes"}])
async def test_an_incident_without_notifications_needs_no_ticket(
    jira: RecordingTracker, labels: dict[str, str]
) -> None:
    async with tocsin(tracked(), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1", **labels)
        await harness.advance(minutes=1)
        await harness.resolve(alertname="Down", severity="SEV-1", **labels)
        await harness.advance(minutes=10)
        assert jira.sent == []


async def test_what_was_never_ticketed_is_not_ticketed_at_its_end(jira: RecordingTracker) -> None:
    async with tocsin(tracked(("declared", "resolved")), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=10)
        assert jira.sent == []


async def test_a_message_may_wait_for_the_number_of_the_ticket(jira: RecordingTracker) -> None:
    told = msgspec.convert(
        {"at": ["ticketed"], "verb": "message", "what": "with-number", "to": ["incidents"]}, PlaybookAction
    )
    async with tocsin(tracked(), told, tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=1)
        told_at = [entry.kind for entry in await harness.timeline() if entry.kind in ("ticket", "told")]
        assert told_at == ["ticket", "told"]
        assert len(harness.messages()) == 1


async def test_two_answers_to_one_question_open_one_ticket(jira: RecordingTracker) -> None:
    """No answer came, and the second attempt says that it may be a repetition: the tracker looks first."""
    offered: list[Content] = []

    def once_lost(content: Content) -> Receipt:
        offered.append(content)
        if len(offered) == 1:
            return Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, "no answer")
        return Receipt(Outcome.SENT, ref="7 #7")

    jira.answer = once_lost
    async with tocsin(tracked(), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=2)
        assert [content.possible_duplicate for content in offered] == [False, True]
        assert {content.key for content in offered} == {offered[0].key}


async def test_declared_later_it_says_so_in_the_ticket_that_there_is(jira: RecordingTracker) -> None:
    async with tocsin(tracked(("opened", "declared")), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALICE))
        await harness.advance(seconds=1)
        assert [content.because for content in jira.sent] == ["it was opened", "it was declared"]
        assert jobs(jira) == [Job.TICKET_OPEN, Job.TICKET_COMMENT]


async def test_an_action_item_has_a_ticket_of_its_own_which_is_closed_when_it_is_done(jira: RecordingTracker) -> None:
    async with tocsin(tracked(), tracked(("item",)), tracker=jira) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.advance(seconds=1)
        await harness.close()
        due_at = harness.clock.now() + 7 * DAY
        await harness.say(ItemAdded(by=ALICE, text="An alert that comes sooner", kind="immediate", owner="bob"))
        await harness.advance(seconds=1)
        opened = jira.sent[-1]
        assert (opened.job, opened.ticket.about) == (Job.TICKET_OPEN, "item-1")
        assert opened.because == "action item 1: An alert that comes sooner"
        assert opened.item == ItemDetails(("bob",), due_at)
        text = words.body(opened)
        assert text is not None
        assert "- Owner: bob\n- Due: 2026-11-27 12:00 UTC" in text.plain
        await harness.say(ItemDone(by=ALICE, number=1))
        await harness.advance(seconds=1)
        assert (jira.sent[-1].job, jira.sent[-1].ticket.about) == (Job.TICKET_CLOSE, "item-1")
        tickets = {ticket.about: ticket.state for ticket in (await harness.incident()).acting.tickets}
        assert tickets == {"": TicketState.CLOSED, "item-1": TicketState.CLOSED}
