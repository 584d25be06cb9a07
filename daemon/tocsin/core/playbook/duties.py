"""Duties of a playbook: tasks with a deadline, counted from a moment of the incident.

``post_mortem_within:`` and ``follow_ups:`` are shorter ways to write some of them; an incident has the same state for
each (`core.incident.incident_duty`). All durations are microseconds.
"""

import msgspec

from tocsin.core.duration import HOUR

POST_MORTEM = "postmortem"
"""The duty that ``post_mortem_within:`` of a severity defines; no other duty may have this name."""
RESPONDERS = "responders"
"""Stands for the people who responded to the incident, in a list of people to invite."""


class Meeting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting to hold: tocsin proposes a time, and sends invitations."""

    length: int = HOUR
    after: int = 0
    """The earliest start, counted like the duty's deadline."""
    invite: tuple[str, ...] = (RESPONDERS,)
    """Roles and targets; `RESPONDERS` stands for the people who responded."""
    invite_when: dict[str, tuple[str, ...]] = {}
    """Flag -> the roles and targets that are invited as well while it is set."""
    agenda: tuple[str, ...] = ()

    def invites(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        """Return the roles and targets to invite to the meeting of an incident with these flags."""
        more = (name for flag, names in self.invite_when.items() if flag in flags for name in names)
        return tuple(dict.fromkeys((*self.invite, *more)))


class PlaybookDuty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of a playbook's ``duties:``.

    A person reports that it is done, unless one of ``tracker``, ``message``, ``fact``, ``update`` and ``declared``
    names an event that tocsin notices itself.
    """

    name: str
    text: str
    """The task, for people."""
    since: str
    """The `playbook.Moment` from which its time counts: opened, declared, acknowledged or resolved."""
    within: int
    by: str = ""
    """The role or the target that has to do it; "": the responder, after the resolve the owner of the postmortem."""
    severities: tuple[str, ...] = ()
    """The severities at which the duty is required; empty: all."""
    when: tuple[str, ...] = ()
    """The duty begins once one of these flags is set; empty: without a flag."""
    remind: int | None = None
    """The time from the reminder of the owner to the deadline; None: half of ``within``, at most a day."""
    tracker: str = ""
    """Done once the incident has a ticket in this tracker."""
    message: str = ""
    """Done once the message of this template is sent."""
    fact: str = ""
    """Done once a person has entered this fact."""
    update: bool = False
    """Done with the next status update."""
    declared: bool = False
    """Done once the incident is declared; withdrawn if it is resolved without a declaration."""
    meeting: Meeting | None = None

    def is_for(self, severity: str, flags: tuple[str, ...]) -> bool:
        """Return whether it applies at a severity with these flags."""
        if self.severities and severity not in self.severities:
            return False
        return not self.when or any(flag in flags for flag in self.when)
