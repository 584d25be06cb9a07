"""Telling the loops that there may be work."""

from typing import Protocol


class Wake(Protocol):
    """A hint after a commit. Losing one costs time, never work: the store is the truth."""

    def outbox(self) -> None:
        """Rows were written to the outbox."""
        ...

    def timers(self) -> None:
        """An incident's ``due_at`` has changed."""
        ...

    def everyone(self) -> None:
        """Something has changed that no row shows: the configuration, who is on call, the clock."""
        ...
