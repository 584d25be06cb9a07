import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from conformance.store.samples import START, HandClock, entry, incident, outgoing
from tocsin.core.duration import MINUTE
from tocsin.core.errors import StoreLost, StoreUnavailable
from tocsin.core.incident.outbox import RowState
from tocsin.ports.store import Reader, Transaction
from tocsin.store.sqlite import connection as sqlite
from tocsin.store.sqlite.files import RESERVE_BYTES, Reserve
from tocsin.store.sqlite.sqlite_store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tocsin ?#%.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(path, HandClock())
    await opened.open()
    yield opened
    await opened.close()


async def test_the_file_keeps_what_was_promised_through_a_power_cut(store: SqliteStore) -> None:
    def pragma(name: str) -> object:
        return store._writer.open().execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2
    assert pragma("trusted_schema") == 0


async def test_a_second_daemon_is_refused_with_the_holder_of_the_lock(store: SqliteStore, path: Path) -> None:
    second = SqliteStore(path, HandClock())
    with pytest.raises(StoreUnavailable, match=rf"process {os.getpid()}\) holds the lock "):
        await second.open()
    await second.close()
    await store.write(lambda tx: tx.probe())


async def test_the_next_daemon_may_have_it_once_the_first_is_gone(store: SqliteStore, path: Path) -> None:
    await store.close()
    second = SqliteStore(path, HandClock())
    await second.open()
    await second.close()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot create the folder"):
        await SqliteStore(tmp_path / "file" / "sub" / "tocsin.db", HandClock()).open()


async def test_a_transaction_outlives_its_canceled_caller(store: SqliteStore) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(tx: Transaction) -> None:
        begun.set()
        assert go_on.wait(10)
        tx.append_entries([entry(1)])

    running = asyncio.create_task(store.write(work))
    queued = asyncio.create_task(store.write(lambda tx: tx.append_entries([entry(2)])))
    await asyncio.to_thread(begun.wait, 10)
    running.cancel()
    queued.cancel()
    assert await asyncio.gather(running, queued, return_exceptions=True) != [None, None]
    go_on.set()

    await store.write(lambda tx: tx.probe())
    assert [each.seq for each in await store.read(lambda tx: tx.entries("incident-1"))] == [1, 2]


async def test_closing_waits_for_what_runs(store: SqliteStore, path: Path) -> None:
    waiting = [asyncio.create_task(store.write(lambda tx, n=n: tx.append_entries([entry(n)]))) for n in range(1, 21)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    with sqlite3.connect(path.as_uri(), uri=True) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (20,)
    connection.close()


async def test_a_reader_keeps_its_view_while_the_writer_commits(store: SqliteStore) -> None:
    looked, go_on = threading.Event(), threading.Event()

    def work(reader: Reader) -> tuple[int, int]:
        before = len(reader.entries("incident-1"))
        looked.set()
        assert go_on.wait(10)
        return before, len(reader.entries("incident-1"))

    reading = asyncio.create_task(store.read(work))
    await asyncio.to_thread(looked.wait, 10)
    await store.write(lambda tx: tx.append_entries([entry(1)]))
    go_on.set()
    assert await reading == (0, 0)
    assert await store.read(lambda tx: len(tx.entries("incident-1"))) == 1


async def test_a_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.read(lambda reader: reader._cursor.execute("DELETE FROM entries"))  # type: ignore[attr-defined]
    assert await store.read(lambda reader: reader.entries("incident-1")) == []


def content(*paths: Path) -> list[bytes]:
    return [path.read_bytes() for path in paths]


def corrupt(path: Path, at: int, many: int = 4096) -> list[bytes]:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * many)
    return content(path)


@pytest.mark.parametrize("at", [0, 4096])
async def test_a_corrupt_file_is_refused_named_and_left_as_it_is(store: SqliteStore, path: Path, at: int) -> None:
    await store.write(lambda tx: tx.insert_incidents([incident(number) for number in range(1, 200)]))
    await store.close()
    evidence = corrupt(path, at)

    again = SqliteStore(path, HandClock())
    with pytest.raises(StoreUnavailable, match=r"(?s)tocsin .*db is corrupt .*has not changed it.*last backup"):
        await again.open()

    assert content(path) == evidence


