"""Figures that a transaction earns, told only after it is committed."""

from dataclasses import dataclass, field

from tocsin.ports.observer import Observer

SECOND = 1_000_000


@dataclass
class Figures:
    """Collects what is to be counted and observed; a rollback forgets it with everything else."""

    _counts: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)
    _observations: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter once the transaction is committed."""
        self._counts.append((name, amount, labels))

    def observe(self, name: str, microseconds: int, **labels: str) -> None:
        """Put a duration into a histogram (of seconds) once the transaction is committed."""
        self._observations.append((name, microseconds / SECOND, labels))

    def tell(self, observer: Observer) -> None:
        """After the commit."""
        for name, amount, labels in self._counts:
            observer.count(name, amount, **labels)
        for name, value, labels in self._observations:
            observer.observe(name, value, **labels)
