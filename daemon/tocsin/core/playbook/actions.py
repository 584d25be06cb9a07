"""Actions of a playbook other than paging: messages, tickets and automations at a moment of an incident.

`PlaybookAction` is one of a playbook's ``actions:``; `Acting` is the state of an
incident's actions. All times are microseconds since the epoch, UTC.
"""

from enum import StrEnum

import msgspec

MESSAGE_STEP = "message."
TICKET_STEP = "ticket."
AUTOMATION_STEP = "automation."
"""Prefixes of the actions' steps in the outbox; `step_of` adds the rest."""


class Verb(StrEnum):
    """Type of action."""

    MESSAGE = "message"
    """Send a message from the playbook's template."""
    TRACKER = "tracker"
    """Open a ticket, or update the existing one."""
    AUTOMATION = "automation"
    """Request the run of an automation."""


class PlaybookAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of a playbook's ``actions:``."""

    at: tuple[str, ...]
    """The moments at which it is due: `playbook.Moment`s, ``flagged``, ``recorded``, ``ticketed``."""
    verb: Verb
    what: str
    """A message's template, a tracker's name, or an automation's target."""
    to: tuple[str, ...] = ()
    """The recipients of a message."""
    template: str = ""
    """The template for the text of a ticket or an automation; "" for the default text."""
    severities: tuple[str, ...] = ()
    """The severities at which the action is carried out; empty: all."""
    when: tuple[str, ...] = ()
    """The action is carried out only while one of these flags is set; empty: always."""
    facts: tuple[str, ...] = ()
    """For ``recorded``: the facts that trigger it, once in an occurrence."""
    labels: tuple[str, ...] = ()
    """For a tracker: labels of its tickets, besides those of the tracker's settings."""
    confirm: bool = False
    """True if a person must read and confirm the text first."""
    only_if_told: bool = False
    """True if only recipients of an earlier message about this occurrence get the message."""

    @property
    def words(self) -> str:
        """The template of its text; "" if there is none."""
        return self.what if self.verb is Verb.MESSAGE else self.template

    @property
    def targets(self) -> tuple[str, ...]:
        """The recipients in the timeline."""
        return self.to if self.verb is Verb.MESSAGE else (self.what,)


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action that waits for a person's confirmation."""

    number: int
    """Number among the incident's drafts, from 1."""
    action: PlaybookAction
    moment: str
    at: int


TICKET = "ticket"
"""Target of outbox rows about an incident's own ticket; for another ticket, the target is its subject."""


def about_of(target: str) -> str:
    """Return the subject of a row's ticket; "" for the incident itself."""
    return "" if target == TICKET else target


class TicketState(StrEnum):
    """State of a ticket, as far as tocsin knows."""

    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    FAILED = "failed"
    """The tracker permanently refused to open it."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An incident's ticket in one tracker. It outlives the occurrence."""

    tracker: str
    """A name under ``trackers:``."""
    about: str = ""
    """"\\"\\": the incident itself; ``item-1``: its first action item."""
    state: TicketState = TicketState.ASKED
    ref: str = ""
    """The ticket's name in the tracker's API calls."""
    shown: str = ""
    """The ticket's name for people: ``#42``, ``OPS-17``."""
    url: str = ""

    @property
    def is_there(self) -> bool:
        """True once the tracker has opened it."""
        return bool(self.ref)


class Acting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of an incident's actions."""

    tickets: tuple[Ticket, ...] = ()
    drafts: tuple[Draft, ...] = ()
    drafted: int = 0
    """Number of drafts so far."""
    told: tuple[str, ...] = ()
    """The targets that have got a message of the playbook in this occurrence."""
    behind_at: str = ""
    """The severity whose actions are carried out, while the ladder waits and a rise has not been followed; else ""."""
    number_by: int | None = None
    """The time at which actions that wait for the ticket's number no longer wait; None: none waits."""
    once: tuple[str, ...] = ()
    """The actions of this occurrence that must not be carried out again."""
    recorded: tuple[str, ...] = ()
    """The facts recorded before the incident was under way; their actions wait for that."""

    def ticket(self, tracker: str, about: str = "") -> Ticket | None:
        """Return the ticket for the incident, or for one of its action items, in a tracker; None if there is none."""
        matches = (ticket for ticket in self.tickets if (ticket.tracker, ticket.about) == (tracker, about))
        return next(matches, None)

    def draft(self, number: int) -> Draft | None:
        """Return the draft of that number; None if it no longer waits."""
        return next((draft for draft in self.drafts if draft.number == number), None)


NOTHING = Acting()

_STEPS = {Verb.MESSAGE: MESSAGE_STEP, Verb.TRACKER: TICKET_STEP, Verb.AUTOMATION: AUTOMATION_STEP}


class Worded(msgspec.Struct, frozen=True):
    """Source of a row's text: an action of the plan, or a confirmed draft."""

    action: int = 0
    """Number among the playbook's actions; the first is 1."""
    draft: int = 0


def step_of(verb: Verb, version: int, worded: Worded, more: str = "") -> str:
    """Return the step of a row: ``message.3.17`` is action 3 at version 17, ``message.d2.17`` the second draft."""
    source = f"d{worded.draft}" if worded.draft else str(worded.action)
    return f"{_STEPS[verb]}{source}.{version}" + (f".{more}" if more else "")


def moment_of(step: str) -> str:
    """Return the moment of a ticket's step (``ticket.3.17.updated``); "" if the step has none."""
    parts = step.split(".", 3)
    return parts[3] if step.startswith(TICKET_STEP) and len(parts) > 3 else ""


def worded_by(step: str) -> Worded | None:
    """Return the source of a step's text; None if the step is not an action's."""
    if not step.startswith(tuple(_STEPS.values())):
        return None
    source = step.split(".")[1]
    if source.startswith("d"):
        return Worded(draft=int(source[1:]))
    return Worded(action=int(source))
