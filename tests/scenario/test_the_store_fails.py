"""When the store cannot be written, senders are refused, operators are paged, and nothing is lost or duplicated."""

from collections.abc import AsyncIterator

import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import ON_CALL
from scenario.unreliable import UnreliableStore
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.content.page import Content
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Receipt
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

DOWN = {"alertname": "Down", "severity": "SEV-1"}


@pytest.fixture
def store(new_store: NewStore, clock: VirtualClock) -> UnreliableStore:
    return UnreliableStore(new_store(clock))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def shaky(store: UnreliableStore, clock: VirtualClock) -> AsyncIterator[Harness]:
    async with emergency.tocsin(store=store, clock=clock) as harness:
        yield harness
        store.failing = False
        assert await emergency.wrong(harness) == []


async def refused(tocsin: Harness) -> None:
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await tocsin.ingest.take([tocsin.alert(AlertStatus.FIRING, DOWN)])


async def test_the_sender_is_refused_and_operators_are_notified_without_the_store(
    shaky: Harness, store: UnreliableStore
) -> None:
    store.failing = True
    await refused(shaky)
    await shaky.alarm.close()
    assert [(content.target, content.title) for content in shaky.console.sent] == [
        ("console", "Tocsin is DOWN on tocsin-1: it takes no new alerts and pages no one")
    ]


async def test_operators_are_notified_once_in_five_minutes(
    shaky: Harness, store: UnreliableStore, clock: VirtualClock
) -> None:
    store.failing = True
    for _ in range(60):
        await refused(shaky)
        clock.advance(seconds=10)
    await shaky.alarm.close()
    assert [(content.now - clock.start) / 60_000_000 for content in shaky.console.sent] == [0, 5]


async def test_a_channel_that_breaks_does_not_keep_the_alarm_from_failing_quietly(
    shaky: Harness, store: UnreliableStore
) -> None:
    def broken(_: Content) -> Receipt:
        raise RuntimeError("a bug in the channel")

    shaky.console.answer = broken
    store.failing = True
    await refused(shaky)
    await shaky.alarm.close()
    assert shaky.console.sent == []


async def test_the_retry_is_taken_and_after_it_a_retry_changes_nothing(shaky: Harness, store: UnreliableStore) -> None:
    alert = shaky.alert(AlertStatus.FIRING, DOWN)
    store.failing = True
    with pytest.raises(StoreUnavailable):
        await shaky.ingest.take([alert])
    store.failing = False
    await shaky.take(alert)
    await shaky.take(alert)
    pages = [content.target for content in shaky.sent(Job.PAGE) if content.playbook == "emergency-response"]
    assert pages == [ON_CALL]
    assert (await shaky.incident()).alerts_total == 1


async def test_a_step_that_could_not_be_written_fires_when_it_can(
    shaky: Harness, store: UnreliableStore, clock: VirtualClock
) -> None:
    await shaky.fire(**DOWN)
    clock.advance(minutes=15)
    store.failing = True
    with pytest.raises(StoreUnavailable):
        await shaky.timers.run_once()
    assert shaky.pages() == [(0, ON_CALL)]
    store.failing = False
    clock.advance(minutes=3)
    await shaky.settle()
    assert shaky.pages() == [(0, ON_CALL), (18, ON_CALL)]


async def test_what_was_sent_while_the_store_failed_is_settled_later_and_not_sent_twice(
    new_store: NewStore, clock: VirtualClock
) -> None:
    store = UnreliableStore(new_store(clock))

    def fails_meanwhile(content: Content) -> Receipt:
        store.failing = content.job is Job.PAGE
        return RecordingChannel().answer(content)

    pager = RecordingChannel("pager", answer=fails_meanwhile)
    people = emergency.reached_by(pager, on_call_engineer="first")
    async with emergency.tocsin(store=store, clock=clock, people=people, channels=[pager]) as tocsin:
        await tocsin.ingest.take([tocsin.alert(AlertStatus.FIRING, DOWN)])
        await tocsin.dispatcher.run_once()
        with pytest.raises(StoreUnavailable):
            await tocsin.dispatcher.wait_until_idle()
        store.failing = False
        await tocsin.advance(minutes=2)
        assert len(pager.tried) == 1
        row = await tocsin.store.read(lambda tx: tx.outbox_row(pager.sent[0].key))
        assert row is not None
        assert row.state == "sent"
