"""A daemon with a planted fault: it answers a webhook before the commit. The judge must detect it."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from chaos.planted import serve
from tocsin.app import build
from tocsin.core.alerts.alert import Alert
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.engine.intake.ingest import Ingest

SLOW_DISK = 1.0
"""Seconds between the answer and the commit."""


class AnswersEarly(Ingest):
    """Takes what comes without waiting for it to be stored."""

    _taken: ClassVar[set[asyncio.Task[None]]] = set()

    async def take(
        self,
        alerts: Sequence[Alert],
        quarantined: Sequence[Quarantined] = (),
        *,
        is_part: bool = False,
        received_at: int | None = None,
    ) -> None:
        taken = self._take_late(alerts, quarantined, is_part=is_part, received_at=received_at)
        task = asyncio.get_running_loop().create_task(taken)
        self._taken.add(task)
        task.add_done_callback(self._taken.discard)

    async def _take_late(
        self, alerts: Sequence[Alert], quarantined: Sequence[Quarantined], *, is_part: bool, received_at: int | None
    ) -> None:
        await asyncio.sleep(SLOW_DISK)
        await super().take(alerts, quarantined, is_part=is_part, received_at=received_at)


if __name__ == "__main__":
    build.Ingest = AnswersEarly  # type: ignore[misc]  # the fault
    serve()
