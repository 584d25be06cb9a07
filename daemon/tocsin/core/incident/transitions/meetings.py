"""The time that is proposed for a meeting."""

from tocsin.core.duration import MINUTE
from tocsin.core.playbook.duties import Meeting
from tocsin.core.schedule.hours import BusinessHours
from tocsin.core.typed_replace import replace

SLOT = 30 * MINUTE
"""The grid of the times that are proposed: the full and the half hours."""
NOTICE = 60 * MINUTE
"""Time between the invitation and the meeting, if the deadline leaves that much."""
_TRIES = 32
"""Maximum number of times that are tried for a meeting that has to end before closing."""


def meeting_start(meeting: Meeting, now: int, due_at: int, hours: BusinessHours) -> int:
    """Return the time to propose: it leaves an hour's notice, and the meeting ends by its deadline, if there is one.

    In this order: the first time in business hours that leaves the meeting's ``after``; the last time in business hours
    at all; the first time in these hours on any day; the last time before the deadline.
    """
    latest = max(now, (due_at - meeting.length) // SLOT * SLOT)
    earliest = _slot(now + max(meeting.after, NOTICE))
    any_day = replace(hours, days=tuple(range(7)), holidays=())
    first = _first(meeting, earliest, latest, hours)
    if first is None:
        notice = range(latest, now + NOTICE - 1, -SLOT)
        first = next((at for at in notice if _fits(meeting, at, hours)), None)
    if first is None:
        first = _first(meeting, _slot(now + NOTICE), latest, any_day)
    return latest if first is None else first


def _first(meeting: Meeting, earliest: int, latest: int, hours: BusinessHours) -> int | None:
    """Return the first time at which the meeting fits into these hours; None if there is none until ``latest``."""
    start = _slot(hours.opening(earliest))
    for _ in range(_TRIES):
        if start > latest:
            return None
        if _fits(meeting, start, hours):
            return start
        start = _slot(hours.opening(start + SLOT))
    return None


def _fits(meeting: Meeting, at: int, hours: BusinessHours) -> bool:
    return hours.are_open(at) and hours.are_open(at + meeting.length - 1)


def _slot(at: int) -> int:
    return -(-at // SLOT) * SLOT
