"""Effects of a change of an incident; ``engine/change/effects`` carries them out in the same transaction."""

import msgspec

from tocsin.core.incident.outbox import Job
from tocsin.core.incident.timeline.entry_data import EntryData
from tocsin.core.playbook.playbook import Kind, Until


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Base class of the effects."""


class Record(Effect, frozen=True, kw_only=True):
    """A new timeline entry."""

    entry: EntryData
    actor: str = "tocsin"
    via: str = "tocsin"


class Notify(Effect, frozen=True, kw_only=True):
    """A page or update to targets, once for each (occurrence, round, step, target)."""

    kind: Kind
    step: str
    tier: int
    targets: tuple[str, ...]
    until: Until
    because: str
    """One clause for the recipient: the reason for this notification now."""
    late: int = 0
    """Delay behind the plan, in microseconds."""
    method: int = 1
    """Number of the person's contact method, from 1. Only a page by the first method plans the further methods."""
    round: int | None = None
    """For a further method: the round of the page to which it belongs; else None."""


class Supersede(Effect, frozen=True, kw_only=True):
    """The withdrawal of unsent rows that an acknowledgment or a resolve makes pointless.

    The providers of rows that were sent are informed.
    """

    by: Until


class InRoom(Effect, frozen=True, kw_only=True):
    """A job about the incident's own room, for the channel that made it."""

    job: Job
    targets: tuple[str, ...] = ()
    """The targets to invite."""


class Track(Effect, frozen=True, kw_only=True):
    """A job about a ticket, for its tracker."""

    tracker: str
    job: Job
    step: str
    because: str
    about: str = ""
    """See `core.playbook.actions.Ticket.about`."""


class Automate(Effect, frozen=True, kw_only=True):
    """A request to an automation."""

    target: str
    step: str
    because: str


class Announce(Effect, frozen=True, kw_only=True):
    """An update of the incident's own message."""


class Measured(Effect, frozen=True, kw_only=True):
    """A new figure of an occurrence: MTTA, MTTR or MTTD. Microseconds."""

    measure: str
    """``acknowledge``, ``resolve`` or ``detect``."""
    value: int


class OccurrenceClosed(Effect, frozen=True, kw_only=True):
    """The end of an occurrence; its figures go into the 30-day means."""

    cause: str
    """``alerts``, ``person``, ``healed`` or ``merged``."""


class Breached(Effect, frozen=True, kw_only=True):
    """A breach of one of the severity's promises, for the metrics."""

    promise: str
    """``respond``, ``acknowledge``, ``resolve`` or ``update``."""
    severity: str


class FollowUpDone(Effect, frozen=True, kw_only=True):
    """The completion of a postmortem or an action item, for the metrics."""

    is_post_mortem: bool
    """True: a postmortem; False: an action item."""
    severity: str
    outcome: str
    """``in_time``, ``late`` or ``waived``."""


class DutyMissed(Effect, frozen=True, kw_only=True):
    """A duty that was not done by its deadline, for the metrics."""

    severity: str


class DutySettled(Effect, frozen=True, kw_only=True):
    """The end of a duty, for the metrics."""

    severity: str
    outcome: str
    """``in_time``, ``late`` or ``waived``."""
