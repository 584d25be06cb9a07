"""A duty of one incident: its deadline, and how it ended.

Plain data; ``transitions/duties`` applies it. All times are microseconds since the epoch, UTC.

A report can count duties from two sources that agree. The incident has those of its current occurrence, in
`sla.duties_of`: `IncidentDuty.outcome` says how each ended. The timeline has all of them, each entry with the fields
``duty`` (the name), ``severity``, ``occurrence`` and ``due_at``:

- ``duty_owed``: its time has begun;
- ``duty_breached``: it was not done by ``due_at``; at most once;
- ``duty_done`` with ``late``, microseconds after the deadline, 0 if in time;
- ``duty_waived`` with ``late`` and ``reason``;
- ``duty_withdrawn``: it counts no more, for example because the incident was reopened or merged.

The duty ``postmortem`` has entries of older names in place of three of them: ``post_mortem_asked``,
``post_mortem_done`` and ``post_mortem_waived``. Those of earlier versions lack ``duty``, ``severity`` and
``occurrence``.
"""

import msgspec


class IncidentDuty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A duty from the moment at which its time begins; it stays until the incident is reopened."""

    name: str
    """Unique among the duties of one occurrence."""
    text: str
    by: str = ""
    """See `core.playbook.duties.PlaybookDuty.by`."""
    since: str
    """The `playbook.Moment` from which its time counts."""
    severity: str
    occurrence: int
    asked_at: int
    due_at: int
    remind_at: int | None
    """The time of the next reminder or of the breach; None once it is done or waived, or after the last reminder."""
    reminded: int = 0
    """Number of reminders sent to the owner."""
    breached_at: int | None = None
    """The time at which the missed deadline was reported; None: not missed."""
    done_at: int | None = None
    """The time at which it was done or waived."""
    done_by: str = ""
    """The person, or ``tocsin`` for an event that it noticed itself."""
    waived: bool = False
    reason: str = ""
    """The reason why it was waived, or a remark of the person who did it."""
    link: str = ""
    meets_at: int | None = None
    """The start of its meeting; None: it has no meeting."""
    meets_for: int = 0
    """The length of its meeting."""
    invited: int = 0
    """Number of invitations sent for its meeting: the first, and one for each new time."""

    @property
    def is_open(self) -> bool:
        """Return whether it is still to be done."""
        return self.done_at is None

    @property
    def outcome(self) -> str:
        """Return ``open``, ``in_time``, ``late`` or ``waived``."""
        if self.done_at is None:
            return "open"
        if self.waived:
            return "waived"
        return "late" if self.done_at > self.due_at or self.breached_at is not None else "in_time"
