"""The common parts of trackers with a JSON API."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from tocsin.channels.json_api import CallFailed, Classify, Client, text
from tocsin.channels.text import is_link
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers import words

__all__ = ["ApiTracker", "CallFailed", "Classify", "Client", "Do", "every", "text", "ticket_ref"]

Do = Callable[[Content], Awaitable[Receipt]]


class ApiTracker(ABC):
    """Base class of trackers with a JSON API. A subclass implements each job with requests of its client."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self._client = client

    @abstractmethod
    def do(self, job: Job) -> Do:
        """Do a job. May raise `CallFailed`."""

    async def start(self) -> None:
        """Open the connection pool."""
        self._client.start()

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        try:
            return await self.do(content.job)(content)
        except CallFailed as refused:
            return refused.receipt

    def words(self, content: Content) -> Words:
        """Return the text that would be sent."""
        return words.preview(content)

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()


async def every(*steps: Callable[[], Awaitable[object]]) -> Receipt:
    """Run every step of a job, even after a permanent failure; return the receipt.

    Raises:
        CallFailed: A step failed permanently (raised after the last step), or may succeed later (raised at once,
            because the whole job is retried, and a provider that asks to wait gets no further calls).
    """
    refused: CallFailed | None = None
    for step in steps:
        try:
            await step()
        except CallFailed as error:
            if error.receipt.outcome is not Outcome.PERMANENT:
                raise
            refused = refused or error
    if refused is not None:
        raise refused
    return Receipt(Outcome.SENT)


def ticket_ref(name: str, shown: str, url: str) -> Receipt:
    """Return the receipt of an opened ticket; an ambiguous one if the provider's response has no usable reference."""
    if not name or " " in name:
        return Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, "the answer does not say what was opened")
    link = url if is_link(url) else ""
    return Receipt(Outcome.SENT, ref=f"{name} {shown.replace(' ', '_')} {link}".rstrip())
