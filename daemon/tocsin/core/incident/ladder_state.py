"""State of an incident's ladder other than its steps: a struct of its own, which most incidents do not need.

All times are microseconds since the epoch, UTC.
"""

import msgspec

from tocsin.core.playbook.playbook import Moment


class Snoozed(msgspec.Struct, frozen=True, array_like=True):
    """A snooze by a person."""

    until: int
    at: int
    """The time of the request."""
    by: str
    via: str


class Deferred(msgspec.Struct, frozen=True, array_like=True):
    """A step that a flag or a moment fired outside business hours; it notifies when they open."""

    key: str
    """The step's name within the occurrence: the cell's key and the trigger (``2.1@declared``, ``4.1:data_breach``)."""
    cell: str
    due_at: int


class OwedTier(msgspec.Struct, frozen=True, array_like=True):
    """A tier that a rise in severity brings in as soon as the ladder may notify it."""

    tier: int
    because: str


class LadderState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of the ladder in one occurrence."""

    snooze: Snoozed | None = None
    """Set while the state is ``snoozed``."""
    silent_at: int | None = None
    """The time at which the responder of an acknowledged incident has been silent for too long."""
    moments: tuple[Moment, ...] = ()
    """Moments that have happened, for which cells may wait."""
    passed: tuple[str, ...] = ()
    """Cells that came due while none of their required flags was set."""
    again: tuple[str, ...] = ()
    """Cells planned again because the acknowledger was silent: another acknowledgment stops them."""
    deferred: tuple[Deferred, ...] = ()
    deferred_by: int = 0
    """The time for which the ladder waited for business hours; steps until resolved do not count this wait."""
    owed_tier: OwedTier | None = None
    """The tier that a rise in severity is still to page."""
    reached_before: tuple[int, ...] = ()
    """Tiers reached before an acknowledgment that no longer counts: another page to them is a further one."""
    behind: int = 0
    """Delay in microseconds with which the hold of the first alerts began, because they were committed late."""
    split_from: int | None = None
    """The number of the incident from which this occurrence was split off; None if it was not."""

    @property
    def due_at(self) -> int | None:
        """Return the next due time of a deferred step or of the responder's silence; None if nothing is due.

        This time applies only while the incident is not held back.
        """
        if not self.deferred:
            return self.silent_at
        moments = [deferred.due_at for deferred in self.deferred]
        return min(moments if self.silent_at is None else [self.silent_at, *moments], default=None)


NOTHING = LadderState()
