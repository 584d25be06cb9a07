"""The common parts of trackers with a JSON API."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from tocsin.channels.json_api import Classify, Client, Refused, text
from tocsin.channels.text import is_link
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers import words

__all__ = ["ApiTracker", "Classify", "Client", "Do", "Refused", "every", "text", "ticket_ref"]

Do = Callable[[Content], Awaitable[Receipt]]


class ApiTracker(ABC):
    """What trackers with a JSON API have in common. A kind says what each job is, in calls of its client."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self._client = client

    @abstractmethod
    def do(self, job: Job) -> Do:
        """How a job is done; it may raise `Refused`."""

    async def start(self) -> None:
        """Open the connection pool."""
        self._client.start()

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        try:
            return await self.do(content.job)(content)
        except Refused as refused:
            return refused.receipt

    def words(self, content: Content) -> Words:
        """Return what would be said."""
        return words.preview(content)

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()


async def every(*steps: Callable[[], Awaitable[object]]) -> Receipt:
    """Take every step of a job, also those after one that is refused for good; return the receipt.

    Raises:
        Refused: A step was refused for good: raised after the last step. Or a step may succeed later: raised at
            once, because the whole job is tried again, and a provider that asks to wait is not asked for more.
    """
    refused: Refused | None = None
    for step in steps:
        try:
            await step()
        except Refused as error:
            if error.receipt.outcome is not Outcome.PERMANENT:
                raise
            refused = refused or error
    if refused is not None:
        raise refused
    return Receipt(Outcome.SENT)


def ticket_ref(name: str, shown: str, url: str) -> Receipt:
    """The receipt of an opened ticket; where its provider has not said how it is called, nobody knows."""
    if not name or " " in name:
        return Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, "the answer does not say what was opened")
    link = url if is_link(url) else ""
    return Receipt(Outcome.SENT, ref=f"{name} {shown.replace(' ', '_')} {link}".rstrip())
