"""Obligations of an incident: deadlines while it is open, and follow-ups afterwards.

Plain data and arithmetic; ``transitions/promises`` and ``transitions/followups``
apply them. All times are microseconds since the epoch, UTC.

An incident without obligations of its own (None) has the promises of its level,
counted from the opening of its occurrence: they are stored only when they differ.
"""

from enum import StrEnum

import msgspec

from tocsin.core.duration import DAY
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.playbook.actions import AUTOMATION_STEP, MESSAGE_STEP, TICKET_STEP
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.core.playbook.playbook import Level, Moment

DAILY_FOR = 7 * DAY
"""Overdue items are reminded of daily for this long, then weekly."""
HANDOFF_STEP = "shift:"
"""Prefix of the step that informs the next shift of an incident."""
HANDOFFS_STEP = "shifts:"
"""Prefix of the step that informs the next shift of several incidents in one message."""
REMINDED_FOR = 91 * DAY
"""Time after which reminders end: otherwise an incident that is never closed would be reminded of forever."""
MOST_ITEMS = 100
"""Maximum number of action items of one incident."""


class Promise(StrEnum):
    """An action that a severity requires, with a deadline. A breach is reported once per occurrence."""

    RESPOND = "respond"
    """A person acts on it: acknowledges, escalates, adds a note ..."""
    ACKNOWLEDGE = "acknowledge"
    """A person acknowledges it."""
    RESOLVE = "resolve"
    UPDATE = "update"
    """Stakeholders get an update. Missed when a whole interval has passed since the first reminder."""


ANSWERS = (Promise.RESPOND, Promise.ACKNOWLEDGE)
"""The promises that a response meets; they are due again once an acknowledgment no longer covers the incident."""


class PostMortem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The postmortem of an incident as earlier versions stored it; `duties_of` reads it as a duty."""

    severity: str
    """The highest severity of the occurrence."""
    asked_at: int
    due_at: int
    remind_at: int | None
    """The time of the owner's next reminder; None once it is done."""
    reminded: int = 0
    """Number of reminders sent to the owner."""
    done_at: int | None = None
    done_by: str = ""
    waived: bool = False
    link: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's action item."""

    number: int
    text: str
    kind: str
    """One of the playbook's kinds (``immediate``); ``follow-up`` for an earlier version's item of the playbook."""
    owner: str = ""
    """A target; "": the owner of the postmortem."""
    role: str = ""
    """The role whose holder owns it, if no owner is named."""
    severity: str
    added_at: int
    due_at: int
    remind_at: int | None
    reminded: int = 0
    done_at: int | None = None
    done_by: str = ""


FOLLOW_UP = "follow-up"
"""The kind of the items that a playbook requires, as earlier versions stored them; they are duties now."""


