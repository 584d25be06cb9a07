"""Measurement of the event loop's turns, which delay everything else.

Measured as the processor's time of the loop's thread, which no other program makes longer.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin.app.lifecycle import YOUNG

LONGEST = 0.05
"""Seconds."""


@asynccontextmanager
async def short_turns() -> AsyncIterator[None]:
    """Expect short turns of the event loop in the meantime."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)

    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()  # all of it as the daemon does at its start: what other tests have left is not looked through again
    gc.set_threshold(YOUNG, 20, 50)
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield
        await asyncio.sleep(0)  # the turn that is going on counts as well
    finally:
        watching.cancel()
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    assert longest < LONGEST, f"a turn took {longest:.3f} s"
