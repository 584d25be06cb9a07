"""Hints to the workers that there may be work."""

from typing import Protocol


class Wake(Protocol):
    """A hint after a commit. A lost hint costs time but no work: the store is the truth."""

    def outbox(self) -> None:
        """Signal that rows were written to the outbox."""
        ...

    def timers(self) -> None:
        """Signal that an incident's ``due_at`` has changed."""
        ...

    def everyone(self) -> None:
        """Signal a change that no row shows: the configuration, who is on call, the clock."""
        ...