class Obligations(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of an incident's promises and follow-ups."""

    since: int | None = None
    """The start of the promises' time; None: the opening of the occurrence."""
    caps: dict[str, int] = {}
    """Earlier deadlines, from before a rise in severity: a promise is due at the earlier of both."""
    met: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    """The promises breached in this occurrence."""
    paused_at: int | None = None
    """While the ladder waits: the start of the wait; None: the start of the occurrence."""
    update_by: int | None = None
    """The time at which the next update, or the next reminder of it, is due."""
    reminded: int = 0
    """Number of reminders about updates in this occurrence."""
    unheard: int = 0
    """Number of these reminders since the last update."""
    post_mortem: PostMortem | None = None
    """The postmortem, as rows of earlier versions have it, until the next change of a duty."""
    items: tuple[Item, ...] = ()
    numbered: int = 0
    """The number of the last action item, including deleted ones."""
    duties: tuple[IncidentDuty, ...] = ()
    """The duties of this occurrence, in the order in which their time began; see `duties_of`."""
    closed_at: int | None = None
    """The time at which the last duty of the resolved incident was done or waived."""


def has_open_follow_up(obligations: Obligations | None) -> bool:
    """Return whether a duty or an action item is not done."""
    if obligations is None:
        return False
    if obligations.items and any(item.done_at is None for item in obligations.items):
        return True
    return open_duties(obligations) > 0


def deadlines(obligations: Obligations | None, level: Level, opened_at: int) -> dict[str, int]:
    """Return the deadline of each promise that is still open; none applies while the clock is paused."""
    if obligations is None:
        return {promise: opened_at + within for promise, within in level.promises}
    since = opened_at if obligations.since is None else obligations.since
    settled = (*obligations.met, *obligations.missed)
    open_promises = {promise: since + within for promise, within in level.promises if promise not in settled}
    return {promise: min(at, obligations.caps.get(promise, at)) for promise, at in open_promises.items()}


def next_promise(obligations: Obligations | None, level: Level, opened_at: int) -> int | None:
    """Return the next time at which a promise is breached or an update is due."""
    if obligations is None:
        return opened_at + level.soonest_promise if level.soonest_promise is not None else None
    if obligations.met or obligations.missed or obligations.caps:
        soonest = min(deadlines(obligations, level, opened_at).values(), default=None)
    else:  # asked for with each alert of an incident, of which most have no other state than open promises
        since = opened_at if obligations.since is None else obligations.since
        soonest = since + level.soonest_promise if level.soonest_promise is not None else None
    update_by = obligations.update_by
    return update_by if soonest is None or (update_by is not None and update_by < soonest) else soonest


def next_follow_up(obligations: Obligations | None) -> int | None:
    """Return the next time at which a duty is breached, or a reminder of one or of an action item is due."""
    if obligations is None:
        return None
    soonest = None
    reminded: tuple[Item | IncidentDuty, ...] = (*obligations.items, *duties_of(obligations))
    for each in reminded:
        if each.remind_at is not None and (soonest is None or each.remind_at < soonest):
            soonest = each.remind_at
    return soonest


def duties_of(obligations: Obligations | None) -> tuple[IncidentDuty, ...]:
    """Return the duties of the occurrence, including the postmortem of an earlier version's row."""
    if obligations is None:
        return ()
    if obligations.post_mortem is None:
        return obligations.duties
    return (_as_duty(obligations.post_mortem), *obligations.duties)


def open_duties(obligations: Obligations | None) -> int:
    """Return the number of duties that are neither done nor waived, including those of an earlier version's row."""
    if obligations is None:
        return 0
    number = 0
    for item in obligations.items:
        number += item.kind == FOLLOW_UP and item.done_at is None
    for duty in duties_of(obligations):
        number += duty.done_at is None
    return number


def duty_named(obligations: Obligations | None, name: str) -> IncidentDuty | None:
    """Return the duty of that name; None if there is none."""
    return next((duty for duty in duties_of(obligations) if duty.name == name), None)


POST_MORTEM_TEXT = "Write the postmortem"


def _as_duty(former: PostMortem) -> IncidentDuty:
    """Return an earlier version's postmortem as a duty; a missed deadline that was reported is not reported again."""
    was_due = former.remind_at is None or former.remind_at > former.due_at
    return IncidentDuty(
        name=POST_MORTEM,
        text=POST_MORTEM_TEXT,
        since=Moment.RESOLVED,
        severity=former.severity,
        occurrence=0,
        asked_at=former.asked_at,
        due_at=former.due_at,
        remind_at=former.remind_at,
        reminded=former.reminded,
        breached_at=former.due_at if was_due and former.done_at is None else None,
        done_at=former.done_at,
        done_by=former.done_by,
        waived=former.waived,
        link=former.link,
    )


def lead_of(within: int) -> int:
    """Return how long before its deadline something with so much time is first reminded of."""
    return min(DAY, within // 2)


def remind_after(due_at: int, lead: int, after: int) -> int | None:
    """Return the first reminder after ``after``, or None.

    Reminders are sent ``lead`` before the due time, at the due time, then daily for a week, then weekly.
    """
    for at in (due_at - lead, due_at):
        if after < at:
            return at
    days = (after - due_at) // DAY + 1
    if days * DAY <= DAILY_FOR:
        return due_at + days * DAY
    weeks = (after - due_at - DAILY_FOR) // (7 * DAY) + 1
    at = due_at + DAILY_FOR + weeks * 7 * DAY
    return at if at <= due_at + REMINDED_FOR else None


# Steps of reminders and breaches, as named in `Notify` and the outbox.

BREACH_STEP = "breach."
REMINDER = "reminder."
UPDATE_STEP = f"{REMINDER}update."
POST_MORTEM_STEP = f"{REMINDER}post-mortem."
ITEM_STEP = f"{REMINDER}item-"
DUTY_STEP = f"{REMINDER}duty-"
BREACHED_DUTY_STEP = f"{BREACH_STEP}duty-"
MEETING_STEP = "meeting."
CANCELED_MEETING_STEP = "meeting_canceled."
"""Prefix of the step that cancels a meeting: then the duty, the occurrence, the sequence, its start and its end."""
UNCONFIRMED_STEP = f"{REMINDER}unconfirmed-"
"""Step of the notification that a draft was not confirmed before the incident ended."""
DRAFT_STEP = f"{REMINDER}draft-"
TAKEN_OVER_STEP = "taken_over."
"""Step of the notification to a former owner."""
ROLE_STEP = "role."
"""Step of the notification to a person to whom another person has assigned a role; then the role, and the time."""
ACKNOWLEDGED_STEP = "acknowledged."
"""Step of the notification that another person has acknowledged, for those paged until the incident is resolved."""


_STAYING = (
    *(BREACH_STEP, POST_MORTEM_STEP, ITEM_STEP, DUTY_STEP, DRAFT_STEP, UNCONFIRMED_STEP),
    *(MEETING_STEP, CANCELED_MEETING_STEP, MESSAGE_STEP, HANDOFFS_STEP, ROLE_STEP),
)


def is_beside_the_ladder(step: str) -> bool:
    """Return whether a step belongs to a promise, a reminder, a response or a playbook's action, not to the ladder."""
    return step.startswith(
        (
            *(BREACH_STEP, REMINDER, TAKEN_OVER_STEP, ACKNOWLEDGED_STEP, MEETING_STEP, CANCELED_MEETING_STEP),
            *(MESSAGE_STEP, TICKET_STEP, AUTOMATION_STEP, ROLE_STEP),
        )
    )


def is_of_the_ladder(step: str) -> bool:
    """Return whether a step is a cell of the tier matrix: ``1.1``, ``4.1:data_breach``, ``2.1@declared``."""
    return step[:1].isdecimal()


def stays_true(step: str) -> bool:
    """Return whether a step's message is still useful once the incident is resolved, or open again."""
    return step.startswith(_STAYING)


def is_handoff(step: str) -> bool:
    """Return whether a step informs the next shift, of one incident or of several."""
    return step.startswith((HANDOFF_STEP, HANDOFFS_STEP))
