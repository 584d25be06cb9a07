"""Events of an incident, and the form of a timeline entry."""

from typing import Any

import msgspec

from tocsin.core.incident.contact_attempts import Called
from tocsin.core.incident.incident import Merged, Taken, Wait, WaitReason
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.matching.condition import Inhibition
from tocsin.core.playbook.playbook import Playbook


class Actor(msgspec.Struct, frozen=True):
    """The originator of an event, and the interface used.

    ``name`` is a person of people.yaml, a token's name, or the provider's name
    for the user; ``via`` is ``pagerduty``, ``slack``, ``api``, ``cli`` or ``tocsin``.
    """

    name: str
    via: str
    is_person: bool = True


TOCSIN = Actor("tocsin", "tocsin", is_person=False)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base class of the events; the table in ``core/incident/escalation`` defines their effect in each state."""


class Opened(Event, frozen=True, kw_only=True):
    """The first alerts of an incident, or of its next occurrence."""

    fired: tuple[str, ...]
    """The severity of each alert."""
    severity: str | None = None
    """The severity of a declared incident, which has no alerts."""
    first_alert_at: int | None = None
    hold: int = 0
    """Time in microseconds that the rules give an automation to heal the incident: the shortest of all alerts."""
    drill: bool = False
    """True if all of these alerts are drills."""
    inhibitions: tuple[Inhibition, ...] = ()
    """The rules that inhibit all of these alerts, while their conditions are true."""
    flags: tuple[str, ...] = ()
    split_from: int | None = None
    """The number of the incident from which a person has split this one off."""


class AlertsChanged(Event, frozen=True, kw_only=True):
    """New, ended or changed alerts of an open incident."""

    fired: tuple[str, ...] = ()
    """The severity of each alert that joined."""
    ended: tuple[str, ...] = ()
    """The severity of each alert that resolved."""
    moved: tuple[tuple[str, str], ...] = ()
    """The severity before and after, of each alert whose severity changed."""
    reconciled: bool = False
    """True if the ended alerts were found missing from their Alertmanager, which had sent no resolve."""
    hold: int = 0
    """For the alerts that joined: see `Opened`."""
    drill: bool = False
    """True if all alerts that joined are drills."""
    inhibitions: tuple[Inhibition, ...] = ()
    """The rules that inhibit all alerts that joined, while their conditions are true."""
    last_end_at: int | None = None
    first_alert_at: int | None = None
    flags: tuple[str, ...] = ()


class RecoveryDoubted(Event, frozen=True, kw_only=True):
    """A doubt that the alerts have really ended, at the end of the hold-down or of an earlier doubt."""

    source: str
    look_at: int
    """The time at which the end of the alerts is accepted, unless it is doubted again."""


class CopiesHeld(Event, frozen=True, kw_only=True):
    """Late firing copies of resolved alerts: the alerts count as firing from ``until`` on, unless a resolve comes."""

    until: int


class Due(Event, frozen=True, kw_only=True):
    """A due time of the incident: ``next_due(incident) <= now``."""


class StormGrew(Event, frozen=True, kw_only=True):
    """New members of a storm."""

    joined: int


class StormLooked(Event, frozen=True, kw_only=True):
    """A check of a storm. ``look_at``: the next check; None: the storm is over."""

    look_at: int | None
    taken: Taken | None = None
    """The rest of a person's response that members have not received yet."""


class WaitBegan(Event, frozen=True, kw_only=True):
    """The start of a wait, or a new ``until`` for a wait that has already begun."""

    wait: Wait


class WaitEnded(Event, frozen=True, kw_only=True):
    """The end of a wait; after the last one the ladder continues."""

    reason: WaitReason
    by: str


class Acknowledge(Event, frozen=True, kw_only=True):
    """An acknowledgment by a named person. ``occurrence`` is the one that the person saw."""

    by: Actor
    occurrence: int | None = None


class TakeOver(Event, frozen=True, kw_only=True):
    """A person's request to take an acknowledged incident over. ``occurrence`` is the one that the person saw."""

    by: Actor
    occurrence: int | None = None


class Snooze(Event, frozen=True, kw_only=True):
    """A person's request to acknowledge the incident and to silence it until a given time."""

    by: Actor
    until: int


class Unsnooze(Event, frozen=True, kw_only=True):
    """A person's request to end the snooze early."""

    by: Actor


class Resolve(Event, frozen=True, kw_only=True):
    """A person's request to close the incident."""

    by: Actor
    occurrence: int | None = None


class Escalate(Event, frozen=True, kw_only=True):
    """A person's request to page the next tier now."""

    by: Actor


class SetSeverity(Event, frozen=True, kw_only=True):
    """A person's request to pin the severity; ``severity`` None unpins it."""

    by: Actor
    severity: str | None
    reason: str = ""


class Replan(Event, frozen=True, kw_only=True):
    """A person's request to replace the incident's playbook by its current version."""

    by: Actor
    plan: Playbook


class SetFlags(Event, frozen=True, kw_only=True):
    """A person's request to set or clear flags."""

    by: Actor
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Declare(Event, frozen=True, kw_only=True):
    """A person's declaration that the alerts are an incident as the playbook defines one, not a false alarm."""

    by: Actor
    reason: str = ""


