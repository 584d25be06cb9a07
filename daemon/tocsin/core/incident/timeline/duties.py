"""Duties of a playbook: owed, breached, done, waived; and the closed record of an incident.

The fields and their meaning for reports: see `core.incident.incident_duty`.
"""

from tocsin.core.incident.timeline.entry_data import EntryData


class _DutyEntry(EntryData, frozen=True, kw_only=True):
    """An entry about one duty."""

    duty: str
    severity: str
    occurrence: int
    due_at: int


class DutyOwed(EntryData, frozen=True, kw_only=True):
    """A duty whose time has begun."""

    kind = "duty_owed"
    phrase = "task for {owner}: {text}, due by {due_at}"

    duty: str
    text: str
    severity: str
    occurrence: int
    due_at: int
    owner: tuple[str, ...]


class DutyBreached(_DutyEntry, frozen=True, kw_only=True):
    """A duty that was not done by its deadline."""

    kind = "duty_breached"
    phrase = "{because}"

    late: int
    step: str
    targets: tuple[str, ...]
    because: str


class DutyDone(_DutyEntry, frozen=True, kw_only=True):
    """A duty that is done."""

    kind = "duty_done"
    phrase = "task done: {duty}"
    remark = "reason"

    late: int
    reason: str
    link: str


class DutyWaived(_DutyEntry, frozen=True, kw_only=True):
    """A duty that a person waived."""

    kind = "duty_waived"
    phrase = "task waived: {duty} ({reason})"

    late: int
    reason: str


class DutyWithdrawn(_DutyEntry, frozen=True, kw_only=True):
    """A duty that counts no more."""

    kind = "duty_withdrawn"
    phrase = "task withdrawn: {duty} ({because})"

    because: str


class MeetingProposed(EntryData, frozen=True, kw_only=True):
    """A time for a meeting, and the people invited."""

    kind = "meeting_proposed"
    phrase = "invited {targets} to {duty} on {starts_at}"

    duty: str
    starts_at: int
    length: int
    targets: tuple[str, ...]
    step: str


class RecordClosed(EntryData, frozen=True, kw_only=True):
    """The end of the work on a resolved incident."""

    kind = "record_closed"
    phrase = "record closed: every duty is done or waived"

    occurrence: int
