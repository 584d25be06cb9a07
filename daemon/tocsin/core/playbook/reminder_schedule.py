"""Due times of recurring reminders and drills, and the plan of a reminder's incident."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tocsin.core.duration import DAY, HOUR
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Tier
from tocsin.core.playbook.reminder import Recurring, Reminder
from tocsin.core.schedule.recurrence import Recurrence, Span
from tocsin.core.typed_replace import replace

LEVEL = "reminder"
"""The severity of a reminder's incident."""
CAUGHT_UP = 12 * HOUR
"""Maximum delay with which a reminder is still sent after a downtime."""
AHEAD = 400 * DAY
"""Range of the search for the next time."""


def recurrence_of(task: Recurring) -> Recurrence:
    """Return the task's times, each with a length of `CAUGHT_UP`.

    Raises:
        WindowError: The rule cannot be used.
    """
    return _recurrence(task.rrule, task.starts, task.time_zone)


@lru_cache(maxsize=1024)
def _recurrence(rrule: str, starts: str, time_zone: str) -> Recurrence:
    return Recurrence(rrule, datetime.fromisoformat(starts), ZoneInfo(time_zone), CAUGHT_UP)


def due(task: Recurring, now: int) -> Span | None:
    """Return the time for which the task is due now; None if it is not due.

    It is the latest one: an earlier time of the same day may still be within `CAUGHT_UP`.
    """
    return max(recurrence_of(task).spans(now, now + 1), default=None, key=lambda span: span.starts_at)


def next_at(task: Recurring, now: int) -> int | None:
    """Return when the task is due next; None if that is later than `AHEAD` from now."""
    starts = (span.starts_at for span in recurrence_of(task).spans(now, now + AHEAD))
    return next((at for at in starts if at > now), None)


def plan_of(reminder: Reminder, own: Playbook) -> Playbook:
    """Return ``own``, tocsin's own playbook, with a level that informs the reminder's targets and pages no one."""
    cell = Cell(tier=1, nth=1, after=0, kind=Kind.UPDATE, targets=reminder.to)
    level = Level(LEVEL, len(own.levels), CAUGHT_UP, None, (cell,), is_timed=False)
    return replace(own, levels=(*own.levels, level), tiers=(Tier(1, "whom it is for", reminder.to),))
