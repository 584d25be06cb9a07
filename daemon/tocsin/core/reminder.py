"""What a playbook wants done again and again: reviews, audits, drills. `core/reminding` says when."""

import msgspec


class Reminder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of a playbook's ``reminders:``."""

    name: str
    rrule: str
    """An RRULE of RFC 5545, on the wall clock."""
    starts: str
    """The first time, as ISO 8601 without an offset."""
    time_zone: str = "UTC"
    to: tuple[str, ...]
    text: str = ""
