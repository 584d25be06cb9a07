"""What the store keeps about who is on call; part of `ports.store`."""

from typing import Protocol

from tocsin.core.roster import Roster
from tocsin.core.rotation import Override


class OnCallReader(Protocol):
    """What can be read."""

    def overrides(self, over_after: int) -> list[Override]:
        """The overrides and swaps made while tocsin ran that end after then, by (starts_at, id)."""
        ...

    def override(self, override_id: str) -> Override | None:
        """One of them, whether it is over or not."""
        ...

    def rosters(self) -> dict[str, Roster]:
        """The last good answer of each source that is asked while tocsin runs, by the source's key."""
        ...


class OnCallWriter(Protocol):
    """What can be written."""

    def put_override(self, override: Override) -> None:
        """Insert, or replace by id."""
        ...

    def put_roster(self, roster: Roster) -> None:
        """Insert, or replace by source."""
        ...

    def forget_overrides_before(self, at: int) -> int:
        """Delete overrides and swaps that ended before ``at``; returns how many."""
        ...
