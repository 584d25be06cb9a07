"""The interface of every ticket tracker, whatever its provider.

Trackers are used like channels, with the same outbox, keys, retries and
leases. They handle the jobs `core.incident.outbox.TICKET_JOBS`; ``Content.ticket``
has the provider's name of the ticket once it exists.
"""

from typing import NamedTuple, Protocol

from tocsin.core.content.page import Content
from tocsin.ports.channel import Receipt


class Words(NamedTuple):
    """The text of a tracker's ticket or comment, as plain text."""

    title: str
    """The title of a ticket to open; "" for a comment in an existing one."""
    text: str


class Tracker(Protocol):
    """One configured tracker.

    ``send`` classifies errors of the provider and the network, like a channel's,
    and may be repeated with the same content: if an earlier attempt got no
    response (``possible_duplicate``), it first looks for the ticket or comment that
    this attempt may have made. The ``Receipt`` for an opened ticket has the ``ref``
    ``<name in the provider's calls> <name for people> <link>``, separated by single spaces.
    """

    name: str
    """The key under ``trackers:``."""
    kind: str

    async def start(self) -> None:
        """Open the resources for sending. May be called once."""
        ...

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        ...

    def words(self, content: Content) -> Words:
        """Return the exact text that `send` would send, for a person to confirm; send nothing."""
        ...

    async def close(self) -> None:
        """Release all resources. May be called without ``start``, and twice."""
        ...
