"""What a playbook reminds people of again and again, without any incident: reviews, audits, exercises, drills."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from tocsin.core.playbook import DAY, MINUTE, Reminder
from tocsin.core.recurrence import Recurrence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOKED_AHEAD = 366 * 10 * DAY
"""As far as `Recurrence` looks when it wants a rule to come at all."""


class Reminded(msgspec.Struct, frozen=True, kw_only=True):
    """How far a reminder has come; the one thing about it that is stored. Microseconds since the epoch, UTC."""

    playbook: str
    name: str
    schedule: str
    """As it was when ``due_at`` was worked out: another one is worked out anew."""
    due_at: int | None
    """When it is told next; None: never again."""
    told_at: int | None = None
    """The last time for which it was told."""


def schedule_of(reminder: Reminder) -> str:
    """Everything that says when it comes."""
    return f"{reminder.starts} {reminder.time_zone} {reminder.every}"


@lru_cache(maxsize=256)
def recurrence_of(reminder: Reminder) -> Recurrence:
    """When it comes.

    Raises:
        WindowError: Its rule cannot be used, or it begins out of reach.
    """
    return Recurrence(reminder.every, datetime.fromisoformat(reminder.starts), ZoneInfo(reminder.time_zone), MINUTE)


def next_time(reminder: Reminder, after: int) -> int | None:
    """The first time that it comes later than ``after``; None: never again."""
    spans = recurrence_of(reminder).spans(after, after + _LOOKED_AHEAD)
    return next((span.starts_at for span in spans if span.starts_at > after), None)


def times(reminder: Reminder, after: int, until: int) -> int:
    """How often it comes later than ``after``, up to and including ``until``."""
    return sum(1 for span in recurrence_of(reminder).spans(after, until + 1) if span.starts_at > after)


def first_seen(reminder: Reminder, now: int) -> Reminded:
    """Nothing is known of it: it is told from its next time on."""
    return Reminded(
        playbook=reminder.playbook,
        name=reminder.name,
        schedule=schedule_of(reminder),
        due_at=next_time(reminder, now),
    )


def told(reminder: Reminder, state: Reminded, now: int) -> Reminded:
    """It has been told for all the times up to now, whichever of them were missed."""
    return msgspec.structs.replace(state, due_at=next_time(reminder, now), told_at=state.due_at)


def day_of(at: int, zone: str) -> str:
    """The day and time of a moment on the wall clock of a zone."""
    local = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))
    return local.strftime("%Y-%m-%d %H:%M %Z")
