"""Opening the store at startup: a migration may take long, and the previous daemon may still be stopping."""

import asyncio

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_fixed

from tocsin.app.notify import Notifier
from tocsin.core.errors import StoreHeld
from tocsin.ports.store import Store

HELD_FOR = 10.0
"""Seconds that another daemon gets to release the store."""
LOOK_EVERY = 0.25
"""Seconds between two attempts to open a store that another daemon has open."""
EXTEND_EVERY = 15.0
"""Seconds between two extensions of systemd's start timeout."""
EXTEND_BY = 60 * 1_000_000
"""Microseconds per extension: four times the interval, so that a datagram may be lost."""

_log = structlog.get_logger("tocsin.app.opening")


async def open_store(
    store: Store, notifier: Notifier, *, held_for: float = HELD_FOR, extend_every: float = EXTEND_EVERY
) -> None:
    """Open the store, and extend systemd's start timeout meanwhile.

    Raises:
        StoreHeld: Another daemon has not released the store in time.
        StoreUnavailable: The store cannot be opened.
    """
    extending = asyncio.get_running_loop().create_task(_extend(notifier, extend_every), name="extend start")
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(StoreHeld),
        stop=stop_after_delay(held_for),
        wait=wait_fixed(LOOK_EVERY),
        before_sleep=_log_first_wait,
        reraise=True,
    )
    try:
        await attempts(store.open)
    finally:
        extending.cancel()


async def _extend(notifier: Notifier, every: float) -> None:
    while True:
        notifier.extend_timeout(EXTEND_BY)
        await asyncio.sleep(every)


def _log_first_wait(state: RetryCallState) -> None:
    if state.attempt_number == 1 and state.outcome is not None:
        _log.warning("store_wait_started", error=str(state.outcome.exception()))
