"""The store's records that lead responses from outside to their pages; part of `ports.store`."""

from collections.abc import Sequence
from typing import Protocol

from tocsin.core.outbox import Outgoing


class CallbackReader(Protocol):
    """The questions that callbacks ask."""

    def outbox_row(self, key: str) -> Outgoing | None:
        """Return the row with this idempotency key (PagerDuty's dedup key)."""
        ...

    def pages_to(self, destination: str, limit: int = 200) -> list[Outgoing]:
        """Return the pages to one destination about incidents that are open, the newest first."""
        ...

    def linked_pages(self, provider: str, ref: str) -> list[str]:
        """Return the keys of our pages behind a provider's own incident, as far as they are known, sorted."""
        ...


class CallbackWriter(Protocol):
    """The notes that callbacks leave."""

    def first_sight(self, origin: str, key: str) -> bool:
        """Return whether this inbound delivery is new, and remember it."""
        ...

    def link_pages(self, provider: str, ref: str, keys: Sequence[str]) -> None:
        """Remember that pages with these keys are behind a provider's own incident, beside those known already.

        The link goes when the page's incident is deleted.
        """
        ...
