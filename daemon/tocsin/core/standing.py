"""What the ladder of an incident knows beyond its steps: kept apart, because most incidents have none of it.

All times are microseconds since the epoch, UTC.
"""

import msgspec

from tocsin.core.playbook import Moment


class Snoozed(msgspec.Struct, frozen=True, array_like=True):
    """Somebody wants it left alone."""

    until: int
    at: int
    """When that was said."""
    by: str
    via: str


class Deferred(msgspec.Struct, frozen=True, array_like=True):
    """A step that a flag or a moment has fired outside of business hours: it is carried out at the opening."""

    key: str
    """Names it within the occurrence: the cell's key and what fired it (``2.1@declared``, ``4.1:data_breach``)."""
    cell: str
    due_at: int


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one occurrence."""

    snooze: Snoozed | None = None
    """While the state is ``snoozed``."""
    silent_at: int | None = None
    """Acknowledged, and nobody has said anything: when that is too long."""
    moments: tuple[Moment, ...] = ()
    """What has happened that cells may wait for."""
    passed: tuple[str, ...] = ()
    """Cells whose time has come while none of the flags was set that they want."""
    again: tuple[str, ...] = ()
    """Cells planned once more because the acknowledger fell silent: another acknowledgment stops them."""
    deferred: tuple[Deferred, ...] = ()
    deferred_by: int = 0
    """How much of the ladder's clock is waiting for business hours, which steps until resolved do not count."""

    @property
    def due_at(self) -> int | None:
        """When something of it is due, while the incident is not held back."""
        if not self.deferred:
            return self.silent_at
        moments = [deferred.due_at for deferred in self.deferred]
        return min(moments if self.silent_at is None else [self.silent_at, *moments], default=None)


NOTHING = Standing()
