"""Rows of the outbox: messages to send, and the check whether they are still wanted."""

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from tocsin.core.incident.incident import TAKEN, Incident, State
from tocsin.core.incident.sla import ACKNOWLEDGED_STEP, stays_true
from tocsin.core.playbook.actions import TicketState, about_of
from tocsin.core.playbook.messages import RoomState
from tocsin.core.playbook.playbook import Kind, Until
from tocsin.core.typed_replace import replace

DIGEST = "digest"
"""The step that sends a digest about a flapping incident; its text stays true when the state changes."""


class Job(StrEnum):
    """The task of an outbox row's channel."""

    PAGE = "page"
    """Request an acknowledgment."""
    UPDATE = "update"
    """Inform one target."""
    ACKNOWLEDGE = "acknowledge"
    """Report to the recipient of page ``about`` that the incident is acknowledged."""
    RESOLVE = "resolve"
    """Report to the recipient of page ``about`` that the incident is resolved."""
    ANNOUNCE = "announce"
    """Update the incident's own message; the newest state wins."""
    HISTORY = "history"
    """Append the timeline's new entries."""
    ROOM_CREATE = "room_create"
    """Create a room for this incident alone."""
    ROOM_TOPIC = "room_topic"
    """Set the room's topic from the incident's state at the time of sending."""
    ROOM_INVITE = "room_invite"
    """Invite people to the room: ``recipient`` lists them."""
    ROOM_PIN = "room_pin"
    """Pin the incident's own message in the room."""
    ROOM_ARCHIVE = "room_archive"
    TICKET_OPEN = "ticket_open"
    """Open a ticket for this incident."""
    TICKET_UPDATE = "ticket_update"
    """Update the ticket's labels, priority and open state from the incident."""
    TICKET_COMMENT = "ticket_comment"
    """Add a comment to the ticket."""
    TICKET_CLOSE = "ticket_close"
    """Add a comment to the ticket, and close it."""
    AUTOMATE = "automate"
    """Request the run of an automation."""


JOB_OF = {kind: Job(kind.value) for kind in Kind}
"""The job for each kind of step of the ladder."""

ROOM_JOBS = frozenset({Job.ROOM_CREATE, Job.ROOM_TOPIC, Job.ROOM_INVITE, Job.ROOM_PIN, Job.ROOM_ARCHIVE})
"""Jobs of a channel that can create rooms."""

TICKET_JOBS = frozenset({Job.TICKET_OPEN, Job.TICKET_UPDATE, Job.TICKET_COMMENT, Job.TICKET_CLOSE})
"""Jobs of a tracker."""

CHANNEL_JOBS = frozenset(Job) - ROOM_JOBS - TICKET_JOBS
"""Jobs of a channel that delivers messages."""

LEVEL_TRIGGERED = frozenset({Job.ANNOUNCE, Job.HISTORY})
"""Jobs that report the state at the time of sending: one pending row is enough."""


class RowState(StrEnum):
    """State of a row. A final state never changes."""

    PENDING = "pending"
    SENT = "sent"
    SUPERSEDED = "superseded"
    """No longer needed, and never sent."""
    DEAD = "dead"
    """Given up: refused by the channel, not renderable, or not delivered for too long."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox. Times are microseconds since the epoch, UTC."""

    key: str
    """The idempotency key, unique forever; sent to the provider if it accepts one."""
    order_no: int = 0
    """Assigned by the store; rows of one (incident, channel, destination) are sent in this order."""
    incident_id: str
    occurrence: int
    round: int
    step: str
    tier: int = 0
    target: str
    channel: str
    destination: str
    recipient: str = ""
    job: Job
    until: Until = Until.RESOLVED
    severity: str
    """The incident's severity when the row was written."""
    because: str = ""
    about: str = ""
    """The key of the page to which an acknowledge or a resolve refers."""
    stranded: bool = False
    """True if the row replaces one whose target could not be reached: it goes to other people, or to the console."""
    late: int = 0
    """Delay of the step behind the plan, in microseconds."""
    received_at: int
    """The time at which the webhook that led here arrived, or the time of the step."""

    state: RowState = RowState.PENDING
    not_before: int
    attempts: int = 0
    fence: int = 0
    """Increases with each claim; a result with a smaller fence is stale."""
    lease_until: int | None = None
    possibly_delivered: bool = False
    """True if an attempt got no response: the provider may have accepted it."""
    overdue_at: int
    """For a page: the time at which another contact is used as well, unless the page has been delivered."""
    fell_back: bool = False
    """True if no fallback is to be looked for any more: one was used, or none was needed."""
    created_at: int
    done_at: int | None = None

    @property
    def is_last_fallback(self) -> bool:
        """Return whether the row is a page to other people after every contact of the target has failed."""
        return self.job is Job.PAGE and self.stranded and self.fell_back


def derived_row(row: Outgoing, key: str, now: int, **changes: Any) -> Outgoing:
    """Return a new row based on ``row``, without its delivery state."""
    reset: dict[str, Any] = {
        "key": key,
        "order_no": 0,
        "state": RowState.PENDING,
        "not_before": now,
        "attempts": 0,
        "fence": 0,
        "lease_until": None,
        "possibly_delivered": False,
        "overdue_at": now + row.overdue_at - row.created_at,
        "fell_back": False,
        "created_at": now,
        "done_at": None,
    }
    return replace(row, **(reset | changes))


def idempotency_key(instance: str, incident_id: str, occurrence: int, round_: int, step: str, target: str) -> str:
    """Return the key of one notification; never reused, because an open key does not notify again."""
    text = "\x00".join((instance, incident_id, str(occurrence), str(round_), step, target))
    return hashlib.sha256(text.encode()).hexdigest()


def still_wanted(row: Outgoing, incident: Incident) -> bool:
    """Return whether a row that is about to be sent is still needed.

    Checked at every claim: a row until acknowledged or until resolved is not sent
    once that has happened.
    """
    if row.job in ROOM_JOBS:
        return _is_wanted_in_room(row, incident)
    if row.job in TICKET_JOBS:
        return _is_wanted_in_tracker(row, incident)
    if row.job not in (Job.PAGE, Job.UPDATE, Job.AUTOMATE) or (
        row.job is Job.UPDATE and (row.step == DIGEST or stays_true(row.step))
    ):
        return True
    if row.occurrence != incident.occurrence or incident.state is State.RESOLVED:
        return False
    if row.step.startswith(ACKNOWLEDGED_STEP):  # it says that no acknowledgment is needed
        return incident.state in TAKEN
    return not (row.until is Until.ACKNOWLEDGED and incident.state in TAKEN)


def _is_wanted_in_room(row: Outgoing, incident: Incident) -> bool:
    """Return whether a row about a room is still needed: only one room is created, and other jobs need an open one."""
    room = incident.messages.room if incident.messages is not None else None
    if room is None or row.job is Job.ROOM_ARCHIVE:
        return room is not None
    if row.job is Job.ROOM_CREATE:  # a room that may exist already is detected by the retry, and archived later
        return room.state is RoomState.ASKED and (incident.is_open or row.possibly_delivered)
    return room.state is RoomState.OPEN


def _is_wanted_in_tracker(row: Outgoing, incident: Incident) -> bool:
    """Return whether a row about a ticket is still needed: one ticket is opened, and other jobs need this ticket."""
    ticket = incident.acting.ticket(row.channel, about_of(row.target)) if incident.acting is not None else None
    if ticket is None:
        return False
    return ticket.state is TicketState.ASKED if row.job is Job.TICKET_OPEN else ticket.is_there
