"""The committing process: ``python -m tocsin.app.committing DATABASE``, started by the daemon (`app/commit_process`).

It takes batches of judged alerts from its standard input, which is a socket,
commits each in one transaction and says so. It decides nothing of its own:
what fails here is tried again by the daemon. It ends when the daemon does,
however that ends, because then the socket is closed; until then it shares the
lock of the file with the daemon, so that no other one takes over a file to
which a batch is still being written.
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
from tocsin.app.frames import Batch, Kind
from tocsin.app.ids import new_id
from tocsin.engine import intake
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committed, committed
from tocsin.engine.policy import Policy
from tocsin.ports.store import Transaction
from tocsin.store.dialect import Compiler
from tocsin.store.reader import Shared
from tocsin.store.writer import SqliteWriter

YOUNG = 50_000
"""See `app/lifecycle`: objects made before the collector looks at the young ones."""
TURN = 0.0005
"""Seconds after which the thread that computes lets another one go on: who only waits for the disk must not be late."""
AHEAD = 2
"""Batches that are read ahead."""


class GivenClock:
    """`ports.clock.Clock` that says what the daemon's clock said when it sent the batch."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        """See `ports.clock.Clock`."""
        return self.at


class Committing:
    """Commits batches, one after the other.

    Three threads, because most of a commit is not this interpreter's work:
    while one is inside SQLite another reads the next batch, and a third waits
    for the disk.
    """

    def __init__(
        self, writer: SqliteWriter, clock: GivenClock, link: socket.socket, end: Callable[[int], object] = os._exit
    ) -> None:
        """``clock`` is the writer's; ``end`` ends the process at once, with a status."""
        self._end = end
        self._writer = writer
        self._clock = clock
        self._link = link
        self._policy: Policy | None = None
        self._batches = Queue[Policy | Batch | Exception](AHEAD)
        self._idle = Event()
        """The interpreter has nothing better to do than to read: the thread that commits is inside SQLite, or waits."""
        self._answers = SimpleQueue[tuple[Kind, bytes]]()
        self._counting = Lock()
        self._unanswered = 0
        """Answers that the other thread has not sent yet."""

    def serve(self) -> None:
        """Answer every batch until the other side closes the socket."""
        frames.send(self._link, Kind.READY)
        Thread(target=self._read, daemon=True).start()
        Thread(target=self._answer_later, daemon=True).start()
        while True:
            self._idle.set()
            given = self._batches.get()
            self._idle.clear()
            if isinstance(given, Policy):
                self._policy = given
                continue
            try:
                done = self._commit(given)
            except Exception as error:  # noqa: BLE001 - whatever it was, the daemon tries it again itself
                self._answer(Kind.FAILED, repr(error).encode(errors="replace"))
            else:
                self._answer(Kind.DONE, frames.encode(done))

    def _answer(self, kind: Kind, body: bytes) -> None:
        """Say what became of a batch, once what it wrote is on the disk: here, where nothing else is to be done."""
        if self._batches.empty() and not self._unanswered:
            self._say([(kind, body)])
        else:
            with self._counting:
                self._unanswered += 1
            self._answers.put((kind, body))

    def _say(self, answers: list[tuple[Kind, bytes]]) -> None:
        try:
            self._writer.sync()
            for kind, body in answers:
                frames.send(self._link, kind, body)
        except OSError:
            self._end(1)  # the daemon takes again whatever was not answered

    def _read(self) -> None:
        with contextlib.suppress(frames.Gone, OSError):
            while True:
                kind, body = frames.receive(self._link)
                self._idle.wait()
                try:
                    self._batches.put(frames.policy_of(body) if kind is Kind.POLICY else frames.batch_of(body))
                except Exception as error:  # noqa: BLE001 - the answer says so
                    self._batches.put(error)
        self._end(0)  # who comes next waits for the lock

    def _answer_later(self) -> None:
        while True:
            answers = [self._answers.get()]
            while not self._answers.empty():
                answers.append(self._answers.get())
            self._say(answers)
            with self._counting:
                self._unanswered -= len(answers)

    def _commit(self, batch: Batch | Exception) -> Committed:
        if isinstance(batch, Exception):
            raise batch
        policy = self._policy
        if policy is None:
            raise LookupError("a batch came before its policy")
        self._clock.at = batch.now

        def work(tx: Transaction) -> Work:
            changes = Work(tx, policy)
            intake.Batch(changes, lambda: new_id(batch.now)).take(batch.pairs)
            changes.finish()
            self._idle.set()
            return changes

        return committed(self._writer.write(work))


def main() -> None:
    """Serve the socket on standard input."""
    # Ctrl-C and systemd speak to the whole group; the daemon says when it is over, by closing the socket.
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
