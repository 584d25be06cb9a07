"""When a recurring reminder is due, and the plan of the incident that it is."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import structs

from tocsin.core.playbook import DAY, HOUR, Cell, Kind, Level, Playbook, Tier
from tocsin.core.recurrence import Recurrence, Span
from tocsin.core.reminder import Reminder

LEVEL = "reminder"
"""The severity of the incident that a reminder is."""
CAUGHT_UP = 12 * HOUR
"""How late it is still sent, where tocsin was down."""
AHEAD = 400 * DAY
"""How far its next time is looked for."""


def recurrence_of(reminder: Reminder) -> Recurrence:
    """Its times, each for as long as it is worth catching up.

    Raises:
        WindowError: The rule cannot be used.
    """
    return _recurrence(reminder.rrule, reminder.starts, reminder.time_zone)


@lru_cache(maxsize=1024)
def _recurrence(rrule: str, starts: str, time_zone: str) -> Recurrence:
    return Recurrence(rrule, datetime.fromisoformat(starts), ZoneInfo(time_zone), CAUGHT_UP)


def due(reminder: Reminder, now: int) -> Span | None:
    """The time that it is due for now, if it is."""
    return next(iter(recurrence_of(reminder).spans(now, now + 1)), None)


def next_at(reminder: Reminder, now: int) -> int | None:
    """When it is due next; None: not within `AHEAD`."""
    starts = (span.starts_at for span in recurrence_of(reminder).spans(now, now + AHEAD))
    return next((at for at in starts if at > now), None)


def plan_of(reminder: Reminder, own: Playbook) -> Playbook:
    """``own``, tocsin's own playbook, with what this asks for: its people are told, and nobody is paged."""
    cell = Cell(tier=1, nth=1, after=0, kind=Kind.UPDATE, targets=reminder.to)
    level = Level(LEVEL, len(own.levels), CAUGHT_UP, None, (cell,), is_timed=False)
    return structs.replace(own, levels=(*own.levels, level), tiers=(Tier(1, "whom it is for", reminder.to),))
