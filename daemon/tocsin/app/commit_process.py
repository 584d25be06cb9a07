"""A second process that commits batches of alerts while this one reads the next webhooks.

Without the second process a thread commits, but the two threads share one
interpreter and therefore one processor. The second process only adds speed: while it
is unavailable, this process commits the batches.

        this process                                committing process
    webhook -> alerts -> verdicts -> batch  ------>  transaction, commit
    200 to each webhook                     <------  done

The two processes write the same file, in turns: a batch is handed over during the turn
of this process's writer (`SqliteStore.lend_writer`). The next batch is sent while the
second process commits the current one, so that it never waits.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

import structlog

from tocsin.app import frames
from tocsin.app.child_environment import child_environment
from tocsin.app.frames import FrameKind
from tocsin.core.errors import StoreUnavailable
from tocsin.engine.change.commit import Committed
from tocsin.engine.change.policy import Policy
from tocsin.engine.intake.batch import Classified, Receipts
from tocsin.ports.observer import Observer
from tocsin.store.sqlite.sqlite_store import SqliteStore

START_PATIENCE = 60.0
"""Seconds that the process gets to become ready."""
BATCH_PATIENCE = 10.0
"""Seconds that a batch may take. After that, the process is killed and the batch is committed here."""
AGAIN_AFTER = 10.0
"""Seconds between the end of a process and the start of the next one."""
BUFFER = 1 << 20
"""Size of the send buffer of the socket to the process, in bytes."""

_log = structlog.get_logger("tocsin.app.commit_process")


def _spawn(path: str, lock_fd: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the process; return it and our end of the socket to it."""
    ours, others = socket.socketpair()
    with others:
        # A batch that fits into the buffer is sent at once; the rest of a larger one waits for the event loop.
        for end in (ours, others):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "tocsin.app.committing", path],
            stdin=others.fileno(),
            pass_fds=(lock_fd,),
            env=child_environment(os.environ),
        )
    return process, ours


