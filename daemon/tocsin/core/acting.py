"""What a playbook does besides paging: at a moment of an incident, a message, a ticket, an automation.

`PlaybookAction` is one of a playbook's ``actions:``; `Acting` is how far an
incident's have gone. All times are microseconds since the epoch, UTC.
"""

from enum import StrEnum

import msgspec

MESSAGE_STEP = "message."
TICKET_STEP = "ticket."
AUTOMATION_STEP = "automation."
"""What the steps of actions begin with in the outbox; `step_of` says what follows."""


class Verb(StrEnum):
    """What an action does."""

    MESSAGE = "message"
    """Tell somebody in the playbook's own words."""
    TRACKER = "tracker"
    """Open a ticket, or follow up the one that there is."""
    AUTOMATION = "automation"
    """Ask an automation to do its work."""


class PlaybookAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of a playbook's ``actions:``."""

    at: tuple[str, ...]
    """When it is due: `playbook.Moment`s, ``flagged``, ``ticketed``."""
    verb: Verb
    what: str
    """A message's template, a tracker's name, an automation's target."""
    to: tuple[str, ...] = ()
    """Of a message: whom it is for."""
    template: str = ""
    """Of a ticket or an automation: what words it; "" for plain ones."""
    severities: tuple[str, ...] = ()
    """Only at these; none: at every one."""
    when: tuple[str, ...] = ()
    """Only while one of these flags is set, where there are any."""
    confirm: bool = False
    """It waits until a person has read what it says, and confirms it."""

    @property
    def words(self) -> str:
        """The template that words it, "" for none."""
        return self.what if self.verb is Verb.MESSAGE else self.template

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom it is for, as the timeline says."""
        return self.to if self.verb is Verb.MESSAGE else (self.what,)


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action that waits for a person's word."""

    number: int
    """Counts an incident's drafts from 1."""
    action: PlaybookAction
    moment: str
    at: int


TICKET = "ticket"
"""What the rows of the outbox call an incident's own ticket, as their target; another is called by what it is about."""


def about_of(target: str) -> str:
    """What a row's ticket is about."""
    return "" if target == TICKET else target


class TicketState(StrEnum):
    """Where a ticket stands, as far as tocsin knows."""

    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    FAILED = "failed"
    """Its tracker refused for good to open it."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an incident has in one tracker. It outlives the occurrence."""

    tracker: str
    """A name under ``trackers:``."""
    about: str = ""
    """"": the incident itself; ``item-1``: its first action item."""
    state: TicketState = TicketState.ASKED
    ref: str = ""
    """What the tracker's own calls name it by."""
    shown: str = ""
    """What people call it: ``#42``, ``OPS-17``."""
    url: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the tracker has said how it is called."""
        return bool(self.ref)


class Acting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far an incident's actions have gone."""

    tickets: tuple[Ticket, ...] = ()
    drafts: tuple[Draft, ...] = ()
    drafted: int = 0
    """How many drafts there have been."""

    def ticket(self, tracker: str, about: str = "") -> Ticket | None:
        """What the incident, or an action item of it, has there."""
        found = (each for each in self.tickets if (each.tracker, each.about) == (tracker, about))
        return next(found, None)

    def draft(self, number: int) -> Draft | None:
        """The draft of that number, while it waits."""
        return next((draft for draft in self.drafts if draft.number == number), None)


NOTHING = Acting()

_STEPS = {Verb.MESSAGE: MESSAGE_STEP, Verb.TRACKER: TICKET_STEP, Verb.AUTOMATION: AUTOMATION_STEP}


class Worded(msgspec.Struct, frozen=True):
    """Where the words of a row come from: an action of the plan, or a draft that somebody has confirmed."""

    action: int = 0
    """Of the playbook's actions; the first is 1."""
    draft: int = 0


def step_of(verb: Verb, version: int, worded: Worded, more: str = "") -> str:
    """The step of a row: ``message.3.17`` is action 3 as of version 17, ``message.d2.17`` the second draft."""
    source = f"d{worded.draft}" if worded.draft else str(worded.action)
    return f"{_STEPS[verb]}{source}.{version}" + (f".{more}" if more else "")


def worded_by(step: str) -> Worded | None:
    """Where a step's words come from; None: it is no action's."""
    if not step.startswith(tuple(_STEPS.values())):
        return None
    source = step.split(".")[1]
    if source.startswith("d"):
        return Worded(draft=int(source[1:]))
    return Worded(action=int(source))
