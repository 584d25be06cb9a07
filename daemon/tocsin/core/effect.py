"""What a change of an incident asks for; ``engine/apply`` carries it out in the same transaction."""

from typing import Any

import msgspec

from tocsin.core.outbox import Job
from tocsin.core.playbook import Kind, Until


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the effects."""


class Record(Effect, frozen=True, kw_only=True):
    """Write an entry into the timeline."""

    kind: str
    actor: str = "tocsin"
    via: str = "tocsin"
    data: dict[str, Any] = {}


class Notify(Effect, frozen=True, kw_only=True):
    """Page or inform targets, once for each (occurrence, round, step, target)."""

    kind: Kind
    step: str
    tier: int
    targets: tuple[str, ...]
    until: Until
    because: str
    """One clause for the person woken: why this page, why now."""
    late: int = 0
    """How much later than planned, in microseconds."""
    method: int = 1
    """Of a person: which contact method; 1 is the first, and whatever follows it is planned."""
    round: int | None = None
    """Of a further method: the round of the page that it belongs to."""


class Supersede(Effect, frozen=True, kw_only=True):
    """Withdraw what is not yet sent and waited for this; tell the providers of what was."""

    by: Until


class InRoom(Effect, frozen=True, kw_only=True):
    """Have something done about the incident's own room, by whoever makes it."""

    job: Job
    targets: tuple[str, ...] = ()
    """Whom to bring in."""


class Track(Effect, frozen=True, kw_only=True):
    """Have something done about a ticket, by its tracker."""

    tracker: str
    job: Job
    step: str
    because: str
    about: str = ""
    """See `acting.Ticket.about`."""


class Automate(Effect, frozen=True, kw_only=True):
    """Ask an automation to do its work."""

    target: str
    step: str
    because: str


class Announce(Effect, frozen=True, kw_only=True):
    """The incident's own message is out of date."""


class Measured(Effect, frozen=True, kw_only=True):
    """An occurrence has a new figure: MTTA, MTTR or MTTD. Microseconds."""

    measure: str
    """``acknowledge``, ``resolve`` or ``detect``."""
    value: int


class OccurrenceClosed(Effect, frozen=True, kw_only=True):
    """An occurrence is over; its figures go into the 30-day means."""

    cause: str
    """``alerts``, ``person``, ``healed`` or ``merged``."""


class Breached(Effect, frozen=True, kw_only=True):
    """What its severity promises was not kept: for the figures."""

    promise: str
    """``respond``, ``acknowledge``, ``resolve`` or ``update``."""
    severity: str


class DutyDone(Effect, frozen=True, kw_only=True):
    """What was left to be done about an incident is done: for the figures."""

    is_post_mortem: bool
    """Or else an action item."""
    severity: str
    outcome: str
    """``in_time``, ``late`` or ``waived``."""
