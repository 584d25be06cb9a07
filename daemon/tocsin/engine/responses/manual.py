"""The times of what people create while tocsin runs: maintenance windows and overrides."""

from typing import TypeVar

import msgspec

from tocsin.core.duration import DAY, MINUTE
from tocsin.core.errors import WindowError
from tocsin.core.incident.event import Actor
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.oncall.rotation import Override
from tocsin.core.schedule.recurrence import Span

LONGEST_COMMENT = 2000
"""Maximum length of a comment, in characters."""
SOONEST = MINUTE
"""Maximum time between a start in the past and now: the clocks of people and of the store differ."""
FURTHEST = 366 * DAY
"""Maximum time from now to a start in the future."""

M = TypeVar("M", HandMade, Override)


class TimedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The times of a request, with either ``ends_at`` or ``duration``."""

    starts_at: int | None = None
    """None for now."""
    ends_at: int | None = None
    duration: int | None = None
    comment: str = ""

    def span(self, now: int) -> Span:
        """Return the start and the end.

        Raises:
            WindowError: The start is out of range, the end is missing or is given twice, or the comment is too long.
        """
        if len(self.comment) > LONGEST_COMMENT:
            raise WindowError("the comment is too long", f"write at most {LONGEST_COMMENT} characters")
        starts_at = now if self.starts_at is None else self.starts_at
        if not now - SOONEST <= starts_at <= now + FURTHEST:
            raise WindowError("the start is in the past, or more than a year ahead", "leave it out to start now")
        if (self.ends_at is None) == (self.duration is None):
            raise WindowError("the end is missing or is given twice", "give either an end or a duration")
        return Span(starts_at, self.ends_at if self.ends_at is not None else starts_at + (self.duration or 0))


def ended(made: M, at: int, by: Actor) -> M:
    """Return a copy that ends now; if it has not begun yet, it is canceled."""
    ends_at = min(max(at, made.starts_at), made.ends_at)
    return msgspec.structs.replace(made, ends_at=ends_at, ended_at=at, ended_by=by.name, ended_via=by.via)
