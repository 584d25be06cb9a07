import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from conformance.store.samples import (
    PLAN,
    START,
    HandClock,
    attempt,
    entry,
    episode,
    incident,
    occurrence,
    outgoing,
    plan,
    quarantined,
)
from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.errors import Conflict, StoreUnavailable
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job, RowState
from tocsin.ports.store import IncidentFilter, MessageRef, Reader, Store, Transaction


def write_everything(tx: Transaction, name: str) -> None:
    number = tx.next_numbers(1)
    tx.save_plan(plan(name))
    tx.insert_incidents([incident(number, id=name, dedup_key=name, fallback_at=START, plan=plan(name))])
    tx.put_episodes([episode(name), episode(name, source="tocsin")])
    tx.append_entries([entry(1, name)])
    tx.enqueue([outgoing(name, incident_id=name), outgoing(name + "!", incident_id=name, job=Job.ANNOUNCE)])
    tx.put_attempt(attempt(name, 1))
    tx.put_message_ref(name, "slack", "room", MessageRef(name, 1))
    tx.record_inbound("api", name)
    tx.put_heartbeat(Heartbeat(source=name, last_seen_at=START))
    tx.quarantine(quarantined(name, START), 100)
    tx.put_occurrence(occurrence(name, acknowledged_at=START, ended_at=START, resolved_at=START))
    tx.probe()
    old = f"old {name}"
    tx.insert_incidents([incident(number + 100, id=old, dedup_key=old, state=State.RESOLVED, resolved_at=START)])
    tx.append_entries([entry(1, old)])
    tx.enqueue([outgoing(old, incident_id=old)])
    tx.put_attempt(attempt(old, 1))
    tx.put_message_ref(old, "slack", "room", MessageRef(old, 1))
    tx.put_episodes(
        [episode(old, status=EpisodeStatus.RESOLVED, incident_id=which) for which in (None, old)]
        + [episode(old, 2, status=EpisodeStatus.RESOLVED, incident_id=None, last_seen_at=START)]
    )


def change_everything(tx: Transaction, name: str) -> None:
    tx.update_incidents([incident(1, id=name, dedup_key=name, state=State.RESOLVED, plan=PLAN)])
    tx.put_episodes([episode(name, incident_id="elsewhere"), episode(name, 2)])
    row = tx.outbox_row(name)
    assert row is not None
    tx.replace_row(outgoing(name, incident_id=name, state=RowState.SENT))
    assert tx.settle(outgoing(name + "!", incident_id=name, state=RowState.DEAD), 0)
    tx.put_attempt(attempt(name, 1, outcome="sent"))
    tx.put_message_ref(name, "slack", "room", MessageRef("other", 2))
    tx.forget_before(START + 1)
    assert tx.forget_incidents_before(START + 1, 1) == 1
    tx.put_occurrence(occurrence(name, counted=False))


def everything(reader: Reader) -> list[object]:
    names = ["first", "second", "old first", "old second"]
    return [
        reader.latest_episodes([(source, name) for source in ("default", "tocsin") for name in names]),
        [reader.episodes_of(incident_id) for incident_id in ("incident-1", "elsewhere")],
        reader.self_episodes(START + 1),
        [reader.incident(name) for name in names],
        reader.latest_incidents(names),
        reader.incidents(IncidentFilter()),
        [reader.due_at_of(name) for name in names],
        reader.next_due_at(),
        [(reader.entries(name), reader.outbox_of(name)) for name in names],
        [(reader.outbox_row(name), reader.attempts_of(name)) for name in names],
        [reader.message_ref(name, "slack", "room") for name in names],
        reader.next_claim_at(),
        reader.overdue_pages(),
        reader.next_overdue_at(),
        reader.heartbeats(),
        reader.quarantined(),
        reader.means("acknowledge", 0),
        reader.means("resolve", 0),
        dict(reader.open_counts()),
        dict(reader.exhausted_counts()),
        dict(reader.outbox_depth()),
    ]


def failing(*steps: Callable[[Transaction], object]) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        before = everything(tx)
        for step in steps:
            step(tx)
        assert everything(tx) != before
        raise ZeroDivisionError

    return work


@pytest.mark.parametrize(
    "steps",
    [
        [lambda tx: write_everything(tx, "second")],
        [lambda tx: change_everything(tx, "first")],
        [lambda tx: change_everything(tx, "first"), lambda tx: write_everything(tx, "second")],
    ],
)
async def test_an_exception_leaves_nothing_behind(store: Store, steps: list[Callable[[Transaction], object]]) -> None:
    await store.write(lambda tx: write_everything(tx, "first"))
    before = await store.read(everything)

    with pytest.raises(ZeroDivisionError):
        await store.write(failing(*steps))

    assert await store.read(everything) == before
    # What was rolled back can be written, and means what it meant.
    assert await store.write(lambda tx: tx.record_inbound("api", "second"))
    assert not await store.write(lambda tx: tx.record_inbound("api", "first"))
    assert await store.write(lambda tx: tx.next_numbers(1)) == 2


async def test_a_transaction_sees_what_it_has_written(store: Store) -> None:
    def work(tx: Transaction) -> list[object]:
        write_everything(tx, "first")
        return everything(tx)

    inside = await store.write(work)
    assert inside == await store.read(everything)


async def test_the_answer_of_the_work_is_the_answer_of_the_write(store: Store) -> None:
    assert await store.write(lambda _: "answer") == "answer"
    assert await store.read(lambda _: "answer") == "answer"


