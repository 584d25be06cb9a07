"""What is to be said to whom: a row of the outbox, and whether it still makes sense."""

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from tocsin.core.acting import TicketState, about_of
from tocsin.core.clock import stays_true
from tocsin.core.incident import TAKEN, Incident, State
from tocsin.core.message import RoomState
from tocsin.core.playbook import Kind, Until

DIGEST = "digest"
"""The step that tells of an incident that flaps: what it says stays true whatever has become of it since."""


class Job(StrEnum):
    """What a row of the outbox asks its channel to do."""

    PAGE = "page"
    """Demand acknowledgment."""
    UPDATE = "update"
    """Inform one target."""
    ACKNOWLEDGE = "acknowledge"
    """Tell whoever got page ``about`` that somebody has the incident."""
    RESOLVE = "resolve"
    """Tell whoever got page ``about`` that it is over."""
    ANNOUNCE = "announce"
    """Bring the incident's own message up to date; the newest state wins."""
    HISTORY = "history"
    """Append what the timeline has gained since the last time."""
    ROOM_CREATE = "room_create"
    """Make a room for this incident alone."""
    ROOM_TOPIC = "room_topic"
    """Say in its topic what it is about, as things are when it is sent."""
    ROOM_INVITE = "room_invite"
    """Bring people into it: ``recipient`` lists them."""
    ROOM_PIN = "room_pin"
    """Pin the incident's own message there."""
    ROOM_ARCHIVE = "room_archive"
    TICKET_OPEN = "ticket_open"
    """Open a ticket for this incident."""
    TICKET_UPDATE = "ticket_update"
    """Bring its labels, its priority and whether it is open in line with the incident."""
    TICKET_COMMENT = "ticket_comment"
    """Say something there."""
    TICKET_CLOSE = "ticket_close"
    """Say something there, and close it."""
    AUTOMATE = "automate"
    """Have an automation do its work."""


JOB_OF = {kind: Job(kind.value) for kind in Kind}
"""The job of a step of the ladder."""

ROOM_JOBS = frozenset({Job.ROOM_CREATE, Job.ROOM_TOPIC, Job.ROOM_INVITE, Job.ROOM_PIN, Job.ROOM_ARCHIVE})
"""Jobs of a channel that can make rooms."""

TICKET_JOBS = frozenset({Job.TICKET_OPEN, Job.TICKET_UPDATE, Job.TICKET_COMMENT, Job.TICKET_CLOSE})
"""Jobs of a tracker."""

CHANNEL_JOBS = frozenset(Job) - ROOM_JOBS - TICKET_JOBS
"""Jobs of a channel that tells whoever reads it whatever there is to be told."""

LEVEL_TRIGGERED = frozenset({Job.ANNOUNCE, Job.HISTORY})
"""Jobs that say whatever is true when they are sent: one waiting row is enough."""


class RowState(StrEnum):
    """Where a row stands. It never leaves a final state."""

    PENDING = "pending"
    SENT = "sent"
    SUPERSEDED = "superseded"
    """Pointless before it was sent."""
    DEAD = "dead"
    """Refused for good by its channel."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox. Times are microseconds since the epoch, UTC."""

    key: str
    """The idempotency key, unique for ever; what the provider gets where it takes one."""
    order_no: int = 0
    """Assigned by the store; rows of one (incident, channel, destination) go out in this order."""
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
    """The key of the page that an acknowledge or a resolve refers to."""
    stranded: bool = False
    """The target had no working contact; the console has it instead."""
    late: int = 0
    """How much later than planned the step fired, in microseconds."""
    received_at: int
    """When the webhook arrived that led here, or the moment of the step."""

    state: RowState = RowState.PENDING
    not_before: int
    attempts: int = 0
    fence: int = 0
    """Rises with each claim; a result that carries an older one is stale."""
    lease_until: int | None = None
    possibly_delivered: bool = False
    """An attempt ended without an answer: the provider may have taken it."""
    overdue_at: int
    """Of a page: when somebody else is told as well, if nobody has taken it by then."""
    fell_back: bool = False
    """It was overdue or dead, and somebody else has been told instead, where anybody was still needed."""
    created_at: int
    done_at: int | None = None

    @property
    def is_last_fallback(self) -> bool:
        """Return whether it is a page to tocsin's own people, after every other way has failed."""
        return self.job is Job.PAGE and self.stranded and self.fell_back


def anew(row: Outgoing, key: str, now: int, **changes: Any) -> Outgoing:
    """A row of its own, made after another one: nothing of that one's delivery is carried over."""
    fresh: dict[str, Any] = {
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
    return msgspec.structs.replace(row, **(fresh | changes))


def idempotency_key(instance: str, incident_id: str, occurrence: int, round_: int, step: str, target: str) -> str:
    """The key of one notification; never reused, because an open key does not notify again."""
    text = "\x00".join((instance, incident_id, str(occurrence), str(round_), step, target))
    return hashlib.sha256(text.encode()).hexdigest()


def still_wanted(row: Outgoing, incident: Incident) -> bool:
    """Whether a row that is about to be sent still makes sense.

    Asked at every claim: what waited for an acknowledgment or a resolve that
    has happened since is not sent.
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
    return not (row.until is Until.ACKNOWLEDGED and incident.state in TAKEN)


def _is_wanted_in_room(row: Outgoing, incident: Incident) -> bool:
    """One room is made, unless all is over before there is one; nothing is done in one that is not there."""
    room = incident.messages.room if incident.messages is not None else None
    if room is None or row.job is Job.ROOM_ARCHIVE:
        return room is not None
    if row.job is Job.ROOM_CREATE:  # one that may have been made already is found, and archived in its time
        return room.state is RoomState.ASKED and (incident.is_open or row.possibly_delivered)
    return room.state is RoomState.OPEN


def _is_wanted_in_tracker(row: Outgoing, incident: Incident) -> bool:
    """One ticket is opened; nothing is said in one that is not there."""
    ticket = incident.acting.ticket(row.channel, about_of(row.target)) if incident.acting is not None else None
    if ticket is None:
        return False
    return ticket.state is TicketState.ASKED if row.job is Job.TICKET_OPEN else ticket.is_there
