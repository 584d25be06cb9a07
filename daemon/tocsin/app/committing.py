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
from pathlib import Path

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


class GivenClock:
    """`ports.clock.Clock` that says what the daemon's clock said when it sent the batch."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        """See `ports.clock.Clock`."""
        return self.at


class Committing:
    """Commits batches, one after the other."""

    def __init__(self, path: Path) -> None:
        self._clock = GivenClock()
        self._writer = SqliteWriter(path, self._clock, Compiler(SQLiteDialect_pysqlite()), Shared())
        self._writer.open()
        self._policy: Policy | None = None

    def serve(self, link: socket.socket) -> None:
        """Answer every batch until the other side closes the socket."""
        frames.send(link, Kind.READY)
        while True:
            kind, body = frames.receive(link)
            if kind is Kind.POLICY:
                self._policy = frames.policy_of(body)
                continue
            try:
                done = self._commit(frames.decode_batch(body))
            except Exception as error:  # noqa: BLE001 - whatever it was, the daemon tries it again itself
                frames.send(link, Kind.FAILED, repr(error).encode(errors="replace"))
            else:
                frames.send(link, Kind.DONE, frames.encode(done))

    def _commit(self, batch: Batch) -> Committed:
        policy = self._policy
        if policy is None:
            raise LookupError("a batch came before its policy")
        self._clock.at = batch.now

        def work(tx: Transaction) -> Work:
            changes = Work(tx, policy)
            intake.Batch(changes, lambda: new_id(batch.now)).take(batch.pairs)
            changes.finish()
            return changes

        return committed(self._writer.write(work))


def main() -> None:
    """Serve the socket on standard input."""
    # Ctrl-C and systemd speak to the whole group; the daemon says when it is over, by closing the socket.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    committing = Committing(Path(sys.argv[1]))
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
    with contextlib.suppress(frames.Gone, OSError):
        committing.serve(socket.socket(fileno=0))
    os._exit(0)  # at once: who comes next waits for the lock


if __name__ == "__main__":
    main()
