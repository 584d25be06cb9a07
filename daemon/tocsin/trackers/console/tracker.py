"""The console tracker: prints what a tracker would have been asked for, as the console channel prints pages."""

from typing import TextIO

from msgspec import structs

from tocsin.channels.console.channel import ConsoleChannel
from tocsin.channels.console.settings import ConsoleSettings
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers import words


class ConsoleTracker:
    """Tickets that nobody keeps: their number is the incident's."""

    kind = "console"

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._console = ConsoleChannel(name, ConsoleSettings(), stream)

    async def start(self) -> None:
        """Make ready to write."""
        await self._console.start()

    async def send(self, content: Content) -> Receipt:
        """Write it."""
        receipt = await self._console.send(structs.replace(content, target=self.name))
        if receipt.outcome is Outcome.SENT and content.job is Job.TICKET_OPEN:
            shown = f"{self.name}-{content.number}"
            return structs.replace(receipt, ref=f"{shown} {shown}")
        return receipt

    def words(self, content: Content) -> Words:
        """Return what would be said."""
        return words.preview(content)

    async def close(self) -> None:
        """Let go of the stream."""
        await self._console.close()
