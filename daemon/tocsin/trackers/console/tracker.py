"""The console tracker: prints ticket jobs as the console channel prints pages."""

from typing import TextIO

from msgspec import structs

from tocsin.channels.console.channel import ConsoleChannel
from tocsin.channels.console.printed import Printed
from tocsin.channels.console.settings import ConsoleSettings
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers import words


class ConsoleTracker:
    """A tracker that stores no tickets: the incident's number serves as the ticket's."""

    kind = "console"

    def __init__(self, name: str, stream: TextIO, printed: Printed | None = None) -> None:
        self.name = name
        self._console = ConsoleChannel(name, ConsoleSettings(), stream, printed)

    async def start(self) -> None:
        """Make ready to write."""
        await self._console.start()

    async def send(self, content: Content) -> Receipt:
        """Write it."""
        text = words.body(content) if content.update else content.text
        receipt = await self._console.send(structs.replace(content, target=self.name, text=text))
        if receipt.outcome is Outcome.SENT and content.job is Job.TICKET_OPEN:
            shown = f"{self.name}-{content.number}"
            return structs.replace(receipt, ref=f"{shown} {shown}")
        return receipt

    def words(self, content: Content) -> Words:
        """Return the text that would be sent."""
        return words.preview(content)

    async def close(self) -> None:
        """Release the stream."""
        await self._console.close()
