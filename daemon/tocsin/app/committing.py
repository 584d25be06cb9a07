"""The commit process: ``python -m tocsin.app.committing DATABASE``, started by the daemon (`app/commit_process`).

The process reads batches of evaluated alerts from its standard input, which is a
socket, commits each batch in one transaction and reports the outcome. It makes no
decisions: the daemon retries a failed batch itself. The process ends when the daemon
ends, however that happens, because the socket is then closed. Until then it shares
the lock of the file with the daemon, so that no other daemon opens a file to which a
batch is still being written.
"""

import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from queue import Queue, SimpleQueue
from threading import Event, Lock, Thread

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from tocsin.app import frames
from tocsin.app.frames import EncodedBatch, FrameKind
from tocsin.app.ids import new_id
from tocsin.engine.change.commit import Committed, committed
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.intake import batch as intake
from tocsin.ports.store import Transaction
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sql.reader import Shared
from tocsin.store.sqlite.writer import SqliteWriter

YOUNG = 50_000
"""Number of allocations between two garbage collections of the youngest generation, as in `app/lifecycle`."""
TURN = 0.0005
"""Thread switch interval in seconds: a thread that waits for the disk must not be delayed by one that computes."""
AHEAD = 2
"""Number of batches that are read ahead."""


class GivenClock:
    """`ports.clock.Clock` that returns the daemon's time at which it sent the batch."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        """See `ports.clock.Clock`."""
        return self.at


class Committing:
    """Committer of batches, one after the other.

    There are three threads, because most of a commit does not need the interpreter:
    while one thread is inside SQLite, another reads the next batch, and a third waits
    for the disk.
    """

    def __init__(
        self, writer: SqliteWriter, clock: GivenClock, link: socket.socket, end: Callable[[int], object] = os._exit
    ) -> None:
        """Create a committer with the writer's ``clock``; ``end`` ends the process immediately with an exit status."""
        self._end = end
        self._writer = writer
        self._clock = clock
        self._link = link
        self._policy: Policy | None = None
        self._batches = Queue[Policy | EncodedBatch | Exception](AHEAD)
        self._idle = Event()
        """Set while the committing thread waits or is inside SQLite: the reading thread may use the interpreter."""
        self._answers = SimpleQueue[tuple[FrameKind, bytes]]()
        self._counting = Lock()
        self._unanswered = 0
        """Number of answers that the answering thread has not sent yet."""

    def serve(self) -> None:
        """Answer every batch until the other side closes the socket."""
        frames.send(self._link, FrameKind.READY)
        Thread(target=self._read, daemon=True).start()
        Thread(target=self._answer_later, daemon=True).start()
        while True:
            self._idle.set()
            message = self._batches.get()
            self._idle.clear()
            if isinstance(message, Policy):
                self._policy = message
                continue
            try:
                result = self._commit(message)
            except Exception as error:  # noqa: BLE001 - the daemon retries a failed batch itself
                self._answer(FrameKind.FAILED, repr(error).encode(errors="replace"))
            else:
                self._answer(FrameKind.DONE, frames.encode(result))

    def _answer(self, kind: FrameKind, body: bytes) -> None:
        """Answer a batch once its commit is on disk: in this thread if no other batch waits, else in the other one."""
        if self._batches.empty() and not self._unanswered:
            self._sync_and_send([(kind, body)])
        else:
            with self._counting:
                self._unanswered += 1
            self._answers.put((kind, body))

    def _sync_and_send(self, answers: list[tuple[FrameKind, bytes]]) -> None:
        try:
            self._writer.sync()
            for kind, body in answers:
                frames.send(self._link, kind, body)
        except OSError:
            self._end(1)  # the daemon commits unanswered batches itself

    def _read(self) -> None:
        with contextlib.suppress(frames.Gone, OSError):
            while True:
                kind, body = frames.receive(self._link)
                self._idle.wait()
                try:
                    self._batches.put(frames.policy_of(body) if kind is FrameKind.POLICY else frames.batch_of(body))
                except Exception as error:  # noqa: BLE001 - the answer reports the error
                    self._batches.put(error)
        self._end(0)  # at once: the next daemon waits for the lock

    def _answer_later(self) -> None:
        while True:
            answers = [self._answers.get()]
            while not self._answers.empty():
                answers.append(self._answers.get())
            self._sync_and_send(answers)
            with self._counting:
                self._unanswered -= len(answers)

    def _commit(self, batch: EncodedBatch | Exception) -> Committed:
        if isinstance(batch, Exception):
            raise batch
        policy = self._policy
        if policy is None:
            raise LookupError("received a batch before its policy")
        self._clock.at = batch.now

        def take(tx: Transaction) -> UnitOfWork:
            uow = UnitOfWork(tx, policy)
            intake.Batch(uow, lambda: new_id(batch.now), received=batch.received).take(batch.pairs)
            uow.finish()
            self._idle.set()
            return uow

        return committed(self._writer.write(take))


def main() -> None:
    """Serve the socket on standard input."""
    # Ctrl-C and systemd signal the whole process group. The daemon ends this process by closing the socket.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    clock = GivenClock()
    writer = SqliteWriter(Path(sys.argv[1]), clock, Compiler(SQLiteDialect_pysqlite()), Shared(), syncs_later=True)
    writer.open()
    committing = Committing(writer, clock, socket.socket(fileno=0))
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(TURN)
    gc.set_threshold(YOUNG, 20, 50)
    committing.serve()


if __name__ == "__main__":
    main()
