"""The store's records that map callbacks to their pages; part of `ports.store`."""

from collections.abc import Sequence
from typing import Protocol

from tocsin.core.incident.outbox import Outgoing


class CallbackReader(Protocol):
    """Queries for callbacks."""

    def outbox_row(self, key: str) -> Outgoing | None:
        """Return the outbox row with this idempotency key (PagerDuty's dedup key)."""
        ...

    def pages_to(self, destination: str, limit: int = 200) -> list[Outgoing]:
        """Return the pages to one destination about open incidents, newest first."""
        ...

    def linked_pages(self, provider: str, ref: str) -> list[str]:
        """Return the known keys of our pages that are behind a provider's own incident, sorted."""
        ...


class CallbackWriter(Protocol):
    """Writes for callbacks."""

    def record_inbound(self, origin: str, key: str) -> bool:
        """Remember a delivery from a provider or a sender; return True if it is new, False if it is a repetition."""
        ...

    def link_pages(self, provider: str, ref: str, keys: Sequence[str]) -> None:
        """Add the keys of pages to those known for a provider's own incident.

        A link is deleted together with the page's incident.
        """
        ...
