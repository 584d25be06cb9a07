"""The committing process itself: a batch that it confirms is on disk."""

import asyncio
import select
import socket
import threading
from pathlib import Path

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from app.rig import shipped
from app.test_commit_process import alerts, names
from e2e.processes import until
from tocsin.app import frames
from tocsin.app.build import build
from tocsin.app.committing import Committing, GivenClock
from tocsin.app.frames import FrameKind
from tocsin.ports.store import IncidentFilter
from tocsin.store.clock import SystemClock
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sql.reader import Shared
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.store.sqlite.writer import SqliteWriter
from tocsin.telemetry.metrics import Metrics


class SlowDisk(SqliteWriter):
    """Nothing reaches the disk before it is let."""

    def __init__(self, path: Path, clock: GivenClock) -> None:
        super().__init__(path, clock, Compiler(SQLiteDialect_pysqlite()), Shared(), syncs_later=True)
        self.let = threading.Event()

    def sync(self) -> None:
        self.let.wait()
        super().sync()


async def test_a_batch_is_answered_only_when_it_is_on_the_disk_and_the_next_is_committed_meanwhile(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "tocsin.db", SystemClock(on_jump=lambda _: None))
    await store.open()
    policy = build(shipped(), store, SystemClock(on_jump=lambda _: None), Metrics()).live.policy
    ours, theirs = socket.socketpair()
    clock = GivenClock()
    disk = SlowDisk(tmp_path / "tocsin.db", clock)
    threading.Thread(target=Committing(disk, clock, theirs, end=lambda _: None).serve, daemon=True).start()
    assert frames.receive(ours)[0] is FrameKind.READY
    frames.send(ours, FrameKind.POLICY, frames.policy_frame(policy))
    for name in ("a", "b"):
        batch = [(alert, policy.rules.evaluate(alert)) for alert in alerts(*names(name))]
        frames.send(ours, FrameKind.BATCH, frames.batch_frame(frames.encode_pairs(batch), [], 1_000_000))

    async def both_are_written() -> bool:
        incidents = await store.read(lambda tx: tx.incidents(IncidentFilter()))
        return sum(incident.alerts_total for incident in incidents) == 24

    await until(both_are_written, 10.0, "both batches are committed")
    assert select.select([ours], [], [], 0) == ([], [], []), "answered before the disk has it"
    disk.let.set()
    for _ in range(2):
        kind, _ = await asyncio.to_thread(frames.receive, ours)
        assert kind is FrameKind.DONE
    ours.close()
    disk.close()
    await store.close()


async def test_each_playbook_keeps_its_name_of_content_on_the_way_to_the_process(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tocsin.db", SystemClock(on_jump=lambda _: None))
    policy = build(shipped(), store, SystemClock(on_jump=lambda _: None), Metrics()).live.policy
    received = frames.policy_of(frames.policy_frame(policy))
    assert {name: plan.sha for name, plan in received.playbooks.items()} == {
        name: plan.sha for name, plan in policy.playbooks.items()
    }
    assert received.self_playbook.sha == policy.self_playbook.sha
