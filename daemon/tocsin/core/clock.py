"""The clock of an incident: what it owes by when while it is open, and what is left to be done about it afterwards.

Plain data and arithmetic on it; ``transitions/promises`` and ``transitions/duties``
let it happen. All times are microseconds since the epoch, UTC.

An incident without a clock of its own (None) owes what its level says, counted
from the opening of its occurrence: nothing is written until something else is true.
"""

from enum import StrEnum

import msgspec

from tocsin.core.acting import AUTOMATION_STEP, MESSAGE_STEP, TICKET_STEP
from tocsin.core.playbook import DAY, Level

DAILY_FOR = 7 * DAY
"""How long somebody is reminded daily of what is overdue; after that weekly."""
REMINDED_FOR = 91 * DAY
"""How long somebody is reminded at all: an incident that is never over would never be forgotten."""
MOST_ITEMS = 100
"""Action items of one incident."""


class Promise(StrEnum):
    """What a severity says must be done, and by when. A breach is told once an occurrence."""

    RESPOND = "respond"
    """A person does anything about it: acknowledges, escalates, notes ..."""
    ACKNOWLEDGE = "acknowledge"
    """A person acknowledges it."""
    RESOLVE = "resolve"
    UPDATE = "update"
    """Whoever waits is told how it goes. Missed when a whole interval went by after the first reminder."""


ANSWERS = (Promise.RESPOND, Promise.ACKNOWLEDGE)
"""What a person's word is about; once an acknowledgment no longer covers the incident, these are owed again."""


class PostMortem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The review of an incident: asked for when it is resolved, until somebody says that it is done or waives it."""

    severity: str
    """The highest of the occurrence."""
    asked_at: int
    due_at: int
    remind_at: int | None
    """When its owner is reminded next; None once it is done."""
    reminded: int = 0
    """How often its owner has been."""
    done_at: int | None = None
    done_by: str = ""
    waived: bool = False
    link: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is to be done because of an incident: somebody's action item, or a follow-up of the playbook."""

    number: int
    text: str
    kind: str
    """One of the playbook's kinds (``immediate``); ``follow-up`` for what the playbook asks for by itself."""
    owner: str = ""
    """A target; "": whoever owns the post-mortem."""
    role: str = ""
    """Whose holder owns it, where no owner is named."""
    severity: str
    added_at: int
    due_at: int
    remind_at: int | None
    reminded: int = 0
    done_at: int | None = None
    done_by: str = ""


FOLLOW_UP = "follow-up"
"""The kind of what a playbook asks for after each incident."""


class Clock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the promises of one incident stand."""

    since: int | None = None
    """What the promises count from; None: the opening of the occurrence."""
    caps: dict[str, int] = {}
    """Earlier deadlines, from before a rise: a promise is due at whichever comes first."""
    met: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    """The promises breached in this occurrence."""
    paused_at: int | None = None
    """While its ladder waits: when that began; None: with the occurrence."""
    update_by: int | None = None
    """When the next update is due, or whoever writes it is reminded again."""
    reminded: int = 0
    """Reminders of an update in this occurrence."""
    unheard: int = 0
    """Those of them since the last update."""
    post_mortem: PostMortem | None = None
    items: tuple[Item, ...] = ()
    numbered: int = 0
    """The number of the last action item, of those that are gone as well."""


def deadlines(clock: Clock | None, level: Level, opened_at: int) -> dict[str, int]:
    """When each promise that is still owed is breached; nothing of it holds while the clock is paused."""
    if clock is None:
        return {promise: opened_at + within for promise, within in level.promises}
    since = opened_at if clock.since is None else clock.since
    settled = (*clock.met, *clock.missed)
    owed = {promise: since + within for promise, within in level.promises if promise not in settled}
    return {promise: min(at, clock.caps.get(promise, at)) for promise, at in owed.items()}


def next_promise(clock: Clock | None, level: Level, opened_at: int) -> int | None:
    """The next moment at which a promise is breached or an update is due."""
    if clock is None:
        return opened_at + level.soonest_promise if level.soonest_promise is not None else None
    moments = [*deadlines(clock, level, opened_at).values(), *(() if clock.update_by is None else (clock.update_by,))]
    return min(moments, default=None)


def next_duty(clock: Clock | None) -> int | None:
    """The next moment at which somebody is reminded of the post-mortem or of an action item."""
    if clock is None:
        return None
    moments = [item.remind_at for item in clock.items]
    if clock.post_mortem is not None:
        moments.append(clock.post_mortem.remind_at)
    return min((at for at in moments if at is not None), default=None)


def lead_of(within: int) -> int:
    """How long before its end somebody is reminded of what has so much time."""
    return min(DAY, within // 2)


def remind_after(due_at: int, lead: int, after: int) -> int | None:
    """The first reminder later than ``after``: ``lead`` before it is due, then, daily for a week, weekly; or None."""
    for at in (due_at - lead, due_at):
        if after < at:
            return at
    days = (after - due_at) // DAY + 1
    if days * DAY <= DAILY_FOR:
        return due_at + days * DAY
    weeks = (after - due_at - DAILY_FOR) // (7 * DAY) + 1
    at = due_at + DAILY_FOR + weeks * 7 * DAY
    return at if at <= due_at + REMINDED_FOR else None


# The steps of what the clock tells, as `Notify` and the outbox name them.

BREACH_STEP = "breach."
REMINDER = "reminder."
UPDATE_STEP = f"{REMINDER}update."
POST_MORTEM_STEP = f"{REMINDER}post-mortem."
ITEM_STEP = f"{REMINDER}item-"
DRAFT_STEP = f"{REMINDER}draft-"


def is_beside_the_ladder(step: str) -> bool:
    """Whether a step tells of a promise, reminds somebody, or is one of a playbook's actions: none of the ladder's."""
    return step.startswith((BREACH_STEP, REMINDER, MESSAGE_STEP, TICKET_STEP, AUTOMATION_STEP))


def stays_true(step: str) -> bool:
    """Whether what a step tells is worth telling also once the incident is resolved, or open again."""
    return step.startswith((BREACH_STEP, POST_MORTEM_STEP, ITEM_STEP, DRAFT_STEP, MESSAGE_STEP))
