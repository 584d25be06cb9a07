"""Coordination of an incident: its declaration, status, roles, checklists and updates."""

import msgspec

LONGEST_TEXT = 4000
"""Maximum number of characters of one note or update."""


LONGEST_NAME = 200
"""Maximum number of characters of a role holder's name."""


class Tick(msgspec.Struct, frozen=True, array_like=True):
    """A checklist item that a person has completed."""

    checklist: str
    number: int
    """1 is the first item."""
    by: str
    at: int


class Work(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Coordination data of one occurrence."""

    declared_at: int | None = None
    """The time at which a person declared it an incident; microseconds since the epoch, UTC."""
    declared_by: str = ""
    status: str = ""
    """One of the playbook's statuses; "": none was set."""
    roles: dict[str, str] = {}
    """The person in each role, by the role's key."""
    ticks: tuple[Tick, ...] = ()
    """The completed checklist items."""
    updates: int = 0
    """Number of updates posted."""


NOTHING = Work()