class _Link:
    """A commit process and the socket to it. The answers come in the order of the batches."""

    def __init__(self, store: SqliteStore, lock_fd: int) -> None:
        self._store = store
        self.process, self._socket = _spawn(str(store.path), lock_fd)
        self._policy: Policy | None = None
        self._order = threading.Lock()
        self._pending = deque[Future[Committed | None]]()
        self._has_ended = False
        self.lost = asyncio.Event()

    def expect_ready(self) -> None:
        """Wait until the process can take batches."""
        self._socket.settimeout(START_PATIENCE)
        kind, _ = frames.receive(self._socket)
        if kind is not FrameKind.READY:
            raise ValueError(f"expected READY first, got {kind.name}")
        self._socket.settimeout(None)

    def send(
        self, pairs: bytes, received: Receipts, policy: Policy, now: int, answer: Future[Committed | None]
    ) -> None:
        """Send a batch during a turn, which `listen` ends when the answer comes. May be called from any thread."""
        with self._order:
            if self._has_ended:
                self._fail(answer)
                return
            self._pending.append(answer)
            # `listen` notices if the process has ended.
            with contextlib.suppress(OSError):
                if policy is not self._policy:
                    frames.send(self._socket, FrameKind.POLICY, frames.policy_frame(policy))
                    self._policy = policy
                frames.send(self._socket, FrameKind.BATCH, frames.batch_frame(pairs, received, now))

    def listen(self) -> None:
        """Set the answers until the process has ended, then fail the pending ones. Runs in its own thread."""
        try:
            while True:
                kind, body = frames.receive(self._socket)
                answer = self._pending.popleft()
                self._store.writer_returned()
                if kind is not FrameKind.DONE:
                    _log.warning("commit_process_batch_failed", error=body.decode(errors="replace"))
                answer.set_result(frames.decode_committed(body) if kind is FrameKind.DONE else None)
        finally:
            # Kill the process before anyone else writes: two processes must never write the file at the same time.
            self.kill()
            with self._order:
                self._has_ended = True
            for answer in self._pending:
                self._fail(answer)

    def _fail(self, answer: Future[Committed | None]) -> None:
        self._store.writer_returned()
        answer.set_exception(frames.Gone())

    def hang_up(self) -> None:
        """Shut down the socket, so that the process ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Wait until the process has ended, and kill it if that takes too long."""
        try:
            self.process.wait(BATCH_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._socket.close()

    def kill(self) -> None:
        """Kill the process immediately; an uncommitted transaction is rolled back."""
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(BATCH_PATIENCE)


class CommitProcess:
    """`engine.intake.ingest.OtherCommitter` in a process that is restarted whenever it ends."""

    def __init__(
        self,
        store: SqliteStore,
        observer: Observer,
        again_after: float = AGAIN_AFTER,
        patience: float = BATCH_PATIENCE,
    ) -> None:
        self._store = store
        self._observer = observer
        self._again_after = again_after
        self._patience = patience
        self._link: _Link | None = None
        self._starting: _Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Process id while the process can take batches, else None."""
        return self._link.process.pid if self._link is not None else None

    def start(self) -> None:
        """Start the process in the background; the store must be open."""
        self._observer.gauge("commit_process_up", 0)
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="commit process")

    async def close(self) -> None:
        """End the process for good. Call this when no more batches are handed over."""
        self._closing.set()
        for link in (self._starting, self._link):
            if link is not None:
                link.lost.set()
        if self._starting is not None:
            self._starting.kill()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def commit(self, pairs: Sequence[Classified], received: Receipts, policy: Policy) -> Committed | None:
        """See `engine.intake.ingest.OtherCommitter`."""
        link = self._link
        if link is None:
            return None
        try:
            # Encoded before the writer's turn, while the process still commits the previous batch.
            encoded = frames.encode_pairs(pairs)
        except Exception as error:  # noqa: BLE001 - a batch that cannot be handed over is committed here
            _log.warning("batch_not_handed_over", error=repr(error))
            return None
        answer = Future[Committed | None]()
        self._store.lend_writer(lambda now: link.send(encoded, received, policy, now, answer), answer.set_exception)
        try:
            return await self._answered(link, answer)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            # The outcome of the batch is unknown. Committing it again is safe: its alerts are then repetitions.
            _log.error("commit_process_lost", error=repr(error), pid=link.process.pid)
            if self._link is link:
                self._link = None
            link.lost.set()
            return None

    async def _answered(self, link: _Link, answer: Future[Committed | None]) -> Committed | None:
        """Return the answer; kill the process if that takes too long. A canceled caller leaves the answer intact."""
        future = asyncio.wrap_future(answer)
        done, _ = await asyncio.wait([future], timeout=self._patience)
        if not done:
            await asyncio.to_thread(link.kill)
        return await future

    async def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                await self._run_one()
            except Exception as error:  # noqa: BLE001 - the next round retries
                if not self._closing.is_set():
                    _log.error("commit_process_start_failed", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._again_after)

    async def _run_one(self) -> None:
        lock_fd = self._store.lock_fd
        if lock_fd is None:
            return
        self._starting = link = _Link(self._store, lock_fd)
        listening: asyncio.Future[None] | None = None
        try:
            await asyncio.to_thread(link.expect_ready)
            self._starting = None
            _log.info("commit_process_ready", pid=link.process.pid)
            listening = asyncio.ensure_future(asyncio.to_thread(link.listen))
            listening.add_done_callback(lambda _: link.lost.set())
            self._link = link
            self._observer.gauge("commit_process_up", 1)
            await link.lost.wait()
        finally:
            self._starting = self._link = None
            self._observer.gauge("commit_process_up", 0)
            link.hang_up()
            if listening is not None:
                await asyncio.gather(listening, return_exceptions=True)
            await asyncio.to_thread(link.end)
