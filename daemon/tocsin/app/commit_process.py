"""Batches of alerts are committed by a process of their own, while this one reads the next webhooks.

A thread would do, and does where there is no such process; but the two would
share one interpreter, and so one processor. The process is nothing but speed:
while it is not there, or cannot, the batch is committed here.

        this process                                committing process
    webhook -> alerts -> verdicts -> batch  ------>  transaction, commit
    200 to each webhook                     <------  done

Both write the same file, in turns: a batch is handed over in the turn of this
process's writer (`SqliteStore.stand_aside`). The next one is sent while it is
busy with this one, so that it never waits.
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
BUFFER = 1 << 20

_log = structlog.get_logger("tocsin.app.commit_process")


def _spawn(path: str, lock_fd: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process, and our end of the socket to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        # A batch that fits is on its way at once; of another one the rest waits for the event loop.
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "tocsin.app.committing", path],
            stdin=theirs.fileno(),
            pass_fds=(lock_fd,),
            env=child_environment(os.environ),
        )
    return process, ours


class _Link:
    """One process, and the socket to it. Its answers come in the order of the batches."""

    def __init__(self, store: SqliteStore, lock_fd: int) -> None:
        self._store = store
        self.process, self._socket = _spawn(str(store.path), lock_fd)
        self._policy: Policy | None = None
        self._order = threading.Lock()
        self._asked = deque[Future[Committed | None]]()
        self._is_over = False
        self.lost = asyncio.Event()

    def expect_ready(self) -> None:
        """Wait until it can take batches."""
        self._socket.settimeout(START_PATIENCE)
        kind, _ = frames.receive(self._socket)
        if kind is not Kind.READY:
            raise ValueError(f"said {kind.name} first")
        self._socket.settimeout(None)

    def send(self, pairs: bytes, policy: Policy, now: int, answer: Future[Committed | None]) -> None:
        """Send a batch, in the turn that `listen` ends with its answer. From any thread."""
        with self._order:
            if self._is_over:
                self._end_of(answer)
                return
            self._asked.append(answer)
            # Who is not there any more is noticed by `listen`.
            with contextlib.suppress(OSError):
                if policy is not self._policy:
                    frames.send(self._socket, Kind.POLICY, frames.policy_frame(policy))
                    self._policy = policy
                frames.send(self._socket, Kind.BATCH, frames.batch_frame(pairs, now))

    def listen(self) -> None:
        """Hand its answers on until it has ended; who waits for one then is told so. In a thread of its own."""
        try:
            while True:
                kind, body = frames.receive(self._socket)
                answer = self._asked.popleft()
                self._store.back()
                if kind is not Kind.DONE:
                    _log.warning("batch_failed_elsewhere", error=body.decode(errors="replace"))
                answer.set_result(frames.decode_committed(body) if kind is Kind.DONE else None)
        finally:
            # Before anybody else writes: the two must never meet in the file.
            self.kill()
            with self._order:
                self._is_over = True
            for answer in self._asked:
                self._end_of(answer)

    def _end_of(self, answer: Future[Committed | None]) -> None:
        self._store.back()
        answer.set_exception(frames.Gone())

    def hang_up(self) -> None:
        """Close our side: it ends then."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Back when it has ended."""
        try:
            self.process.wait(BATCH_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._socket.close()

    def kill(self) -> None:
        """End it at once, whatever it is doing; what it had not committed is rolled back."""
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(BATCH_PATIENCE)


class CommitProcess:
    """`engine.ingest.Elsewhere` in a process that is started anew whenever it ends."""

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
            encoded = frames.encode_pairs(pairs)
        except Exception as error:  # noqa: BLE001 - the process is nothing but speed: what it cannot have is done here
            _log.warning("batch_not_handed_over", error=repr(error))
            return None
        answer = Future[Committed | None]()
        self._store.stand_aside(lambda now: link.send(encoded, policy, now, answer), answer.set_exception)
        try:
            return await self._answered(link, answer)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            # What became of the batch is not known. Taken again it changes nothing: its alerts are repetitions then.
            _log.error("commit_process_lost", error=repr(error), pid=link.process.pid)
            if self._link is link:
                self._link = None
            link.lost.set()
            return None

    async def _answered(self, link: _Link, answer: Future[Committed | None]) -> Committed | None:
        """The answer, whether or not it is still waited for; of one that takes too long the process is ended."""
        waiting = asyncio.wrap_future(answer)
        done, _ = await asyncio.wait([waiting], timeout=self._patience)
        if not done:
            await asyncio.to_thread(link.kill)
        return await waiting

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
