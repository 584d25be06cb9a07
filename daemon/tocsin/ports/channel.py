"""A way out: what every channel does, whatever its provider."""

from enum import StrEnum
from typing import Protocol

import msgspec

from tocsin.core.outbox import Job
from tocsin.core.page import Content


class Outcome(StrEnum):
    """What became of one attempt."""

    SENT = "sent"
    """The provider has taken it."""
    RETRY = "retry"
    """It was surely not taken; the same call may succeed later."""
    AMBIGUOUS = "ambiguous"
    """No answer came: it may have been taken. Tried again, labelled as a possible duplicate."""
    PERMANENT = "permanent"
    """It will be refused however often it is tried."""


class Reason(StrEnum):
    """Why an attempt failed; a metric label, so the list is closed."""

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
    """The channel's own classification of one attempt; the dispatcher alone decides on retries."""

    outcome: Outcome
    reason: Reason = Reason.NONE
    detail: str = ""
    """For the timeline and the log; holds no secret."""
    http_status: int | None = None
    retry_after: int | None = None
    """Microseconds, where the provider said so."""
    ref: str = ""
    """The provider's reference; for announce, of the incident's own message."""


class Channel(Protocol):
    """One configured way out.

    ``send`` does not raise for anything that a provider or a network does; it
    classifies it. It may be cancelled by the dispatcher's total deadline,
    which then counts the attempt as ambiguous. It neither retries nor sleeps.
    """

    name: str
    """Its key under ``channels:``."""
    kind: str
    handles: frozenset[Job]
    """The jobs that mean something here; others are never enqueued for it."""
    keyed: bool
    """Whether the provider keeps each page open by its key, so that each must be closed by its own
    acknowledge and resolve; elsewhere a target is told once."""

    async def start(self) -> None:
        """Open what sending needs. May be called once."""
        ...

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        ...

    async def close(self) -> None:
        """Release it. May be called without ``start``, and twice."""
        ...
