"""Figures about the daemon itself."""

from typing import Protocol


class Observer(Protocol):
    """Takes figures by the names of DESIGN's metrics, without the ``tocsin_`` prefix.

    An unknown name or label is an error at once: a misspelt metric is never silent.
    """

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Put a value (seconds) into a histogram."""
        ...

    def gauge(self, name: str, value: float | None, **labels: str) -> None:
        """Set a gauge; None removes the child (no data, no gauge)."""
        ...
