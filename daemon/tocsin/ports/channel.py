"""The interface of every channel, whatever its provider."""

from enum import StrEnum
from typing import Protocol

import msgspec

from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job


class Outcome(StrEnum):
    """Outcome of one attempt."""

    SENT = "sent"
    """Accepted by the provider."""
    RETRY = "retry"
    """Certainly not accepted; the same request may succeed later."""
    AMBIGUOUS = "ambiguous"
    """Perhaps accepted, because no response came. The retry is labeled as a possible duplicate."""
    PERMANENT = "permanent"
    """Refused for good: every retry would be refused, too."""


class Reason(StrEnum):
    """Reason for a failed attempt; a metric label, so the list is closed."""

    NONE = "none"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    CLIENT_ERROR = "client_error"
    AUTH = "auth"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    BAD_ANSWER = "bad_answer"
    INTERNAL = "internal"


class Receipt(msgspec.Struct, frozen=True):
    """The channel's own classification of one attempt; only the dispatcher decides on retries."""

    outcome: Outcome
    reason: Reason = Reason.NONE
    detail: str = ""
    """For the timeline and the log; contains no secret."""
    http_status: int | None = None
    retry_after: int | None = None
    """Microseconds; None if the provider did not say."""
    ref: str = ""
    """The provider's reference; for announce, that of the incident's own message."""


class Channel(Protocol):
    """One configured channel.

    ``send`` does not raise for an error of the provider or the network; it
    classifies the error. The dispatcher's total deadline may cancel ``send``;
    the attempt then counts as ambiguous. ``send`` neither retries nor sleeps.
    """

    name: str
    """The key under ``channels:``."""
    kind: str
    handles: frozenset[Job]
    """The jobs that this channel supports; others are never enqueued for it."""
    keyed: bool
    """True if the provider keeps each page open by its key, so that each page must be closed by its own
    acknowledge and resolve. Otherwise each target is notified once.
    """

    async def start(self) -> None:
        """Open the resources for sending. May be called once."""
        ...

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        ...

    async def close(self) -> None:
        """Release all resources. May be called without ``start``, and twice."""
        ...
