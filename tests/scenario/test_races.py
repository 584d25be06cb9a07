"""Concurrent changes: the version that each saw decides, and messages already on their way are corrected."""

import asyncio

import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import ON_CALL, kinds, reached_by
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.content.page import Content
from tocsin.core.incident.event import Actor
from tocsin.core.incident.outbox import Job, RowState
from tocsin.ports.channel import Outcome, Receipt
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

DOWN = {"alertname": "Down", "severity": "SEV-1"}
ALICE, BOB = Actor("alice", "slack"), Actor("bob", "pagerduty")


class SlowChannel(RecordingChannel):
    """A provider that answers when it is allowed to."""

    def __init__(self, name: str = "pager", *, keyed: bool = True) -> None:
        super().__init__(name, keyed=keyed)
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def send(self, content: Content) -> Receipt:
        self.asked.set()
        await self.may_answer.wait()
        return await super().send(content)


def with_pager(store: NewStore, clock: VirtualClock, pager: RecordingChannel) -> Harness:
    people = reached_by(pager, on_call_engineer="first")
    return emergency.tocsin(store=store(clock), clock=clock, people=people, channels=[pager])


async def on_its_way(tocsin: Harness, pager: SlowChannel) -> None:
    """An alert has fired, and its page is with the provider, who has not answered."""
    await tocsin.ingest.take([tocsin.alert(AlertStatus.FIRING, DOWN)])
    await tocsin.dispatcher.run_once()
    async with asyncio.timeout(30):
        await pager.asked.wait()


async def test_acknowledged_while_its_page_is_on_its_way_the_page_is_acknowledged_after_it(
    new_store: NewStore,
) -> None:
    pager = SlowChannel()
    async with with_pager(new_store, VirtualClock(), pager) as tocsin:
        await on_its_way(tocsin, pager)
        await tocsin.respond.acknowledge("1", ALICE)
        pager.may_answer.set()
        await tocsin.settle()
        assert [content.job for content in pager.sent] == [Job.PAGE, Job.ACKNOWLEDGE]
        assert pager.sent[1].about == pager.sent[0].key
        assert await emergency.wrong(tocsin) == []


async def test_resolved_while_its_page_is_on_its_way_the_page_is_resolved_after_it(new_store: NewStore) -> None:
    pager = SlowChannel(keyed=False)
    async with with_pager(new_store, VirtualClock(), pager) as tocsin:
        await on_its_way(tocsin, pager)
        await tocsin.respond.resolve("1", ALICE)
        pager.may_answer.set()
        await tocsin.settle()
        assert [content.job for content in pager.sent] == [Job.PAGE, Job.RESOLVE]


