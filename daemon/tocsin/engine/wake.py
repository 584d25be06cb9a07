"""Hints from commits to the loops of this process."""

import asyncio


class LocalWake:
    """Implements the wake port with two events. Set on the loop's own thread."""

    def __init__(self) -> None:
        self.outbox_event = asyncio.Event()
        self.timers_event = asyncio.Event()

    def outbox(self) -> None:
        """Rows were written to the outbox."""
        self.outbox_event.set()

    def timers(self) -> None:
        """An incident's ``due_at`` has changed."""
        self.timers_event.set()
