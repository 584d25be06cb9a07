"""A page says how late it is, whatever made it late: it counts from when tocsin received the alert or was due."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from scenario import emergency
from scenario.emergency import MANAGER, ON_CALL
from scenario.unreliable import UnreliableStore
from tocsin.channels.wording import remarks
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.outbox import Job
from tocsin.engine.intake import receipts
from tocsin.ports.store import Transaction
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

T = TypeVar("T")


class LockedStore(MemoryStore):
    """Lets no transaction begin while it is locked."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.unlocked = asyncio.Event()
        self.unlocked.set()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self.unlocked.wait()
        return await super().write(work)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(clock: VirtualClock) -> LockedStore:
    return LockedStore(clock)


@pytest.fixture
async def tocsin(store: LockedStore, clock: VirtualClock) -> AsyncIterator[Harness]:
    async with emergency.tocsin(store=store, clock=clock) as harness:
        yield harness


def firing(tocsin: Harness, name: str = "Down", **labels: str) -> Alert:
    return tocsin.alert(AlertStatus.FIRING, {"alertname": name, "severity": "SEV-1", **labels})


def pages(tocsin: Harness, target: str = ON_CALL) -> list[Content]:
    return [page for page in tocsin.sent(Job.PAGE) if page.target == target and not page.is_own]


async def wait_a_minute(tocsin: Harness, store: LockedStore, *waiting: Alert) -> None:
    """Receive these alerts while the store is locked; it is unlocked after a minute."""
    store.unlocked.clear()
    take = asyncio.ensure_future(tocsin.ingest.take(waiting))
    await asyncio.sleep(0)
    tocsin.clock.advance(minutes=1)
    store.unlocked.set()
    await take
    await tocsin.settle()


async def test_an_alert_that_waited_for_the_store_says_so(tocsin: Harness, store: LockedStore) -> None:
    await wait_a_minute(tocsin, store, firing(tocsin))
    [page] = pages(tocsin)
    assert page.late == MINUTE
    assert "This comes 1 min late." in remarks(page)


async def test_an_alert_that_came_in_time_says_nothing_though_it_shares_a_commit_with_one_that_waited(
    tocsin: Harness, store: LockedStore
) -> None:
    store.unlocked.clear()
    first = asyncio.ensure_future(tocsin.ingest.take([firing(tocsin, "Holds")]))
    await asyncio.sleep(0)
    early = asyncio.ensure_future(tocsin.ingest.take([firing(tocsin, "Early")]))
    await asyncio.sleep(0)
    tocsin.clock.advance(minutes=1)
    just_now = asyncio.ensure_future(tocsin.ingest.take([firing(tocsin, "JustNow")]))
    await asyncio.sleep(0)
    store.unlocked.set()
    await asyncio.gather(first, early, just_now)
    await tocsin.settle()
    assert {page.title.partition(" ")[0]: page.late for page in pages(tocsin)} == {
        "Holds": MINUTE,
        "Early": MINUTE,
        "JustNow": 0,
    }


async def test_a_higher_severity_that_waited_says_so(tocsin: Harness, store: LockedStore) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-3", team="web")
    await tocsin.advance(minutes=1)
    await wait_a_minute(tocsin, store, firing(tocsin, "Worse", team="web"))
    assert pages(tocsin)[-1].late == MINUTE


async def test_an_alert_that_an_automation_may_heal_says_so_after_its_time(tocsin: Harness, store: LockedStore) -> None:
    await wait_a_minute(tocsin, store, firing(tocsin, heal="first"))
    assert pages(tocsin) == []
    await tocsin.advance(minutes=2)
    assert [page.late for page in pages(tocsin)] == [MINUTE]
    assert (await tocsin.incident()).ladder_state is None


async def test_a_later_tier_is_as_punctual_as_ever(tocsin: Harness, store: LockedStore) -> None:
    await wait_a_minute(tocsin, store, firing(tocsin))
    await tocsin.advance(minutes=30)
    assert [page.late for page in pages(tocsin, MANAGER)] == [0]


async def test_a_persons_request_that_waited_for_the_store_says_so(tocsin: Harness, store: LockedStore) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    store.unlocked.clear()
    asked = asyncio.ensure_future(tocsin.escalate())
    await asyncio.sleep(0)
    tocsin.clock.advance(minutes=1)
    store.unlocked.set()
    await asked
    assert [page.late for page in pages(tocsin, MANAGER)] == [MINUTE]


# An event loop that stood still: the clock goes on, and nothing that is due is done.


async def test_the_end_of_an_automations_time_that_came_late_says_so(tocsin: Harness, clock: VirtualClock) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1", heal="first")
    clock.advance(minutes=3)
    await tocsin.settle()
    assert [page.late for page in pages(tocsin)] == [MINUTE]


async def test_the_end_of_a_snooze_that_came_late_says_so(tocsin: Harness, clock: VirtualClock) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.snooze(10)
    clock.advance(minutes=11)
    await tocsin.settle()
    assert pages(tocsin)[-1].late == MINUTE


# A store that refuses: the sender repeats the webhook.


async def refuse(tocsin: Harness, alert: Alert, *, minutes: float) -> None:
    """Refuse an alert every 20 seconds for some minutes."""
    for _ in range(round(minutes * 3)):
        with pytest.raises(StoreUnavailable):
            await tocsin.ingest.take([alert])
        tocsin.clock.advance(seconds=20)


@pytest.fixture
async def refusing(clock: VirtualClock) -> AsyncIterator[tuple[Harness, UnreliableStore]]:
    store = UnreliableStore(MemoryStore(clock))
    async with emergency.tocsin(store=store, clock=clock) as harness:
        store.failing = True
        yield harness, store


async def test_an_alert_that_was_refused_at_first_counts_from_then(refusing: tuple[Harness, UnreliableStore]) -> None:
    tocsin, store = refusing
    alert = firing(tocsin)
    await refuse(tocsin, alert, minutes=1)
    store.failing = False
    await tocsin.take(alert)
    assert [page.late for page in pages(tocsin)] == [MINUTE]


async def test_a_later_episode_of_a_refused_alert_is_not_late(refusing: tuple[Harness, UnreliableStore]) -> None:
    tocsin, store = refusing
    await refuse(tocsin, firing(tocsin), minutes=1)
    store.failing = False
    await tocsin.take(firing(tocsin))
    assert [page.late for page in pages(tocsin)] == [0]


async def test_what_was_refused_long_ago_is_another_failure(refusing: tuple[Harness, UnreliableStore]) -> None:
    tocsin, store = refusing
    alert = firing(tocsin)
    await refuse(tocsin, alert, minutes=1)
    tocsin.clock.advance(minutes=11)
    store.failing = False
    await tocsin.take(alert)
    assert [page.late for page in pages(tocsin)] == [0]


def test_no_sender_can_make_tocsin_remember_more_than_its_limit(tocsin: Harness) -> None:
    refused = receipts.RefusedAlerts()
    many = [firing(tocsin, f"Down{number}") for number in range(receipts.KNOWN + 10)]
    refused.note(many, 0)
    refused.note(many, SECOND)
    assert len(refused._refused) == receipts.KNOWN
    refused.note(many[-1:], 20 * MINUTE)
    assert len(refused._refused) == 1
