"""One transaction of the engine: work, commit, and only then what the world is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tocsin.core.playbook import SECOND
from tocsin.engine.apply import Work
from tocsin.engine.figures import Figures
from tocsin.engine.policy import Live
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Observer
from tocsin.ports.store import Store, Transaction
from tocsin.ports.wake import Wake

T = TypeVar("T")


class Committed(msgspec.Struct, frozen=True):
    """What the world is to be told of a transaction, once it is committed."""

    figures: Figures
    enqueued: int
    """Rows written to the outbox."""
    sooner: int
    """Incidents that are due earlier than before."""


def committed(changes: Work) -> Committed:
    """What is to be told of these changes."""
    return Committed(changes.figures, changes.enqueued, changes.sooner)


@dataclass(frozen=True)
class Committer:
    """Runs work on incidents in one transaction, then tells the observer and wakes the loops."""

    store: Store
    live: Live
    observer: Observer
    wake: Wake
    clock: Clock

    async def commit(self, op: str, do: Callable[[Work], T], *, timed: bool = False) -> T:
        """Run ``do`` and commit what it changed.

        ``op`` names the work in the metrics. ``timed``: it is what had become
        due, so lateness means something.

        Raises:
            StoreUnavailable: It could not be committed now; nothing was written.
        """
        policy = self.live.policy

        def work(tx: Transaction) -> tuple[Work, T]:
            changes = Work(tx, policy, timed=timed)
            result = do(changes)
            changes.finish()
            return changes, result

        began = self.clock.now()
        changes, result = await self.store.write(work)
        self.tell(op, began, committed(changes))
        return result

    def tell(self, op: str, began: int, done: Committed) -> None:
        """Tell the observer of a commit that took from ``began`` to now, and wake the loops that it has work for."""
        self.observer.observe("store_transaction_seconds", (self.clock.now() - began) / SECOND, op=op)
        done.figures.tell(self.observer)
        if done.enqueued:
            self.wake.outbox()
        if done.sooner:
            self.wake.timers()
