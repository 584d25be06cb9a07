"""The store's records about who is on call; part of `ports.store`."""

from typing import Protocol

from tocsin.core.oncall.roster import Roster
from tocsin.core.oncall.rotation import Override


class OnCallReader(Protocol):
    """Queries about who is on call."""

    def overrides(self, over_after: int) -> list[Override]:
        """Return the overrides and swaps made at run time that end after ``over_after``, by (starts_at, id)."""
        ...

    def override(self, override_id: str) -> Override | None:
        """Return an override or swap made at run time, even if it is over."""
        ...

    def rosters(self) -> dict[str, Roster]:
        """Return the last valid answer about each group that is polled at run time, by the key of the group."""
        ...

    def moments(self, prefix: str) -> dict[str, int]:
        """Return the moments that `OnCallWriter.put_moment` has stored, by name, for names with this prefix."""
        ...


class OnCallWriter(Protocol):
    """Writes about who is on call."""

    def put_override(self, override: Override) -> None:
        """Insert, or replace by id."""
        ...

    def put_roster(self, roster: Roster) -> None:
        """Insert, or replace by source."""
        ...

    def put_moment(self, name: str, at: int) -> None:
        """Store the time of an event that needs no other record, such as a person's last drill."""
        ...

    def forget_overrides_before(self, at: int) -> int:
        """Delete overrides and swaps that ended before ``at``; return their number."""
        ...
