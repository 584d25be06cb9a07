"""What the store keeps for reports; part of `ports.store`."""

from typing import Protocol

from tocsin.core.measure import Breach, Follow, Occurrence


class DutyReader(Protocol):
    """What can be read."""

    def occurrences(self, since: int) -> list[Occurrence]:
        """Those that were acknowledged or resolved at ``since`` or later, by (opened_at, incident, occurrence)."""
        ...

    def breaches(self, since: int) -> list[Breach]:
        """Those noticed at ``since`` or later, by (at, incident, occurrence, promise)."""
        ...

    def follows(self, since: int) -> list[Follow]:
        """What is open, and what was due or done at ``since`` or later, by (due_at, incident, name)."""
        ...


class DutyWriter(Protocol):
    """What can be written."""

    def put_breach(self, breach: Breach) -> None:
        """Insert; one that is there (by incident, occurrence and promise) stays as it is."""
        ...

    def put_follow(self, follow: Follow) -> None:
        """Insert, or replace by (incident, name)."""
        ...
