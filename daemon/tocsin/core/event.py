"""What can happen to an incident, and the timeline entry that each leaves."""

from typing import Any

import msgspec

from tocsin.core.condition import Inhibition
from tocsin.core.incident import Merged, Taken, Wait, WaitReason
from tocsin.core.outbox import Job, RowState
from tocsin.core.playbook import Playbook
from tocsin.core.reaching import Called


class Actor(msgspec.Struct, frozen=True):
    """Who did it, and through what.

    ``name`` is a person of people.yaml, a token's name, or what the provider
    calls the user; ``via`` is ``pagerduty``, ``slack``, ``api``, ``cli`` or ``tocsin``.
    """

    name: str
    via: str
    is_person: bool = True


TOCSIN = Actor("tocsin", "tocsin", is_person=False)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the events; ``core/escalation`` has the table of what each does in which state."""


class Waitable(Event, frozen=True, kw_only=True):
    """Base of what may let the ladder notify somebody without a person's asking for it."""

    waits: tuple[Wait, ...] = ()
    """What the ladder waits for before it notifies anybody: these waits begin with the event."""


class Opened(Waitable, frozen=True, kw_only=True):
    """Its first alerts arrived; also the start of its next occurrence."""

    fired: tuple[str, ...]
    """The severity of each alert."""
    severity: str | None = None
    """Of what a person declares, which has no alerts."""
    first_alert_at: int | None = None
    hold: int = 0
    """How long the rules give automation to heal it, in microseconds: the shortest that an alert asks for."""
    drill: bool = False
    """Every one of these alerts is a drill."""
    inhibitions: tuple[Inhibition, ...] = ()
    """What inhibits every one of these alerts, whenever it holds."""
    flags: tuple[str, ...] = ()


class AlertsChanged(Waitable, frozen=True, kw_only=True):
    """Alerts of an open incident began, ended or changed their severity."""

    fired: tuple[str, ...] = ()
    """The severity of each alert that joined."""
    ended: tuple[str, ...] = ()
    """The severity of each alert that resolved."""
    moved: tuple[tuple[str, str], ...] = ()
    """(from, to) of each alert whose severity changed."""
    reconciled: bool = False
    """Those that ended were found to be gone from their Alertmanager, which has told nobody."""
    hold: int = 0
    """Of those that joined: see `Opened`."""
    drill: bool = False
    """Every alert that joined is a drill."""
    inhibitions: tuple[Inhibition, ...] = ()
    """What inhibits every alert that joined, whenever it holds."""
    last_end_at: int | None = None
    first_alert_at: int | None = None
    flags: tuple[str, ...] = ()


class RecoveryDoubted(Waitable, frozen=True, kw_only=True):
    """Its hold-down is over, or it was doubted before, and that its alerts have ended is not believed."""

    source: str
    look_at: int
    """When it is believed, unless whoever knows doubts it again."""


class CopiesHeld(Event, frozen=True, kw_only=True):
    """Late copies of resolved alerts arrived; they are believed at ``until`` unless contradicted."""

    until: int


class Due(Waitable, frozen=True, kw_only=True):
    """Something about the incident is due: ``next_due(incident) <= now``."""


class StormGrew(Event, frozen=True, kw_only=True):
    """More incidents have joined a storm."""

    joined: int


class StormLooked(Event, frozen=True, kw_only=True):
    """A storm was looked at. ``look_at``: when it is again; None: it is over."""

    look_at: int | None
    taken: Taken | None = None
    """What is left to be done of a person's word."""


class WaitBegan(Event, frozen=True, kw_only=True):
    """Its ladder has to wait, or to wait longer: a wait that it has already gets the new ``until``."""

    wait: Wait


class WaitEnded(Waitable, frozen=True, kw_only=True):
    """What the ladder waited for is over; after the last one it goes on."""

    reason: WaitReason
    by: str


class Acknowledge(Event, frozen=True, kw_only=True):
    """A named person takes the incident. ``occurrence`` is the one that the person saw."""

    by: Actor
    occurrence: int | None = None


class Snooze(Event, frozen=True, kw_only=True):
    """A person takes it, and wants it left alone until a moment."""

    by: Actor
    until: int


class Unsnooze(Event, frozen=True, kw_only=True):
    """A person goes on with it before that."""

    by: Actor


class Resolve(Event, frozen=True, kw_only=True):
    """A person closes it."""

    by: Actor
    occurrence: int | None = None


class Escalate(Event, frozen=True, kw_only=True):
    """A person asks for the next tier now."""

    by: Actor


