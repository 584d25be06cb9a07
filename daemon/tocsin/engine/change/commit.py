"""A transaction of the engine: change, commit, then update metrics and wake workers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tocsin.core.duration import SECOND
from tocsin.engine.change.figures import Figures
from tocsin.engine.change.policy import Live
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Observer
from tocsin.ports.store import Store, Transaction
from tocsin.ports.wake import Wake

T = TypeVar("T")


class Committed(msgspec.Struct, frozen=True):
    """The results of a committed transaction: metrics to report, and hints for the workers."""

    figures: Figures
    enqueued: int
    """Number of rows written to the outbox."""
    is_sooner: bool
    """True if an incident is due earlier than before."""


def committed(uow: UnitOfWork) -> Committed:
    """Return the results of these changes, to be reported after the commit."""
    return Committed(uow.figures, uow.enqueued, uow.is_sooner)


@dataclass(frozen=True)
class Committer:
    """The runner of transactions that change incidents: after the commit, it updates metrics and wakes workers."""

    store: Store
    live: Live
    observer: Observer
    wake: Wake
    clock: Clock

    async def commit(self, op: str, do: Callable[[UnitOfWork], T], *, timed: bool = False) -> T:
        """Run ``do`` and commit its changes.

        ``op`` is the operation's name in the metrics. ``timed``: the operation
        carries out due work, so its lateness is measured.

        Raises:
            StoreUnavailable: The commit failed; nothing was written.
        """
        policy = self.live.policy
        began = self.clock.now()

        def change(tx: Transaction) -> tuple[UnitOfWork, T]:
            uow = UnitOfWork(tx, policy, timed=timed, since=began)
            result = do(uow)
            uow.finish()
            return uow, result

        uow, result = await self.store.write(change)
        self.tell(op, began, committed(uow))
        return result

    def tell(self, op: str, began: int, done: Committed) -> None:
        """Update the metrics after a commit that began at ``began``, and wake the workers that have new work."""
        self.observer.observe("store_transaction_seconds", (self.clock.now() - began) / SECOND, op=op)
        done.figures.tell(self.observer)
        if done.enqueued:
            self.wake.outbox()
        if done.is_sooner:
            self.wake.timers()
