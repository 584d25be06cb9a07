"""Batches of alerts are committed by a process of their own, while this one reads the next webhooks.

A thread would do, and does where there is no such process; but the two would
share one interpreter, and so one processor. The process is nothing but speed:
while it is not there, or cannot, the batch is committed here.

        this process                                committing process
    webhook -> alerts -> verdicts -> batch  ------>  transaction, commit
    200 to each webhook                     <------  done

Both write the same file, in turns: a batch is handed over in the turn of this
process's writer (`SqliteStore.stand_aside`).
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import structlog

from tocsin.app import frames
from tocsin.app.frames import Kind
from tocsin.core.errors import StoreUnavailable
from tocsin.engine.commit import Committed
from tocsin.engine.intake import Classified
from tocsin.engine.policy import Policy
from tocsin.ports.observer import Observer
from tocsin.store.engine import SqliteStore

START_PATIENCE = 60.0
"""Seconds until it must be ready."""
BATCH_PATIENCE = 10.0
"""Seconds that one batch may take: then the process is ended, and the batch committed here."""
AGAIN_AFTER = 10.0
"""Seconds after which one that has ended is replaced."""
LOOK_EVERY = 1.0
"""Seconds between two looks at whether it lives."""
BUFFER = 1 << 20

_NOT_INHERITED = ("TOCSIN_", "NOTIFY_", "WATCHDOG_", "LISTEN_", "CREDENTIALS_")
"""Beginnings of environment variables that are this process's own."""

_log = structlog.get_logger("tocsin.app.commit_process")


class _Link:
    """One process, and the socket to it."""

    def __init__(self, path: str, lock_fd: int) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            for end in (self._socket, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            environ = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
            self.process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "tocsin.app.committing", path],
                stdin=theirs.fileno(),
                pass_fds=(lock_fd,),
                env=environ,
            )
        self._policy: Policy | None = None
        self.lost = asyncio.Event()

    def expect_ready(self) -> None:
        """Wait until it can take batches."""
        self._socket.settimeout(START_PATIENCE)
        kind, _ = frames.receive(self._socket)
        if kind is not Kind.READY:
            raise ValueError(f"said {kind.name} first")
        self._socket.settimeout(BATCH_PATIENCE)

    def commit(self, pairs: bytes, policy: Policy, now: int) -> Committed | None:
        """Have a batch committed; None: it says that it could not."""
        try:
            if policy is not self._policy:
                frames.send(self._socket, Kind.POLICY, frames.policy_frame(policy))
                self._policy = policy
            frames.send(self._socket, Kind.BATCH, frames.batch_frame(pairs, now))
            kind, body = frames.receive(self._socket)
        except BaseException:
            # Before anybody else writes: the two must never meet in the file.
            self.kill()
            raise
        if kind is Kind.DONE:
            return frames.decode_committed(body)
        _log.warning("batch_failed_elsewhere", error=body.decode(errors="replace"))
        return None

    def end(self) -> None:
        """End it; back when it has ended."""
        self._socket.close()
        try:
            self.process.wait(BATCH_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, whatever it is doing; what it had not committed is rolled back."""
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(BATCH_PATIENCE)


class CommitProcess:
    """`engine.ingest.Elsewhere` in a process that is started anew whenever it ends."""

    def __init__(self, store: SqliteStore, observer: Observer, again_after: float = AGAIN_AFTER) -> None:
        self._store = store
        self._observer = observer
        self._again_after = again_after
        self._link: _Link | None = None
        self._starting: _Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Of the process, while it can take batches."""
        return self._link.process.pid if self._link is not None else None

    def start(self) -> None:
        """Have it started, without waiting; the store must be open."""
        self._observer.gauge("commit_process_up", 0)
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="commit process")

    async def close(self) -> None:
        """End it, once nothing is handed over any more; it is not started again."""
        self._closing.set()
        for link in (self._starting, self._link):
            if link is not None:
                link.lost.set()
        if self._starting is not None:
            self._starting.kill()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def commit(self, pairs: Sequence[Classified], policy: Policy) -> Committed | None:
        """See `engine.ingest.Elsewhere`."""
        link = self._link
        if link is None:
            return None
        try:
            # Here, and not in the writer's turn: meanwhile the process commits the batch before.
            encoded = frames.encode(pairs)
        except Exception as error:  # noqa: BLE001 - the process is nothing but speed: what it cannot have is done here
            _log.warning("batch_not_handed_over", error=repr(error))
            return None
        try:
            return await self._store.stand_aside(partial(link.commit, encoded, policy))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            # What became of the batch is not known. Taken again it changes nothing: its alerts are repetitions then.
            _log.error("commit_process_lost", error=repr(error), pid=link.process.pid)
            if self._link is link:
                self._link = None
            link.lost.set()
            return None

    async def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                await self._run_one()
            except Exception as error:  # noqa: BLE001 - see above: tried again
                if not self._closing.is_set():
                    _log.error("commit_process_cannot_start", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._again_after)

    async def _run_one(self) -> None:
        lock_fd = self._store.lock_fd
        if lock_fd is None:
            return
        self._starting = link = _Link(str(self._store.path), lock_fd)
        try:
            await asyncio.to_thread(link.expect_ready)
            self._starting = None
            _log.info("commit_process_ready", pid=link.process.pid)
            self._link = link
            self._observer.gauge("commit_process_up", 1)
            while link.process.poll() is None and not link.lost.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(link.lost.wait(), LOOK_EVERY)
        finally:
            self._starting = self._link = None
            self._observer.gauge("commit_process_up", 0)
            await asyncio.to_thread(link.end)
