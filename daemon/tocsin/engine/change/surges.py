"""For each target, the incidents that recently began to notify it, with the uncommitted ones of this transaction."""

from collections import Counter

from tocsin.core.incident.throttle import Surge
from tocsin.ports.store import Transaction


class Surges:
    """The surges of all targets."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[str, Surge] = {}
        self._changed: dict[str, Surge] = {}
        self.joined: Counter[str] = Counter()
        """Number of new members of each storm (by its id) that the storm does not count yet."""

    def of(self, target: str) -> Surge:
        """Return the surge of a target."""
        known = self._known.get(target)
        if known is None:
            known = self._known[target] = self._tx.surge(target) or Surge(target=target)
        return known

    def put(self, surge: Surge) -> None:
        """Replace the surge of a target."""
        self._known[surge.target] = self._changed[surge.target] = surge

    def flush(self) -> None:
        """Write the changed surges."""
        if self._changed:
            self._tx.put_surges([surge for _, surge in sorted(self._changed.items())])
            self._changed = {}