async def test_a_log_that_was_not_written_back_is_left_with_a_corrupt_file(store: SqliteStore, path: Path) -> None:
    await store.write(lambda tx: tx.insert_incidents([incident(number) for number in range(1, 200)]))
    await store.close()
    keeper = sqlite.connect(path, "rw")
    keeper.execute("DELETE FROM incidents WHERE number > 100")
    log = path.with_name(path.name + "-wal")
    corrupt(path, 8192)
    evidence = content(path, log)
    assert evidence[1]
    with pytest.raises(StoreUnavailable):
        sqlite.check_file(path)
    assert content(path, log) == evidence
    keeper.close()


async def test_the_check_at_the_start_ends_in_time_and_says_whether_it_was_whole(
    store: SqliteStore, path: Path
) -> None:
    await store.write(lambda tx: tx.insert_incidents([incident(number) for number in range(1, 500)]))
    await store.close()
    assert sqlite.check_file(path)
    assert not sqlite.check_file(path, seconds=-1)


async def test_corruption_that_shows_later_says_what_to_do(store: SqliteStore, path: Path) -> None:
    await store.write(lambda tx: tx.insert_incidents([incident(number) for number in range(1, 500)]))
    store._writer.open().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._writer.close()
    corrupt(path, 4096, len(content(path)[0]) - 4096)
    with pytest.raises(StoreUnavailable, match="corrupt"):
        await store.write(lambda tx: [tx.incident(str(number)) for number in range(500)])


def move(path: Path, to: Path, *, leave_another: bool = False) -> None:
    path.rename(to)
    if leave_another:
        path.touch()


@pytest.mark.parametrize("deed", ["removed", "replaced"])
async def test_nothing_is_written_into_a_file_that_has_lost_its_name(store: SqliteStore, path: Path, deed: str) -> None:
    move(path, path.with_name("elsewhere"), leave_another=deed == "replaced")
    with pytest.raises(StoreLost, match="is gone" if deed == "removed" else "was replaced") as lost:
        await store.write(lambda tx: tx.probe())
    [copy] = path.parent.glob(f"{path.name}.rescued-*")
    assert lost.value.saved == f"A copy is saved in {path.parent}."
    assert lost.value.steps == (
        f"In {path.parent}: 1) stop tocsin; 2) copy {copy.name} to {path.name}; "
        f"3) remove {path.name}-wal if it exists; 4) start tocsin."
    )
    with pytest.raises(StoreUnavailable):
        await store.read(lambda reader: reader.now)
    move(path.with_name("elsewhere"), path)
    await store.write(lambda tx: tx.probe())


