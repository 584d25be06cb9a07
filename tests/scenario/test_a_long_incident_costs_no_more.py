"""The cost of an alert does not grow with the number of alerts in its incident."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from scenario import emergency
from scenario.maintenance import use, window
from tocsin.core.incident.outbox import LEVEL_TRIGGERED
from tocsin.engine.workers.auditor import AT_A_TIME, ROWS_AT_A_TIME, _within_budget, facts_of
from tocsin.store.sqlite.sqlite_store import READERS, SqliteStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

EVERY = 10
"""Steps of SQLite's virtual machine between two counts."""


@contextmanager
def counted(store: SqliteStore) -> Iterator[list[int]]:
    """Count what SQLite does in the meantime: the same on every machine, however busy it is."""
    steps = [0]

    def count() -> int:
        steps[0] += EVERY
        return 0

    readers = [store._idle_readers.get() for _ in range(READERS)]
    connections = [store._writer.open(), *(reader for reader in readers if reader is not None)]
    for reader in readers:
        store._idle_readers.put(reader)
    for connection in connections:
        connection.set_progress_handler(count, EVERY)
    yield steps
    for connection in connections:
        connection.set_progress_handler(None, EVERY)


async def one_more(tocsin: Harness, number: int) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2", service="shop", instance=f"web-{number}")
    await tocsin.advance(seconds=1)


@pytest.fixture
async def tocsin(tmp_path: Path):
    clock = VirtualClock()
    chat = RecordingChannel("pager")
    harness = emergency.tocsin(store=SqliteStore(tmp_path / "tocsin.db", clock), clock=clock, channels=[chat])
    async with harness:
        yield harness


async def cost_of_one_more(tocsin: Harness, number: int) -> int:
    assert isinstance(tocsin.store, SqliteStore)
    with counted(tocsin.store) as steps:
        await one_more(tocsin, number)
    return steps[0]


async def test_the_store_does_no_more_for_its_500th_alert_than_for_its_50th(tocsin: Harness) -> None:
    for number in range(50):
        await one_more(tocsin, number)
    early = await cost_of_one_more(tocsin, 50)
    for number in range(51, 500):
        await one_more(tocsin, number)
    late = await cost_of_one_more(tocsin, 500)
    rows = await tocsin.store.read(lambda tx: tx.outbox_of("incident-1"))
    assert sum(row.job in LEVEL_TRIGGERED for row in rows) > 500
    assert (await tocsin.incident()).alerts_firing == 501
    assert late <= 1.1 * early, (early, late)


async def test_the_store_does_no_more_for_the_500th_alert_that_a_maintenance_window_hides(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    for number in range(50):
        await one_more(tocsin, number)
    early = await cost_of_one_more(tocsin, 50)
    for number in range(51, 500):
        await one_more(tocsin, number)
    late = await cost_of_one_more(tocsin, 500)
    assert tocsin.pages() == []
    assert late <= 1.1 * early, (early, late)


async def test_an_incident_of_very_many_alerts_is_checked_in_little_memory(tocsin: Harness) -> None:
    await one_more(tocsin, 0)
    [first] = await tocsin.store.read(lambda tx: tx.episodes_of("incident-1"))
    more = [msgspec.structs.replace(first, fingerprint=f"{number}") for number in range(5_000)]
    await tocsin.store.write(lambda tx: tx.put_episodes(more))
    incident = await tocsin.incident()

    tracemalloc.start()
    try:
        facts = await tocsin.store.read(lambda tx: facts_of(tx, incident))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert facts.firing == {"SEV-2": 5_001}
    assert peak < 1_000_000


async def test_a_round_of_the_auditor_reads_so_many_rows_and_goes_on_from_there(tocsin: Harness) -> None:
    for number in range(3):
        await tocsin.fire(alertname=f"Down{number}", severity="SEV-2", service=f"s{number}")
    incidents = [await tocsin.incident(str(number)) for number in (1, 2, 3)]
    large = [msgspec.structs.replace(one, alerts_total=ROWS_AT_A_TIME) for one in incidents]
    assert len(_within_budget(incidents)) == 3
    assert len(_within_budget(large)) == 1
    assert len(_within_budget(large[:1])) == 1
    assert AT_A_TIME >= 1
