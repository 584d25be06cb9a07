"""Metrics of a transaction, reported only after the commit."""

import msgspec

from tocsin.core.duration import SECOND
from tocsin.ports.observer import Observer

Figure = tuple[str, float, dict[str, str]]
"""(metric, amount or value, labels)"""


class Figures(msgspec.Struct):
    """Counts and observations of one transaction; a rollback drops them."""

    counts: list[Figure] = []
    observations: list[Figure] = []
    """Durations in seconds."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter once the transaction is committed."""
        self.counts.append((name, amount, labels))

    def observe(self, name: str, microseconds: int, **labels: str) -> None:
        """Add a duration to a histogram (in seconds) once the transaction is committed."""
        self.observations.append((name, microseconds / SECOND, labels))

    def tell(self, observer: Observer) -> None:
        """Report everything to the observer; called after the commit."""
        for name, amount, labels in self.counts:
            observer.count(name, amount, **labels)
        for name, value, labels in self.observations:
            observer.observe(name, value, **labels)