async def test_a_mistake_of_ours_is_not_called_unavailable(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.write(lambda tx: tx._cursor.execute("SELECT * FROM nobody"))  # type: ignore[attr-defined]
    await store.write(lambda tx: tx.probe())


async def test_a_file_that_another_program_holds_is_unavailable_until_it_lets_go(
    store: SqliteStore, path: Path
) -> None:
    other = sqlite.connect(path, "rw")
    other.execute("BEGIN IMMEDIATE")
    store._writer.open().execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.write(lambda tx: tx.probe())
    other.execute("ROLLBACK")
    other.close()
    await store.write(lambda tx: tx.probe())


async def test_a_broken_connection_is_replaced(store: SqliteStore) -> None:
    def work(tx: Transaction) -> None:
        tx.append_entries([entry(1)])
        raise failure

    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR
    broken = store._writer._connection
    with pytest.raises(StoreUnavailable, match="disk I/O"):
        await store.write(work)
    assert await store.write(lambda tx: tx.entries("incident-1")) == []
    assert store._writer._connection is not broken


async def test_nothing_waits_for_the_lease_of_a_daemon_that_is_gone(path: Path) -> None:
    clock = HandClock()
    store = SqliteStore(path, clock)
    rows = [
        outgoing("claimed", attempts=1, fence=1, lease_until=START + MINUTE),
        outgoing("ended", destination="b", attempts=2, fence=2, lease_until=START - 1),
        outgoing("free", destination="c", attempts=1, fence=1),
        outgoing("later", destination="d", not_before=START + MINUTE, lease_until=START + MINUTE),
    ]
    await store.open()
    await store.write(lambda tx: tx.enqueue(rows))
    assert [row.key for row in await store.write(lambda tx: tx.claimable(9, frozenset()))] == ["ended", "free"]
    await store.close()

    opened_at = clock.forward(5)
    await store.open()

    assert await store.read(lambda tx: tx.next_claim_at()) == START
    found = {row.key: row for row in await store.write(lambda tx: tx.claimable(9, frozenset()))}
    assert list(found) == ["claimed", "ended", "free"]
    # It has a lease still, so that whoever claims it knows that it may have been delivered.
    assert (found["claimed"].lease_until, found["claimed"].attempts, found["claimed"].fence) == (opened_at, 1, 1)
    assert (found["ended"].lease_until, found["free"].lease_until) == (START - 1, None)
    for done in ("ended", "free"):
        await store.write(lambda tx, done=done: tx.replace_row(replace(found[done], state=RowState.SENT)))
    assert await store.read(lambda tx: tx.next_claim_at()) == opened_at
    await store.close()


class Relief(Reserve):
    """A reserve whose release lets the file grow again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full: sqlite3.Connection | None = None

    def drop(self) -> bool:
        assert self.full is not None
        self.full.execute("PRAGMA max_page_count = 1000000")
        return super().drop()


def fill(tx: Transaction) -> None:
    tx.append_entries([entry(number, data={"text": "x" * 4000}) for number in range(1, 200)])


async def test_on_a_full_disk_the_reserve_is_used_and_kept_aside_again_later(tmp_path: Path) -> None:
    clock, reserve = HandClock(), Relief(tmp_path / "reserve")
    store = SqliteStore(tmp_path / "tocsin.db", clock, reserve)
    await store.open()
    assert store.has_reserve
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= RESERVE_BYTES
    reserve.full = store._writer.open()
    assert reserve.full is not None
    reserve.full.execute("PRAGMA max_page_count = 60")

    await store.write(fill)
    assert len(await store.read(lambda tx: tx.entries("incident-1"))) == 199
    assert not store.has_reserve
    clock.forward(MINUTE)
    await store.write(lambda tx: tx.probe())
    assert store.has_reserve
    await store.close()


async def test_a_disk_that_stays_full_is_unavailable_and_nothing_is_half_written(store: SqliteStore) -> None:
    store._writer.open().execute("PRAGMA max_page_count = 60")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="full"):
            await store.write(fill)
    assert await store.read(lambda tx: tx.entries("incident-1")) == []
    store._writer.open().execute("PRAGMA max_page_count = 100000")
    await store.write(fill)


def test_no_reserve_is_kept_where_it_would_take_the_last_room(tmp_path: Path) -> None:
    too_much = Reserve(tmp_path / "reserve", size=1 << 60)
    assert not too_much.make()
    assert not too_much.is_there
    assert not too_much.drop()
    assert list(tmp_path.iterdir()) == []


WRITER = """
import asyncio, sys
from pathlib import Path
from conformance.store.samples import HandClock, entry, incident
from tocsin.store.sqlite.sqlite_store import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), HandClock())
    await store.open()
    number = 0
    while True:
        number += 1
        await store.write(lambda tx: (tx.next_numbers(1), tx.insert_incidents([incident(number)]),
                                      tx.append_entries([entry(1, f"incident-{number}")])))
        print(number, flush=True)

asyncio.run(main())
"""


def write_until_killed(path: Path) -> list[int]:
    """The numbers whose commit was reported."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as child:
        assert child.stdout is not None
        numbers = (int(line) for line in child.stdout if line.strip().isdigit())
        answered = list(islice(numbers, 30))
        child.send_signal(signal.SIGKILL)
        return answered + list(numbers)


async def test_what_was_committed_survives_a_kill_and_the_lock_does_not(path: Path) -> None:
    answered = write_until_killed(path)
    store = SqliteStore(path, HandClock())
    await store.open()
    for number in answered:
        found = await store.read(lambda tx, number=number: (tx.incident(str(number)), tx.entries(f"incident-{number}")))
        assert found == (incident(number), [entry(1, f"incident-{number}")])
    following = await store.write(lambda tx: tx.next_numbers(1))
    assert following - 1 in (answered[-1], answered[-1] + 1)
    await store.close()
