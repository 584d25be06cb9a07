"""A place for tickets: what every tracker does, whatever its provider.

A tracker is spoken to like a channel: the outbox, its keys, retries and leases
are the same. It takes the jobs `core.outbox.TICKET_JOBS`; ``Content.ticket``
says how the provider calls the ticket, once it is there.
"""

from typing import NamedTuple, Protocol

from tocsin.core.page import Content
from tocsin.ports.channel import Receipt


class Words(NamedTuple):
    """The words of a tracker's ticket or comment, as plain text."""

    title: str
    """The title of a ticket that would be opened; "" for a comment in an existing one."""
    text: str


class Tracker(Protocol):
    """One configured tracker.

    ``send`` classifies what a provider or a network does, as a channel's does,
    and may be asked again for everything that it was asked before: where an
    attempt has left no answer (``possible_duplicate``), it first looks for what
    that may have made. A ``Receipt`` for an opened ticket has its ``ref`` as
    ``<name in the provider's calls> <name for people> <link>``, parted by single spaces.
    """

    name: str
    """Its key under ``trackers:``."""
    kind: str

    async def start(self) -> None:
        """Open what sending needs. May be called once."""
        ...

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        ...

    def words(self, content: Content) -> Words:
        """Return what `send` would say, to the letter, before a person confirms it; send nothing."""
        ...

    async def close(self) -> None:
        """Release it. May be called without ``start``, and twice."""
        ...