async def test_now_is_read_once_a_transaction(store: Store, clock: HandClock) -> None:
    def work(reader: Reader) -> tuple[int, int]:
        return (reader.now, clock.forward(5) and reader.now)

    assert await store.write(work) == (START, START)
    assert await store.read(work) == (START + 5, START + 5)


async def test_a_failure_that_the_work_swallows_is_not_committed(store: Store) -> None:
    def work(tx: Transaction) -> None:
        tx.append_entries([entry(1)])
        with suppress(Conflict):
            tx.append_entries([entry(2), entry(1)])

    with pytest.raises(Conflict):
        await store.write(work)
    assert await store.read(lambda tx: tx.entries("incident-1")) == []


async def test_writes_wait_for_each_other(store: Store) -> None:
    numbers = await asyncio.gather(*(store.write(lambda tx: tx.next_numbers(1)) for _ in range(50)))
    assert sorted(numbers) == list(range(1, 51))


async def test_a_reader_sees_all_of_a_transaction_or_nothing(store: Store) -> None:
    def both(reader: Reader) -> set[int | None]:
        return {seen and seen.version for seen in map(reader.incident, ("incident-1", "incident-2"))}

    async def writing() -> None:
        for version in range(1, 40):
            pair = [incident(1, version=version), incident(2, version=version)]
            await store.write(lambda tx, pair=pair: tx.update_incidents(pair))

    await store.write(lambda tx: tx.insert_incidents([incident(1), incident(2)]))
    writer = asyncio.create_task(writing())
    while not writer.done():
        assert len(await store.read(both)) == 1
        await asyncio.sleep(0)
    await writer
    assert await store.read(both) == {39}


async def test_what_was_committed_is_there_after_reopening(store: Store) -> None:
    await store.write(lambda tx: write_everything(tx, "first"))
    before = await store.read(everything)
    await store.close()
    await store.open()
    assert await store.read(everything) == before
    assert await store.write(lambda tx: tx.next_numbers(1)) == 2


async def test_a_closed_store_says_so_and_may_be_closed_again(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: tx.probe())
    with pytest.raises(StoreUnavailable):
        await store.read(lambda reader: reader.now)


async def test_a_plan_is_kept_once_and_shared(store: Store) -> None:
    def work(tx: Transaction) -> None:
        for _ in range(2):
            tx.save_plan(plan())
        tx.insert_incidents([incident(1, plan=plan()), incident(2, plan=plan())])

    await store.write(work)
    await store.write(lambda tx: tx.save_plan(plan()))
    found = await store.read(lambda tx: tx.incidents(IncidentFilter()))
    assert found[0].plan == plan()
    await store.close()
    await store.open()
    found = await store.read(lambda tx: tx.incidents(IncidentFilter()))
    assert [each.plan for each in found] == [plan(), plan()]


async def test_a_store_that_has_just_been_opened_has_its_reserve_and_could_read_everything(store: Store) -> None:
    assert store.has_reserve
    assert store.unreadable == frozenset()


async def test_the_probe_writes_and_may_be_repeated(store: Store) -> None:
    await store.write(lambda tx: tx.probe())
    await store.write(lambda tx: tx.probe())
    assert await store.write(lambda tx: tx.next_numbers(1)) == 1


NUL = "a\x00b"
HALF = "a\ud800b"


async def test_a_nul_survives_wherever_it_stands(store: Store) -> None:
    await store.write(lambda tx: tx.put_episodes([episode(NUL, labels={NUL: NUL})]))
    await store.write(lambda tx: tx.insert_incidents([incident(1, dedup_key=NUL, title=NUL)]))
    await store.write(lambda tx: tx.append_entries([entry(1, data={NUL: NUL}, actor=NUL)]))
    assert await store.read(lambda tx: tx.latest_episodes([("default", NUL), ("default", "a")])) == {
        ("default", NUL): episode(NUL, labels={NUL: NUL})
    }
    assert await store.read(lambda tx: tx.latest_incidents([NUL, "a"])) == {NUL: incident(1, dedup_key=NUL, title=NUL)}
    assert await store.read(lambda tx: tx.entries("incident-1")) == [entry(1, data={NUL: NUL}, actor=NUL)]


@pytest.mark.parametrize(
    "work",
    [
        lambda tx: tx.put_episodes([episode("a"), episode(HALF)]),
        lambda tx: tx.put_episodes([episode("a"), episode("b", labels={"a": HALF})]),
        lambda tx: tx.insert_incidents([incident(1), incident(2, dedup_key=HALF)]),
        lambda tx: tx.insert_incidents([incident(1, title=HALF)]),
        lambda tx: tx.append_entries([entry(1, data={"a": HALF})]),
        lambda tx: tx.append_entries([entry(1, actor=HALF)]),
        lambda tx: tx.enqueue([outgoing("a", because=HALF)]),
        lambda tx: tx.put_attempt(attempt(HALF, 1)),
        lambda tx: tx.put_message_ref("a", "b", HALF, MessageRef("", 0)),
        lambda tx: tx.record_inbound("api", HALF),
        lambda tx: tx.put_heartbeat(Heartbeat(source=HALF, last_seen_at=1)),
        lambda tx: tx.quarantine(quarantined("a", 1, body=HALF), 100),
        lambda tx: tx.put_occurrence(occurrence(HALF)),
    ],
)
async def test_half_a_surrogate_pair_is_refused_and_leaves_nothing(
    store: Store, work: Callable[[Transaction], object]
) -> None:
    before = await store.read(everything)
    with pytest.raises(UnicodeEncodeError):
        await store.write(work)
    assert await store.read(everything) == before