@pytest.mark.parametrize("first", ["acknowledge", "resolve"])
async def test_an_acknowledgment_and_a_resolve_at_once_end_resolved(tocsin: Harness, first: str) -> None:
    await tocsin.fire(**DOWN)
    both = [tocsin.respond.acknowledge("1", ALICE), tocsin.respond.resolve("1", BOB)]
    await asyncio.gather(*(both if first == "acknowledge" else reversed(both)))
    await tocsin.settle()
    assert (await tocsin.incident()).state == "resolved"
    assert [kind for kind in await kinds(tocsin) if kind in ("acknowledged", "late_acknowledgment")] == [
        "acknowledged" if first == "acknowledge" else "late_acknowledgment"
    ]
    await tocsin.advance(minutes=50)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_of_two_people_at_once_one_has_it_and_both_are_named(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await asyncio.gather(tocsin.respond.acknowledge("1", ALICE), tocsin.respond.acknowledge("1", BOB))
    await tocsin.settle()
    entries = [(e.kind, e.actor) for e in await tocsin.timeline() if e.kind.startswith("acknowledged")]
    assert sorted(kind for kind, _ in entries) == ["acknowledged", "acknowledged_also"]
    assert {actor for _, actor in entries} == {"alice", "bob"}


async def test_an_alert_and_its_resolve_at_once_leave_nothing_firing(tocsin: Harness) -> None:
    firing, resolved = tocsin.alert(AlertStatus.FIRING, DOWN), tocsin.alert(AlertStatus.RESOLVED, DOWN)
    await asyncio.gather(tocsin.ingest.take([firing]), tocsin.ingest.take([resolved]))
    await tocsin.settle()
    assert (await tocsin.incident()).alerts_firing == 0


async def test_the_same_delivery_of_a_provider_twice_changes_nothing(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    first = await tocsin.respond.acknowledge("1", BOB, delivery=("pagerduty", "event-1"))
    again = await tocsin.respond.acknowledge("1", ALICE, delivery=("pagerduty", "event-1"))
    assert (first.changed, again.changed, again.note) == (True, False, "this has been received before")


async def test_a_lease_that_ran_out_is_taken_over_and_the_late_result_changes_nothing(new_store: NewStore) -> None:
    clock, slow, quick = VirtualClock(), SlowChannel(), RecordingChannel("pager", keyed=True)
    async with with_pager(new_store, clock, slow) as first:
        await on_its_way(first, slow)
        clock.advance(seconds=31)
        second = with_pager(lambda _: first.store, clock, quick)
        await second.settle()
        (page,) = [content for content in quick.sent if content.job is Job.PAGE]
        assert page.possible_duplicate
        before = await first.store.read(lambda tx: tx.outbox_row(page.key))
        slow.may_answer.set()
        await first.settle()
        after, attempts = await first.store.read(lambda tx: (tx.outbox_row(page.key), tx.attempts_of(page.key)))
        assert before is not None
        assert (before.state, before.fence, before.attempts) == (RowState.SENT, 2, 2)
        assert after == before
        assert [(attempt.attempt, attempt.fence, attempt.outcome) for attempt in attempts] == [
            (1, 1, "sent"),
            (2, 2, "sent"),
        ]
        assert (await kinds(first)).count("sent") == 1


async def test_a_page_with_an_unknown_outcome_is_closed_even_if_no_longer_needed(
    new_store: NewStore,
) -> None:
    # It was sent, the daemon died before it heard so, and meanwhile somebody had acknowledged.
    clock, slow, quick = VirtualClock(), SlowChannel(), RecordingChannel("pager", keyed=True)
    async with with_pager(new_store, clock, slow) as first:
        await on_its_way(first, slow)
        incident = await first.incident()
        rows = await first.store.read(lambda tx: tx.outbox_of(incident.id))
        [page] = [row for row in rows if row.job is Job.PAGE]
        second = with_pager(lambda _: first.store, clock, quick)
        await second.respond.acknowledge("1", Actor("alice", "api"))
        clock.advance(seconds=31)
        await second.settle()
        row = await first.store.read(lambda tx: tx.outbox_row(page.key))
        assert row is not None
        assert (row.state, row.possibly_delivered) == (RowState.SUPERSEDED, True)
        await second.close()
        told = [content.job for content in quick.sent if content.about == page.key]
        assert told == [Job.ACKNOWLEDGE, Job.RESOLVE]
        slow.may_answer.set()
        await first.settle()


async def test_a_lease_that_is_live_is_left_alone(new_store: NewStore) -> None:
    clock, slow, quick = VirtualClock(), SlowChannel(), RecordingChannel("pager", keyed=True)
    async with with_pager(new_store, clock, slow) as first:
        await on_its_way(first, slow)
        clock.advance(seconds=29)
        second = with_pager(lambda _: first.store, clock, quick)
        await second.settle()
        assert quick.tried == []
        slow.may_answer.set()
        await first.settle()
        assert len(slow.sent) == 1


async def test_both_responses_count_if_the_clock_jumps_while_a_page_is_being_sent(new_store: NewStore) -> None:
    clock, pager = VirtualClock(), SlowChannel()
    async with with_pager(new_store, clock, pager) as tocsin:
        await on_its_way(tocsin, pager)
        clock.advance(hours=1)
        await tocsin.dispatcher.run_once()
        pager.may_answer.set()
        await tocsin.settle()
        pages = [content for content in pager.sent if content.key == pager.sent[0].key]
        assert sorted(content.possible_duplicate for content in pages) == [False, True]
        row, attempts = await tocsin.store.read(lambda tx: (tx.outbox_row(pages[0].key), tx.attempts_of(pages[0].key)))
        assert row is not None
        assert row.state is RowState.SENT
        assert [attempt.outcome for attempt in attempts] == ["sent", "sent"]


async def test_a_graceful_stop_lets_what_is_on_its_way_arrive(new_store: NewStore) -> None:
    pager = SlowChannel()
    async with with_pager(new_store, VirtualClock(), pager) as tocsin:
        await on_its_way(tocsin, pager)
        stopping = asyncio.ensure_future(tocsin.dispatcher.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        pager.may_answer.set()
        await stopping
        row = await tocsin.store.read(lambda tx: tx.outbox_row(pager.sent[0].key))
        assert row is not None
        assert row.state is RowState.SENT


async def test_acknowledged_while_an_attempt_fails_there_is_no_other_attempt(new_store: NewStore) -> None:
    pager = SlowChannel()
    pager.answer = lambda content: Receipt(Outcome.RETRY if content.job is Job.PAGE else Outcome.SENT)
    async with with_pager(new_store, VirtualClock(), pager) as tocsin:
        await on_its_way(tocsin, pager)
        await tocsin.respond.acknowledge("1", ALICE)
        pager.may_answer.set()
        await tocsin.advance(minutes=5)
        assert [content.job for content in pager.tried if content.job is Job.PAGE] == [Job.PAGE]
        assert "superseded" in await kinds(tocsin)


async def test_a_fallback_during_an_attempt_notifies_once(new_store: NewStore) -> None:
    clock, pager = VirtualClock(), SlowChannel()
    pager.answer = lambda _: Receipt(Outcome.RETRY)
    pager.may_answer.set()
    async with with_pager(new_store, clock, pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(seconds=80)
        pager.may_answer.clear()
        while not tocsin.dispatcher._sending:
            clock.advance(seconds=1)
            await tocsin.dispatcher.run_once()
        assert tocsin.observer.counted("delivery_fallback_total") == 0
        clock.set(clock.start + 120_000_000)
        await tocsin.dispatcher.run_once()
        pager.may_answer.set()
        await tocsin.advance(minutes=5)
        assert tocsin.observer.counted("delivery_fallback_total") == 1


async def test_an_acknowledgment_during_an_attempt_prevents_fallbacks_and_leaves_nothing_overdue(
    new_store: NewStore,
) -> None:
    clock, pager = VirtualClock(), SlowChannel()
    pager.answer = lambda _: Receipt(Outcome.RETRY)
    pager.may_answer.set()
    async with with_pager(new_store, clock, pager) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(seconds=80)
        pager.may_answer.clear()
        while not tocsin.dispatcher._sending:
            clock.advance(seconds=1)
            await tocsin.dispatcher.run_once()
        await tocsin.respond.acknowledge("1", ALICE)
        clock.set(clock.start + 121_000_000)
        assert await tocsin.store.read(lambda tx: tx.next_overdue_at()) == clock.start + 120_000_000
        await tocsin.dispatcher.run_once()
        assert await tocsin.store.read(lambda tx: tx.next_overdue_at()) is None
        assert tocsin.observer.counted("delivery_fallback_total") == 0
        pager.may_answer.set()
        await tocsin.settle()