class SetSeverity(Event, frozen=True, kw_only=True):
    """A person pins the severity; ``severity`` None unpins it."""

    by: Actor
    severity: str | None
    reason: str = ""


class Replan(Event, frozen=True, kw_only=True):
    """A person gives it the playbook as it is now, in place of the one that it began with."""

    by: Actor
    plan: Playbook


class SetFlags(Event, frozen=True, kw_only=True):
    """A person sets or clears flags."""

    by: Actor
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Declare(Event, frozen=True, kw_only=True):
    """A person says that it is an incident in the playbook's sense, and no false alarm."""

    by: Actor
    reason: str = ""


class NoteAdded(Event, frozen=True, kw_only=True):
    """A person notes something for those who work on it."""

    by: Actor
    text: str


class UpdatePosted(Event, frozen=True, kw_only=True):
    """A person tells those who wait how it goes."""

    by: Actor
    text: str
    status: str = ""
    """One of the playbook's statuses; "": it stays as it is."""


class StatusSet(Event, frozen=True, kw_only=True):
    """A person says where it stands."""

    by: Actor
    status: str


class RoleTaken(Event, frozen=True, kw_only=True):
    """A person takes a role, gives it to another, or (with no ``person``) lays it down."""

    by: Actor
    role: str
    """Its key."""
    person: str


class Ticked(Event, frozen=True, kw_only=True):
    """A person says that an item of a checklist is done, or (not ``done``) that it is not."""

    by: Actor
    checklist: str
    """Its key."""
    number: int
    """1 is the first item."""
    done: bool = True


class MergedInto(Event, frozen=True, kw_only=True):
    """A person has found that it is the same as another incident: it goes on there, with its alerts."""

    by: Actor
    merged: Merged


class MergedWith(Event, frozen=True, kw_only=True):
    """Another incident, and its alerts, go on in this one (not ``joins``: they do so no more)."""

    by: Actor
    number: int
    joins: bool = True


class Linked(Event, frozen=True, kw_only=True):
    """A person has found that it has to do with another incident."""

    by: Actor
    number: int


class PostMortemDone(Event, frozen=True, kw_only=True):
    """A person says that the post-mortem is done, or that none is needed."""

    by: Actor
    waived: bool = False
    link: str = ""
    reason: str = ""


class ItemAdded(Event, frozen=True, kw_only=True):
    """A person writes down an action item."""

    by: Actor
    text: str
    kind: str
    """One of the playbook's kinds."""
    owner: str = ""
    """A target; "": whoever owns the post-mortem."""
    due_at: int | None = None
    """None: as the kind says, from now."""


class ItemDone(Event, frozen=True, kw_only=True):
    """A person says that an action item is done."""

    by: Actor
    number: int


class PersonsCalled(Event, frozen=True, kw_only=True):
    """Persons have been paged who have further contact methods."""

    called: tuple[Called, ...]


class MethodFailed(Event, frozen=True, kw_only=True):
    """The provider of a person's contact method has not taken the page: the next one is used now."""

    person: str
    because: str


class ShiftBegan(Event, frozen=True, kw_only=True):
    """Other people are on call now for a rotation of this incident; ``told`` are those who must hear of it."""

    rotation: str
    at: int
    """When the shift began."""
    told: tuple[str, ...]


class SetFacts(Event, frozen=True, kw_only=True):
    """A person says what has been found out, by name; an empty text takes it back."""

    by: Actor
    facts: dict[str, str]


class RoomSettled(Event, frozen=True, kw_only=True):
    """What was asked for about the incident's own room has been done, or never will be."""

    job: Job
    outcome: RowState
    detail: str = ""
    id: str = ""
    """Of a room that has been made."""
    name: str = ""


class Confirmed(Event, frozen=True, kw_only=True):
    """A person has read a draft, and wants it done."""

    by: Actor
    draft: int
    text: str
    """What goes out: what was read, or what has been made of it; "" where it needs no words."""


class Discarded(Event, frozen=True, kw_only=True):
    """A person wants nothing of a draft."""

    by: Actor
    draft: int
    reason: str = ""


class TicketSettled(Event, frozen=True, kw_only=True):
    """What was asked of a tracker has been done, or never will be."""

    tracker: str
    about: str = ""
    job: Job
    outcome: RowState
    detail: str = ""
    ref: str = ""
    """Of a ticket that has been opened: what the tracker's own calls name it by."""
    shown: str = ""
    url: str = ""


class Delivered(Event, frozen=True, kw_only=True):
    """A channel accepted a notification, or gave up on it."""

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
