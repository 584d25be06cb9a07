"""What people make for a time while tocsin runs, maintenance windows and overrides alike: when it is, and its end."""

from typing import TypeVar

import msgspec

from tocsin.core.errors import WindowError
from tocsin.core.event import Actor
from tocsin.core.playbook import DAY, MINUTE
from tocsin.core.recurrence import Span
from tocsin.core.rotation import Override
from tocsin.core.window import HandMade

LONGEST_COMMENT = 2000
SOONEST = MINUTE
"""How far in the past one may begin: the clocks of people and of the store differ."""
FURTHEST = 366 * DAY
"""How far in the future one may begin."""

M = TypeVar("M", HandMade, Override)


class ForATime(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a wish that says when. Either of ``ends_at`` and ``duration`` says when it is over."""

    starts_at: int | None = None
    """None: now."""
    ends_at: int | None = None
    duration: int | None = None
    comment: str = ""

    def span(self, now: int) -> Span:
        """The time.

        Raises:
            WindowError: It says none, or one that is out of reach; or the comment is too long.
        """
        if len(self.comment) > LONGEST_COMMENT:
            raise WindowError("the comment is too long", f"write at most {LONGEST_COMMENT} characters")
        starts_at = now if self.starts_at is None else self.starts_at
        if not now - SOONEST <= starts_at <= now + FURTHEST:
            raise WindowError("begins in the past, or in more than a year", "leave the start out for now")
        if (self.ends_at is None) == (self.duration is None):
            raise WindowError("does not say once when it is over", "give an end or a duration")
        return Span(starts_at, self.ends_at if self.ends_at is not None else starts_at + (self.duration or 0))


def ended(made: M, at: int, by: Actor) -> M:
    """It, over from now on; one that has not begun never will."""
    ends_at = min(max(at, made.starts_at), made.ends_at)
    return msgspec.structs.replace(made, ends_at=ends_at, ended_at=at, ended_by=by.name, ended_via=by.via)
