"""Figures that a transaction earns, told only after it is committed."""

import msgspec

from tocsin.ports.observer import Observer

SECOND = 1_000_000

Figure = tuple[str, float, dict[str, str]]
"""(metric, amount or value, labels)"""


class Figures(msgspec.Struct):
    """Collects what is to be counted and observed; a rollback forgets it with everything else."""

    counts: list[Figure] = []
    observations: list[Figure] = []
    """Of durations, in seconds."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter once the transaction is committed."""
        self.counts.append((name, amount, labels))

    def observe(self, name: str, microseconds: int, **labels: str) -> None:
        """Put a duration into a histogram (of seconds) once the transaction is committed."""
        self.observations.append((name, microseconds / SECOND, labels))

    def tell(self, observer: Observer) -> None:
        """After the commit."""
        for name, amount, labels in self.counts:
            observer.count(name, amount, **labels)
        for name, value, labels in self.observations:
            observer.observe(name, value, **labels)
