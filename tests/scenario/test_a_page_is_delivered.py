"""From the outbox to the provider: retried, ordered, withdrawn, and never silently lost."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import CTO, MANAGER, ON_CALL, VP, kinds, reached_by
from tocsin.channels.wording import remarks
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident import OPEN
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

DOWN = {"alertname": "Down", "severity": "SEV-1"}
SENT = Receipt(Outcome.SENT)
LATER = Receipt(Outcome.RETRY, Reason.SERVER_ERROR, "no")
UNKNOWN = Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT)
NEVER = Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, "no such key")

Running = Callable[..., Harness]


@pytest.fixture
def running(new_store: NewStore) -> Running:
    """A tocsin in which some persons are reached through a channel of their own."""

    def build(pager: RecordingChannel, **persons: str) -> Harness:
        clock = VirtualClock()
        people = reached_by(pager, **(persons or {"on_call_engineer": "first"}))
        return emergency.tocsin(store=new_store(clock), clock=clock, people=people, channels=[pager])

    return build


def answers(*receipts: Receipt) -> Callable[[Content], Receipt]:
    """These answers, and from then on the last of them, for pages; anything else is taken."""
    left: Iterator[Receipt] = iter(receipts[:-1])
    return lambda content: next(left, receipts[-1]) if content.job is Job.PAGE else SENT


def tried(pager: RecordingChannel, clock: VirtualClock) -> list[float]:
    """Seconds since the start of each attempt at a page."""
    return [(content.now - clock.start) / SECOND for content in pager.tried if content.job is Job.PAGE]


async def test_what_fails_is_tried_again_at_growing_distances(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER, LATER, LATER, SENT))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=1)
        assert tried(pager, tocsin.clock) == [0, 0.5, 1.5, 3.5]
        assert [content.possible_duplicate for content in pager.sent] == [False]
        assert [content.key for content in pager.tried] == [pager.sent[0].key] * 4
        assert await emergency.wrong(tocsin) == []


async def test_a_page_that_its_provider_took_late_says_how_late(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(seconds=79)
        pager.answer = lambda _: SENT
        await tocsin.advance(seconds=30)
        [page] = [content for content in pager.sent if content.job is Job.PAGE]
        assert page.late == page.now - tocsin.clock.start >= 79 * SECOND
        assert remarks(page)[0].startswith("This comes 1 min ")
        [sent] = [
            entry for entry in await tocsin.timeline() if entry.kind == "sent" and entry.data["channel"] == "pager"
        ]
        assert sent.data["late"] == page.late


async def test_a_page_that_waited_in_the_outbox_while_tocsin_was_down_says_how_late(tocsin: Harness) -> None:
    alert = tocsin.alert(AlertStatus.FIRING, DOWN)
    await tocsin.ingest.take([alert])
    tocsin.clock.advance(minutes=7)
    await tocsin.settle()
    pages = [content for content in tocsin.sent(Job.PAGE) if content.playbook == "emergency-response"]
    assert {content.late for content in pages} == {420 * SECOND}


async def test_the_fallback_time_is_that_of_the_incidents_own_plan(
    running: Running,
) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        policy = tocsin.live.policy
        longer = {
            name: msgspec.structs.replace(plan, fallback_after=3600 * SECOND) for name, plan in policy.playbooks.items()
        }
        own = msgspec.structs.replace(policy.self_playbook, fallback_after=3600 * SECOND)
        tocsin.live.policy = replace(policy, playbooks=longer, self_playbook=own)
        await tocsin.advance(minutes=5)
        told = [one for one in tocsin.console.sent if one.job is Job.PAGE and one.playbook == "emergency-response"]
        assert [(one.now - tocsin.clock.start) / SECOND for one in told if one.target == ON_CALL] == [120]


async def test_the_distance_stops_growing(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER))
    async with running(pager) as tocsin:
        await tocsin.fire(**{**DOWN, "severity": "SEV-2"})
        await tocsin.advance(minutes=25)
        moments = tried(pager, tocsin.clock)
        assert max(later - earlier for earlier, later in pairwise(moments)) == 30


async def test_the_providers_word_on_when_to_come_back_is_kept(running: Running) -> None:
    limited = Receipt(Outcome.RETRY, Reason.RATE_LIMITED, retry_after=40 * SECOND)
    pager = RecordingChannel("pager", answer=answers(limited, SENT))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=1)
        assert tried(pager, tocsin.clock) == [0, 40]


async def test_without_an_answer_it_is_tried_again_and_labelled_a_possible_duplicate(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(UNKNOWN, LATER, SENT))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=1)
        assert [content.possible_duplicate for content in pager.tried] == [False, True, True]
        assert tocsin.observer.counted("possible_duplicates_total") == 2


async def test_operators_read_how_to_call_the_person_whom_a_page_has_not_reached(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(NEVER))
    async with running(pager, on_call_engineer="+4915555550100") as tocsin:
        await tocsin.fire(**DOWN)
        trouble = next(content for content in tocsin.console.sent if content.playbook == "tocsin")
        assert trouble.summary == f"Call {ON_CALL} now at +4915555550100. Or take #1 yourself: tocsin incidents ack 1"
        assert trouble.alerts[0].annotations["description"] == "Pager refused it: no such key"


async def test_a_permanently_refused_page_goes_to_operators_with_the_reason(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(NEVER))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        pages = [content for content in tocsin.console.sent if content.job is Job.PAGE]
        page = next(content for content in pages if content.playbook == "emergency-response")
        trouble = next(content for content in pages if content.playbook == "tocsin")
        assert (page.number, page.target, page.stranded) == (1, ON_CALL, True)
        assert page.because == "new incident; pager refused the page for on-call-engineer: no such key"
        assert trouble.title == ("on-call-engineer was NOT reached by pager about #1 shop: Down (SEV-1; no one has it)")
        assert trouble.summary == "Call on-call-engineer now. Or take #1 yourself: tocsin incidents ack 1"
        assert "dead" in await kinds(tocsin)
        assert tocsin.observer.counts["pages_total", (("channel", "pager"), ("outcome", "dead"))] == 1
        await tocsin.advance(minutes=10)
        assert len(tried(pager, tocsin.clock)) == 1
        assert await emergency.wrong(tocsin) == []


async def test_a_page_that_is_given_up_is_not_called_refused(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER))
    async with running(pager) as tocsin:
        short = tocsin.live.policy.delivery.model_copy(update={"give_up_after": 60 * SECOND})
        tocsin.live.policy = replace(tocsin.live.policy, delivery=short)
        await tocsin.fire(**DOWN)
        await tocsin.advance(seconds=119)
        pages = [content for content in tocsin.console.sent if content.job is Job.PAGE]
        page = next(content for content in pages if content.playbook == "emergency-response")
        trouble = next(content for content in pages if content.playbook == "tocsin")
        given_up = f"given up after {len(tried(pager, tocsin.clock))} attempts: no"
        assert page.because == f"new incident; the page for {ON_CALL} could not be delivered: {given_up}"
        assert trouble.alerts[0].annotations["description"] == f"It was not delivered: {given_up}"


@pytest.mark.parametrize("hold_off", [None, 3600 * SECOND])
async def test_a_page_not_accepted_within_two_minutes_also_goes_to_a_fallback(
    running: Running, hold_off: int | None
) -> None:
    refusal = Receipt(Outcome.RETRY, Reason.RATE_LIMITED, retry_after=hold_off)
    pager = RecordingChannel("pager", answer=answers(refusal))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(seconds=119)
        assert tocsin.pages() == []
        await tocsin.advance(seconds=1)
        told = [c for c in tocsin.console.sent if c.job is Job.PAGE and c.playbook == "emergency-response"]
        assert [(c.target, c.stranded, c.now - tocsin.clock.start) for c in told] == [(ON_CALL, True, 120 * SECOND)]
        await tocsin.advance(minutes=10)
        assert len([c for c in tocsin.console.sent if c.job is Job.PAGE and c.playbook == "emergency-response"]) == 1
        assert tocsin.observer.counted("delivery_fallback_total") == 1
        assert await emergency.wrong(tocsin) == []


async def test_the_last_fallback_is_retried_until_an_acknowledgment(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(NEVER))
    async with running(pager) as tocsin:
        tocsin.console.answer = answers(NEVER)
        await tocsin.fire(**DOWN)
        short = tocsin.live.policy.delivery.model_copy(update={"give_up_after": 5 * 60 * SECOND})
        tocsin.live.policy = replace(tocsin.live.policy, delivery=short)
        await tocsin.advance(minutes=50)
        tocsin.console.answer = lambda _: SENT
        await tocsin.advance(minutes=2)
        pages = [content for content in tocsin.console.sent if content.job is Job.PAGE and content.stranded]
        assert "Down (shop)" in {content.title for content in pages}
        assert await emergency.wrong(tocsin) == []


async def test_the_last_fallback_ends_with_the_acknowledgment(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(NEVER))
    async with running(pager) as tocsin:
        tocsin.console.answer = answers(NEVER)
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=10)
        for incident in await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(states=OPEN))):
            await tocsin.close(incident=str(incident.number))
        before = len(tocsin.console.tried)
        await tocsin.advance(minutes=5)
        late = [content for content in tocsin.console.tried[before:] if content.job is Job.PAGE]
        assert late == []
        assert await emergency.wrong(tocsin) == []


async def test_an_acknowledgment_before_that_prevents_the_fallback(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=1)
        await tocsin.acknowledge("alice")
        attempts = len(pager.tried)
        await tocsin.advance(minutes=20)
        assert tocsin.pages() == []
        assert len(pager.tried) == attempts


@pytest.mark.parametrize("by_alerts", [True, False])
async def test_an_unsent_page_is_withdrawn_by_a_resolve_without_a_message(running: Running, by_alerts: bool) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await (tocsin.resolve(**DOWN) if by_alerts else tocsin.close("alice"))
        await tocsin.advance(minutes=30)
        rows = await tocsin.store.read(lambda tx: tx.outbox_of("incident-1"))
        assert [row.state for row in rows if row.job is Job.PAGE and row.channel == "pager"] == ["superseded"]
        assert [content for content in pager.tried if content.job is Job.RESOLVE] == []


async def test_what_may_have_arrived_is_told_of_the_acknowledgment_and_the_resolve(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(UNKNOWN))
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.acknowledge("alice")
        await tocsin.close("alice")
        key = pager.tried[0].key
        assert [(content.job, content.about) for content in pager.sent] == [(Job.ACKNOWLEDGE, key), (Job.RESOLVE, key)]


async def test_one_destination_is_served_in_order_and_does_not_hold_up_another(running: Running) -> None:
    pager = RecordingChannel("pager", answer=answers(LATER, LATER, SENT))
    async with running(pager, engineering_manager="shared", vp_engineering="shared", cto="own") as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=30)
        assert [content.target for content in pager.tried] == [MANAGER, CTO]
        await tocsin.advance(seconds=10)
        taken = [(content.target, (content.now - tocsin.clock.start) / SECOND - 1800) for content in pager.sent]
        assert [target for target, _ in taken if target != CTO] == [MANAGER, VP]


async def test_a_channel_that_raises_is_tried_again_and_the_others_flow(running: Running) -> None:
    def broken(_: Content) -> Receipt:
        raise RuntimeError("a bug in the channel")

    pager = RecordingChannel("pager", answer=broken)
    async with running(pager) as tocsin:
        await tocsin.fire(**DOWN)
        pager.answer = lambda _: SENT
        await tocsin.advance(seconds=1)
        assert tried(pager, tocsin.clock) == [0.5]
        assert pager.sent[0].possible_duplicate
        assert tocsin.sent(Job.ANNOUNCE) != []


async def test_a_target_whose_channel_is_not_configured_goes_to_the_console_marked(new_store: NewStore) -> None:
    everybody = emergency.one_person_a_target(emergency.shipped())
    lost = {ON_CALL: Person(ON_CALL, contact=Contact("pigeon", "loft")), MANAGER: Person(MANAGER)}
    clock = VirtualClock()
    people = People(persons={**everybody.persons, **lost})
    async with emergency.tocsin(store=new_store(clock), clock=clock, people=people) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=30)
        assert [(c.target, c.stranded) for c in tocsin.sent(Job.PAGE)] == [
            (ON_CALL, True),
            (ON_CALL, True),
            (MANAGER, True),
            (VP, False),
            (CTO, False),
        ]


async def test_a_channel_that_does_not_know_a_job_is_never_asked_to_do_it(running: Running) -> None:
    pager = RecordingChannel("pager", handles=frozenset({Job.PAGE, Job.RESOLVE}))
    async with running(pager, on_call_engineer="first", incidents="first") as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.acknowledge("alice")
        await tocsin.close("alice")
        assert [content.job for content in pager.tried] == [Job.PAGE, Job.RESOLVE]


@pytest.mark.parametrize("keyed", [True, False])
async def test_an_acknowledgment_and_a_resolve_are_told_by_each_key_or_once_a_target(
    running: Running, keyed: bool
) -> None:
    pager = RecordingChannel("pager", keyed=keyed)
    async with running(pager, on_call_engineer="first", engineering_manager="second") as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=45)
        pages = [content for content in pager.sent if content.job is Job.PAGE]
        assert [content.target for content in pages] == [ON_CALL, ON_CALL, MANAGER, ON_CALL]
        await tocsin.acknowledge("alice")
        # The manager's page stands until it is resolved.
        mine = [content.key for content in pages if content.target == ON_CALL]
        acknowledged = [content.about for content in pager.sent if content.job is Job.ACKNOWLEDGE]
        assert acknowledged == (mine if keyed else mine[:1])
        await tocsin.close("alice")
        resolved = [content.about for content in pager.sent if content.job is Job.RESOLVE]
        assert sorted(resolved) == sorted([content.key for content in pages] if keyed else [mine[0], pages[2].key])


async def test_the_incidents_own_message_comes_before_the_page(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    assert [content.job for content in tocsin.console.sent][:3] == [Job.ANNOUNCE, Job.HISTORY, Job.PAGE]


async def test_the_incidents_own_message_is_edited_and_its_history_is_appended_once(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=31)
    await tocsin.acknowledge("alice")
    await tocsin.close("alice")
    announced = tocsin.sent(Job.ANNOUNCE)
    assert announced[0].ref == ""
    assert len({content.ref for content in announced[1:]}) == len(announced) - 1
    appended = [entry.seq for content in tocsin.sent(Job.HISTORY) for entry in content.history]
    assert appended == list(range(1, len(appended) + 1))


async def test_a_channel_that_hangs_starves_no_other(new_store: NewStore) -> None:
    """Each channel has its own concurrency limit, and a full channel does not make the dispatcher spin."""
    released = asyncio.Event()

    class Hanging(RecordingChannel):
        async def send(self, content: Content) -> Receipt:
            self.tried.append(content)
            await released.wait()
            return SENT

    clock = VirtualClock()
    pager = Hanging("pager")
    people = reached_by(pager, on_call_engineer="first")
    tocsin = emergency.tocsin(store=new_store(clock), clock=clock, people=people, channels=[pager])
    async with tocsin:
        hands = tocsin.live.policy.delivery.concurrency
        await tocsin.ingest.take(
            [tocsin.alert(AlertStatus.FIRING, {"alertname": f"Down{n}", "severity": "SEV-1"}) for n in range(hands + 5)]
        )
        for number in (1, 2):
            await tocsin.respond.escalate(str(number), Actor("alice", "api"))
        for _ in range(10):
            await tocsin.dispatcher.run_once()
            await asyncio.sleep(0)
        assert len(pager.tried) == hands
        assert {content.target for content in tocsin.console.sent if content.job is Job.PAGE} == {MANAGER}
        assert await tocsin.dispatcher.run_once() is None, "with all hands full there is nothing to look for"
        released.set()
        await tocsin.settle()
        assert len(pager.tried) == hands + 5


async def test_a_page_does_not_wait_for_the_incidents_own_message(new_store: NewStore) -> None:
    """Slack limits updates of the message for a minute: the page behind it goes out all the same."""

    def limited(content: Content) -> Receipt:
        if content.job is Job.PAGE:
            return SENT
        return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, retry_after=60 * SECOND)

    clock = VirtualClock()
    chat = RecordingChannel("chat", answer=limited)
    people = reached_by(chat, on_call_engineer="room", incidents="room")
    async with emergency.tocsin(store=new_store(clock), clock=clock, people=people, channels=[chat]) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(seconds=2)
        assert [content.target for content in chat.sent] == [ON_CALL]
        chat.answer = lambda _: SENT
        await tocsin.advance(minutes=2)
        assert {content.job for content in chat.sent} == {Job.PAGE, Job.ANNOUNCE, Job.HISTORY}
