"""Actions of a playbook: drafts, tickets, automations, rooms; and follow-ups."""

import msgspec

from tocsin.core.incident.outbox import Job
from tocsin.core.incident.timeline.entry_data import EntryData


class Drafted(EntryData, frozen=True, kw_only=True):
    """A draft that waits for confirmation."""

    kind = "drafted"
    phrase = "draft {draft}: {what} waits for confirmation"

    draft: int
    what: str
    targets: tuple[str, ...]


class DraftConfirmed(EntryData, frozen=True, kw_only=True):
    """A draft that a person confirmed."""

    kind = "confirmed"
    phrase = "draft {draft} confirmed: {what}"

    draft: int
    what: str
    targets: tuple[str, ...]
    text: str


class DraftDiscarded(EntryData, frozen=True, kw_only=True):
    """A draft that a person discarded."""

    kind = "discarded"
    phrase = "draft {draft} discarded: {what}"

    draft: int
    what: str
    reason: str


class DraftDropped(EntryData, frozen=True, kw_only=True):
    """A draft that is no longer needed."""

    kind = "draft_dropped"
    phrase = "draft {draft} dropped: {what} ({because})"

    draft: int
    what: str
    because: str


class DraftUnconfirmed(EntryData, frozen=True, kw_only=True):
    """A draft that was not confirmed before the incident was resolved."""

    kind = "draft_unconfirmed"
    phrase = "draft {draft} was not confirmed before the resolve: {what}"

    draft: int
    what: str


class AutomationRequested(EntryData, frozen=True, kw_only=True):
    """A request to an automation."""

    kind = "automation_asked"
    phrase = "automation {target} requested"

    target: str


class TicketRequested(EntryData, frozen=True, kw_only=True):
    """A request for a ticket."""

    kind = "ticket_asked"
    phrase = "ticket requested in {tracker}"

    tracker: str


class TicketOpened(EntryData, frozen=True, kw_only=True):
    """A new ticket."""

    kind = "ticket"
    phrase = "ticket {ticket} opened in {tracker}"

    tracker: str
    ticket: str
    url: str


class TicketClosed(EntryData, frozen=True, kw_only=True):
    """A closed ticket."""

    kind = "ticket_closed"
    phrase = "ticket {ticket} closed in {tracker}"

    tracker: str
    ticket: str


class TicketReopened(EntryData, frozen=True, kw_only=True):
    """A ticket that is open again."""

    kind = "ticket_reopened"
    phrase = "ticket {ticket} reopened in {tracker}"

    tracker: str
    ticket: str


class TicketRefused(EntryData, frozen=True, kw_only=True):
    """A tracker's job that is given up."""

    kind = "ticket_refused"
    phrase = "{tracker} refused {job}, no more attempts: {detail}"

    tracker: str
    job: Job
    detail: str


class RoomRequested(EntryData, frozen=True, kw_only=True):
    """A request for the incident's own room."""

    kind = "room_asked"
    phrase = "room {name} requested in {channel}"

    channel: str
    name: str


class RoomCreated(EntryData, frozen=True, kw_only=True):
    """A new room."""

    kind = "room"
    phrase = "room {name} created in {channel}"

    channel: str
    name: str


class RoomRefused(EntryData, frozen=True, kw_only=True):
    """A job about the room that is given up."""

    kind = "room_refused"
    phrase = "{channel} refused a change of the room, no more attempts: {detail}"

    channel: str
    job: Job
    detail: str


class RoomArchived(EntryData, frozen=True, kw_only=True):
    """An archived room."""

    kind = "room_archived"
    phrase = "room {name} archived"

    channel: str
    name: str


class PostmortemRequested(EntryData, frozen=True, kw_only=True):
    """A postmortem that is due."""

    kind = "post_mortem_asked"
    phrase = "postmortem due by {due_at}"

    due_at: int
    owner: tuple[str, ...]
    duty: str | msgspec.UnsetType = msgspec.UNSET
    """Always ``postmortem``; unset in entries of earlier versions, like the fields after it."""
    severity: str | msgspec.UnsetType = msgspec.UNSET
    occurrence: int | msgspec.UnsetType = msgspec.UNSET


class PostmortemCompleted(EntryData, frozen=True, kw_only=True):
    """A postmortem that is done."""

    kind = "post_mortem_done"
    phrase = "postmortem done"

    link: str
    reason: str
    late: int
    duty: str | msgspec.UnsetType = msgspec.UNSET
    """Always ``postmortem``; unset in entries of earlier versions, like the fields after it."""
    severity: str | msgspec.UnsetType = msgspec.UNSET
    occurrence: int | msgspec.UnsetType = msgspec.UNSET
    due_at: int | msgspec.UnsetType = msgspec.UNSET


class PostmortemWaived(EntryData, frozen=True, kw_only=True):
    """A postmortem that is not needed."""

    kind = "post_mortem_waived"
    phrase = "no postmortem needed: {reason}"

    link: str
    reason: str
    late: int
    duty: str | msgspec.UnsetType = msgspec.UNSET
    """Always ``postmortem``; unset in entries of earlier versions, like the fields after it."""
    severity: str | msgspec.UnsetType = msgspec.UNSET
    occurrence: int | msgspec.UnsetType = msgspec.UNSET
    due_at: int | msgspec.UnsetType = msgspec.UNSET


class ActionItemAdded(EntryData, frozen=True, kw_only=True):
    """A new action item."""

    kind = "item_added"
    phrase = "action item {number}: {text} ({kind}, due {due_at})"

    number: int
    text: str
    item_kind: str = msgspec.field(name="kind")
    due_at: int
    owner: tuple[str, ...]


class ActionItemDone(EntryData, frozen=True, kw_only=True):
    """An action item that is done."""

    kind = "item_done"
    phrase = "action item {number} done: {text}"

    number: int
    text: str
    late: int