class NoteAdded(Event, frozen=True, kw_only=True):
    """A person's note for the other responders."""

    by: Actor
    text: str


class UpdatePosted(Event, frozen=True, kw_only=True):
    """A person's status update for stakeholders."""

    by: Actor
    text: str
    status: str = ""
    """One of the playbook's statuses; "": unchanged."""


class StatusSet(Event, frozen=True, kw_only=True):
    """A person's change of the status."""

    by: Actor
    status: str


class RoleTaken(Event, frozen=True, kw_only=True):
    """A person's assignment of a role to themselves or another person; ``person`` "" unassigns it."""

    by: Actor
    role: str
    """The role's key."""
    person: str


class Ticked(Event, frozen=True, kw_only=True):
    """A person's mark that a checklist item is done, or (not ``done``) is not done."""

    by: Actor
    checklist: str
    """The checklist's key."""
    number: int
    """1 is the first item."""
    done: bool = True


class MergedInto(Event, frozen=True, kw_only=True):
    """A person's request to merge this incident, with its alerts, into another one."""

    by: Actor
    merged: Merged


class MergedWith(Event, frozen=True, kw_only=True):
    """The merge of another incident into this one, or, if not ``joins``, the end of the merge."""

    by: Actor
    number: int
    joins: bool = True
    told: tuple[str, ...] = ()
    """The targets that have got a message of the other incident's playbook."""


class Linked(Event, frozen=True, kw_only=True):
    """A person's link to a related incident."""

    by: Actor
    number: int


class PostMortemDone(Event, frozen=True, kw_only=True):
    """A person's confirmation that the postmortem is done or waived."""

    by: Actor
    waived: bool = False
    link: str = ""
    reason: str = ""


class ItemAdded(Event, frozen=True, kw_only=True):
    """A new action item from a person."""

    by: Actor
    text: str
    kind: str
    """One of the playbook's kinds."""
    owner: str = ""
    """A target; "": the owner of the postmortem."""
    due_at: int | None = None
    """None: the time that the playbook gives items of this kind, from now."""


class ItemDone(Event, frozen=True, kw_only=True):
    """A person's confirmation that an action item is done."""

    by: Actor
    number: int


class CompleteDuty(Event, frozen=True, kw_only=True):
    """A person's confirmation that a duty is done."""

    by: Actor
    duty: str
    """The duty's name."""
    reason: str = ""
    """A remark for the timeline."""
    link: str = ""


class WaiveDuty(Event, frozen=True, kw_only=True):
    """A person's decision that a duty need not be done."""

    by: Actor
    duty: str
    """The duty's name."""
    reason: str


class MoveMeeting(Event, frozen=True, kw_only=True):
    """A person's request to move the meeting of a duty."""

    by: Actor
    duty: str
    """The duty's name."""
    at: int
    """The new start."""


class PersonsCalled(Event, frozen=True, kw_only=True):
    """Pages to persons who have further contact methods."""

    called: tuple[Called, ...]


class MethodFailed(Event, frozen=True, kw_only=True):
    """A page that the provider of a person's contact method refused: the next method is used now."""

    person: str
    because: str


class ShiftBegan(Event, frozen=True, kw_only=True):
    """A change of the people on call for a rotation of this incident; ``notified`` are the recipients."""

    rotation: str
    at: int
    """The start of the shift."""
    notified: tuple[str, ...]
    others: str = ""
    """The other incidents that the same message lists, in words; "" if there are none."""
    listed_in: tuple[str, int] | None = None
    """(id, number) of the incident whose message lists this one; None: it has a message of its own."""


class SetFacts(Event, frozen=True, kw_only=True):
    """Facts from a person, by name; an empty text removes one."""

    by: Actor
    facts: dict[str, str]


class RoomSettled(Event, frozen=True, kw_only=True):
    """The outcome of a job about the incident's own room."""

    job: Job
    outcome: RowState
    detail: str = ""
    id: str = ""
    """The id of a room that was created."""
    name: str = ""


class Confirmed(Event, frozen=True, kw_only=True):
    """A person's confirmation of a draft."""

    by: Actor
    draft: int
    text: str
    """The text to send: the draft's own or an edited one; "" where none is needed."""


class Discarded(Event, frozen=True, kw_only=True):
    """A person's rejection of a draft."""

    by: Actor
    draft: int
    reason: str = ""


class TicketSettled(Event, frozen=True, kw_only=True):
    """The outcome of a tracker's job."""

    tracker: str
    about: str = ""
    job: Job
    outcome: RowState
    detail: str = ""
    ref: str = ""
    """The name of a new ticket in the tracker's API calls."""
    shown: str = ""
    url: str = ""


class Delivered(Event, frozen=True, kw_only=True):
    """The outcome of a notification: accepted or given up by its channel."""

    target: str
    channel: str
    kind: str
    step: str
    outcome: str
    """``sent``, ``dead`` or ``superseded``."""
    detail: str = ""
    late: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an incident's timeline. ``seq`` counts from 1 without gaps."""

    incident_id: str
    seq: int
    at: int
    kind: str
    actor: str
    via: str
    data: dict[str, Any] = {}
