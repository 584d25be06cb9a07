"""Recurring tasks of a playbook: reminders of reviews and audits, and drills."""

import msgspec


class Recurring(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recurring task. `core/playbook/reminder_schedule` has its times."""

    name: str
    rrule: str
    """An RRULE of RFC 5545, on the wall clock."""
    starts: str
    """The first time, as ISO 8601 without an offset."""
    time_zone: str = "UTC"
    to: tuple[str, ...]


class Reminder(Recurring, frozen=True, kw_only=True, omit_defaults=True):
    """One of a playbook's ``reminders:``."""

    text: str = ""
    report_months: int = 0
    """The number of whole months before it whose report it carries; 0 for none."""


class ScheduledDrill(Recurring, frozen=True, kw_only=True, omit_defaults=True):
    """One of a playbook's ``drills:``: an alert, marked as a drill, that pages the targets in ``to`` and no one else.

    `core/playbook/drill` has the plan of its incident.
    """
