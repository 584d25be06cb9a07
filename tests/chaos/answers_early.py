"""A daemon with one fault planted: it answers a webhook before the commit. The judge must catch it."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from chaos.planted import serve
from tocsin.app import build
from tocsin.core.alert import Alert
from tocsin.core.quarantine import Quarantined
from tocsin.engine.ingest import Ingest

SLOW_DISK = 1.0
"""Seconds between the answer and the commit."""


class AnswersEarly(Ingest):
    """Takes what comes without waiting for it to be stored."""

    _taken: ClassVar[set[asyncio.Task[None]]] = set()

    async def take(
        self, alerts: Sequence[Alert], quarantined: Sequence[Quarantined] = (), *, is_part: bool = False
    ) -> None:
        task = asyncio.get_running_loop().create_task(self._take(alerts, quarantined, is_part))
        self._taken.add(task)
        task.add_done_callback(self._taken.discard)

    async def _take(self, alerts: Sequence[Alert], quarantined: Sequence[Quarantined], is_part: bool) -> None:
        await asyncio.sleep(SLOW_DISK)
        await super().take(alerts, quarantined, is_part=is_part)


if __name__ == "__main__":
    build.Ingest = AnswersEarly  # type: ignore[misc]  # the fault
    serve()
