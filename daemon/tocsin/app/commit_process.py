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
from collections import deque
from collections.abc import Sequence

import structlog

from tocsin.app import frames
from tocsin.app.frames import Kind
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

_NOT_INHERITED = ("TOCSIN_", "NOTIFY_", "WATCHDOG_", "LISTEN_", "CREDENTIALS_")
"""Beginnings of environment variables that are this process's own."""

_log = structlog.get_logger("tocsin.app.commit_process")


def _spawn(path: str, lock_fd: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process, and our end of the socket to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        # A batch that fits is on its way at once; of another one the rest waits for the event loop.
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        environ = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "tocsin.app.committing", path],
            stdin=theirs.fileno(),
            pass_fds=(lock_fd,),
            env=environ,
        )
    return process, ours


class _Link:
    """One process, and the socket to it. Its answers come in the order of the batches."""

    def __init__(self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.process = process
        self._reader = reader
        self._writer = writer
        self._policy: Policy | None = None
        self._asked = deque[asyncio.Future[Committed | None]]()
        self.lost = asyncio.Event()

    @classmethod
    async def start(cls, path: str, lock_fd: int) -> "_Link":
        """Start the process."""
        process, link = _spawn(path, lock_fd)
        return cls(process, *await asyncio.open_connection(sock=link))

    async def expect_ready(self) -> None:
        """Wait until it can take batches."""
        async with asyncio.timeout(START_PATIENCE):
            kind, _ = await frames.read(self._reader)
        if kind is not Kind.READY:
            raise ValueError(f"said {kind.name} first")

    async def commit(self, pairs: bytes, policy: Policy, now: int) -> Committed | None:
        """Have a batch committed; None: it says that it could not."""
        if policy is not self._policy:
            frames.write(self._writer, Kind.POLICY, frames.policy_frame(policy))
            self._policy = policy
        frames.write(self._writer, Kind.BATCH, frames.batch_frame(pairs, now))
        answer: asyncio.Future[Committed | None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        try:
            async with asyncio.timeout(BATCH_PATIENCE):
                return await answer
        except BaseException:
            # Before anybody else writes: the two must never meet in the file.
            await asyncio.to_thread(self.kill)
            raise

    async def listen(self) -> None:
        """Hand its answers on until it has ended; who waits for one then is told so."""
        try:
            while True:
                kind, body = await frames.read(self._reader)
                answer = self._asked.popleft()
                if kind is not Kind.DONE:
                    _log.warning("batch_failed_elsewhere", error=body.decode(errors="replace"))
                if not answer.done():
                    answer.set_result(frames.decode_committed(body) if kind is Kind.DONE else None)
        finally:
            self.lost.set()
            for answer in self._asked:
                if not answer.done():
                    answer.set_exception(frames.Gone())

    def end(self) -> None:
        """End it; back when it has ended."""
        try:
            self.process.wait(BATCH_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def hang_up(self) -> None:
        """Close the socket: it ends then."""
        self._writer.close()

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
            encoded = frames.encode_pairs(pairs)
        except Exception as error:  # noqa: BLE001 - the process is nothing but speed: what it cannot have is done here
            _log.warning("batch_not_handed_over", error=repr(error))
            return None
        # To its end, whether or not it is still waited for.
        return await asyncio.shield(asyncio.get_running_loop().create_task(self._hand_over(link, encoded, policy)))

    async def _hand_over(self, link: _Link, encoded: bytes, policy: Policy) -> Committed | None:
        async with self._store.stand_aside() as now:
            if link.lost.is_set():
                return None
            try:
                return await link.commit(encoded, policy, now)
            except Exception as error:  # noqa: BLE001 - see above
                # What became of the batch is not known. Taken again it changes nothing: its alerts are repetitions.
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
        link = await _Link.start(str(self._store.path), lock_fd)
        if self._closing.is_set():
            link.kill()
        self._starting = link
        listening: asyncio.Task[None] | None = None
        try:
            await link.expect_ready()
            self._starting = None
            _log.info("commit_process_ready", pid=link.process.pid)
            listening = asyncio.get_running_loop().create_task(link.listen(), name="commit process answers")
            self._link = link
            self._observer.gauge("commit_process_up", 1)
            await link.lost.wait()
        finally:
            self._starting = self._link = None
            self._observer.gauge("commit_process_up", 0)
            link.hang_up()
            await asyncio.to_thread(link.end)
            if listening is not None:
                await asyncio.gather(listening, return_exceptions=True)
