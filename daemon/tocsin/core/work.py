"""What people have made of an incident beside taking it: whether it is declared, where it stands, who does what."""

import msgspec

LONGEST_TEXT = 4000
"""Characters of one note or update."""


LONGEST_NAME = 200
"""Characters of who has a role."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody is, for one incident: incident commander, communication lead ..."""

    key: str
    """What it is called where it is asked for: ``communication-lead``."""
    name: str
    """What it is called where people read."""
    targets: tuple[str, ...] = ()
    """Who is turned to while nobody has taken it."""
    backup: tuple[str, ...] = ()
    """Who is turned to as well, once whoever has it has not heard a reminder."""


class Checklist(msgspec.Struct, frozen=True, kw_only=True):
    """What must not be forgotten."""

    key: str
    items: tuple[str, ...]
    severities: tuple[str, ...] = ()
    """Only at these; empty: at all."""

    def is_for(self, severity: str) -> bool:
        """Whether it is to be gone through at a severity."""
        return not self.severities or severity in self.severities


class Branch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an answer leads, where it ends the questions."""

    advice: str = ""
    severities: tuple[str, ...] = ()
    """What it may be declared at; none: it need not be declared."""


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asked of whoever is about to declare an incident; answered with yes or no."""

    ask: str
    fact: str = ""
    """The fact that keeps the answer."""
    flag: str = ""
    """The flag that yes sets."""
    yes: Branch | None = None
    """None: the next question."""
    no: Branch | None = None


class Tick(msgspec.Struct, frozen=True, array_like=True):
    """Somebody has done an item of a checklist."""

    checklist: str
    number: int
    """1 is the first item."""
    by: str
    at: int


class Work(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one occurrence."""

    declared_at: int | None = None
    """When a person said that this is an incident in the playbook's sense; microseconds since the epoch, UTC."""
    declared_by: str = ""
    status: str = ""
    """One of the playbook's statuses; "": nobody has set one."""
    roles: dict[str, str] = {}
    """Who has taken a role, by its key."""
    ticks: tuple[Tick, ...] = ()
    """What of the checklists is done."""
    updates: int = 0
    """How many updates have been posted."""


NOTHING = Work()
