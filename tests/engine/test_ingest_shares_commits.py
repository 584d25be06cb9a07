"""Concurrent webhooks share commits; excess ones are refused; each gets its own outcome."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from msgspec.structs import replace

from scenario import emergency
from tocsin.conf.settings import WebhookSettings
from tocsin.core.alerts.alert import Alert, AlertStatus, EpisodeStatus
from tocsin.core.alerts.quarantine import single
from tocsin.core.errors import Overloaded, StoreUnavailable
from tocsin.engine.intake.ingest import Ingest
from tocsin.ports.store import IncidentFilter, Transaction
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

T = TypeVar("T")


class GatedStore(MemoryStore):
    """Counts its commits, and lets none begin before it may."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.commits = 0
        self.gate = asyncio.Event()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self.gate.wait()
        self.commits += 1
        return await super().write(work)


class Full(MemoryStore):
    """Refuses quarantine; ``refused`` alerts break whatever transaction they are in."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def checked(tx: Transaction) -> T:
            result = work(tx)
            if tx.latest_episodes([("default", "bad")]) or tx.quarantined():
                raise ValueError("a defect")
            return result

        return await super().write(checked)


class OutOfMemory(MemoryStore):
    """Has no memory for a transaction where a test says so."""

    has_memory = True

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if not self.has_memory:
            raise MemoryError
        return await super().write(work)


def alerts(tocsin: Harness, *names: str) -> list[Alert]:
    return [tocsin.alert(AlertStatus.FIRING, {"alertname": name, "severity": "SEV-1"}) for name in names]


def together(tocsin: Harness, count: int, name: str) -> list[Alert]:
    """Alerts of one incident: cheaper than as many incidents."""
    labels = {"severity": "SEV-4", "team": "team"}
    return [tocsin.alert(AlertStatus.FIRING, {**labels, "alertname": f"{name}{number}"}) for number in range(count)]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def limited(tocsin: Harness, **limits: int) -> Ingest:
    ids = iter(range(1000))
    return Ingest(
        tocsin.dispatcher._committer,
        tocsin.clock,
        tocsin.alarm,
        new_id=lambda: f"id-{next(ids)}",
        limits=WebhookSettings().model_copy(update=limits),
    )


async def test_what_gathers_while_a_commit_runs_goes_into_the_next_one(clock: VirtualClock) -> None:
    store = GatedStore(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        takes = [asyncio.ensure_future(tocsin.ingest.take(alerts(tocsin, f"a{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        assert not any(take.done() for take in takes)
        store.gate.set()
        await asyncio.gather(*takes)
        assert store.commits == 1


async def test_a_commit_takes_at_most_its_share_and_the_answer_waits_for_the_last(clock: VirtualClock) -> None:
    store = GatedStore(clock)
    store.gate.set()
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        await limited(tocsin, commit_alerts=10).take(alerts(tocsin, *(f"a{n}" for n in range(35))))
        assert store.commits == 4
        assert len(await store.read(lambda tx: tx.latest_episodes([a.key for a in alerts(tocsin, "a0", "a34")]))) == 2


async def test_more_than_may_wait_is_refused_whole_and_taken_once_there_is_room(clock: VirtualClock) -> None:
    store = GatedStore(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        ingest = limited(tocsin, max_queue=3, commit_alerts=1)
        first = asyncio.ensure_future(ingest.take(alerts(tocsin, "a", "b", "c", "d")[:3]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="2 alerts wait"):
            await ingest.take(alerts(tocsin, "e", "f"))
        store.gate.set()
        await first
        await ingest.take(alerts(tocsin, "e", "f"))
        assert len(await store.read(lambda tx: tx.open_counts())) == 1


async def test_a_part_of_a_large_webhook_is_not_refused_for_a_full_queue(clock: VirtualClock) -> None:
    store = GatedStore(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        ingest = limited(tocsin, max_queue=1, commit_alerts=1)
        waiting = asyncio.ensure_future(ingest.take(alerts(tocsin, "a", "b", "c")))
        await asyncio.sleep(0)
        part = asyncio.ensure_future(ingest.take(alerts(tocsin, "d", "e"), is_part=True))
        store.gate.set()
        await asyncio.gather(waiting, part)
        assert await store.read(lambda tx: len(tx.incidents(IncidentFilter()))) == 5


async def test_others_get_their_turn_while_very_many_alerts_are_judged(clock: VirtualClock) -> None:
    async with emergency.tocsin(clock=clock) as tocsin:
        many = asyncio.ensure_future(tocsin.ingest.take(alerts(tocsin, *(f"a{n}" for n in range(5000)))))
        await asyncio.sleep(0)
        await tocsin.ingest.take(alerts(tocsin, "b"))
        assert not many.done()
        await many


@pytest.mark.parametrize("others", [20, 350])
async def test_a_resolve_does_not_overtake_the_large_webhook_in_which_its_alert_fires(others: int) -> None:
    async with emergency.tocsin() as tocsin:
        (firing,) = alerts(tocsin, "x")
        resolved = replace(firing, status=AlertStatus.RESOLVED, ends_at=tocsin.clock.now() + 1)
        again = replace(firing, starts_at=tocsin.clock.now() + 2)
        large = [*together(tocsin, others, "a"), firing]
        order: list[str] = []

        async def take(name: str, *taken: Alert) -> None:
            await tocsin.ingest.take(taken)
            order.append(name)

        await asyncio.gather(
            take("large", *large),
            take("resolved", resolved, *alerts(tocsin, "y")),
            take("other", *alerts(tocsin, "z")),
            take("resolved again", replace(resolved, ends_at=tocsin.clock.now() + 3), again),
        )
        (latest,) = (await tocsin.store.read(lambda tx: tx.latest_episodes([firing.key]))).values()
        assert latest.status is EpisodeStatus.FIRING
        assert latest.episode == 2
        assert order.index("large") < order.index("resolved") < order.index("resolved again")
        if others > 100:
            assert order[0] == "other"


async def test_what_is_judged_counts_as_waiting(clock: VirtualClock) -> None:
    async with emergency.tocsin(clock=clock) as tocsin:
        ingest = limited(tocsin, max_queue=1000)
        takes = [ingest.take(together(tocsin, 300, f"{n}-")) for n in range(9)]
        results = await asyncio.gather(*takes, return_exceptions=True)
        assert [type(result) for result in results] == [type(None)] * 3 + [Overloaded] * 6
        await ingest.take(together(tocsin, 900, "b"))


async def test_a_sender_that_goes_while_its_alerts_are_judged_leaves_no_trace(clock: VirtualClock) -> None:
    async with emergency.tocsin(clock=clock) as tocsin:
        ingest = limited(tocsin, max_queue=300)
        many = together(tocsin, 250, "a")
        gone = asyncio.ensure_future(ingest.take(many))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await ingest.take(many)


async def test_what_can_neither_be_placed_nor_kept_is_left_to_the_sender_and_the_others_are_taken(
    clock: VirtualClock,
) -> None:
    store = Full(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        bad = Alert("default", "bad", AlertStatus.FIRING, {"alertname": "Bad", "severity": "SEV-1"})
        good, refused = await asyncio.gather(
            tocsin.ingest.take(alerts(tocsin, "good")), tocsin.ingest.take([bad]), return_exceptions=True
        )
        assert good is None
        assert isinstance(refused, StoreUnavailable)
        assert (await tocsin.incident()).title == "good (shop)"


async def test_without_memory_no_alert_is_put_aside_for_it_and_the_loop_hears_of_it(clock: VirtualClock) -> None:
    store = OutOfMemory(clock)
    handed_over: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: handed_over.append(context["exception"]))
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        store.has_memory = False
        with pytest.raises(StoreUnavailable):
            await tocsin.ingest.take(alerts(tocsin, "a", "b"))
        store.has_memory = True
        assert await store.read(lambda tx: tx.quarantined()) == []
    assert [type(error) for error in handed_over] == [MemoryError]


async def test_what_the_edge_could_not_read_is_kept_and_reported(clock: VirtualClock) -> None:
    async with emergency.tocsin(clock=clock) as tocsin:
        item = single("eu", "{}", "no labels", clock.now())
        await tocsin.ingest.take(alerts(tocsin, "good"), [item])
        await tocsin.settle()
        assert await tocsin.store.read(lambda tx: tx.quarantined()) == [item]
        assert (await tocsin.incident("2")).title == "Alerts from eu cannot be processed, so no one is paged for them"


async def test_a_cancelled_sender_does_not_take_its_alert_back(clock: VirtualClock) -> None:
    store = GatedStore(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        (alert,) = alerts(tocsin, "a")
        gone = asyncio.ensure_future(tocsin.ingest.take([alert]))
        stays = asyncio.ensure_future(tocsin.ingest.take(alerts(tocsin, "b")))
        await asyncio.sleep(0)
        gone.cancel()
        store.gate.set()
        await stays
        assert alert.key in await store.read(lambda tx: tx.latest_episodes([alert.key]))


async def test_a_webhook_larger_than_the_queue_is_taken_when_nothing_waits() -> None:
    async with emergency.tocsin() as tocsin:
        ingest = limited(tocsin, max_queue=2, commit_alerts=1)
        await ingest.take(alerts(tocsin, "a", "b", "c"))
        assert await tocsin.store.read(lambda tx: len(tx.incidents(IncidentFilter()))) == 3
