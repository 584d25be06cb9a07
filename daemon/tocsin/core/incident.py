"""An incident: what people work on. Plain data; ``core/escalation`` alone changes it."""

from enum import StrEnum

import msgspec

from tocsin.core.acting import Acting
from tocsin.core.clock import Clock
from tocsin.core.condition import Inhibition
from tocsin.core.heartbeat import Doubt
from tocsin.core.message import Messages
from tocsin.core.playbook import Playbook
from tocsin.core.reaching import Reaching
from tocsin.core.standing import Standing
from tocsin.core.work import Work


class State(StrEnum):
    """The states of an incident."""

    PENDING = "pending"
    """Held: a rule gives automation time to heal it before anybody is paged."""
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    """Acknowledged, and to be left alone until a moment; then it asks for somebody again."""
    RESOLVED = "resolved"


OPEN = (State.PENDING, State.TRIGGERED, State.ACKNOWLEDGED, State.SNOOZED)
"""Every state but resolved."""
TAKEN = (State.ACKNOWLEDGED, State.SNOOZED)
"""Somebody has it: what waited for the acknowledgment is pointless."""


class WaitReason(StrEnum):
    """Why nobody is to be paged for now."""

    WINDOW = "window"
    """A maintenance window covers it."""
    STORM = "storm"
    """One page for many incidents: it is a member of a storm."""
    INHIBITED = "inhibited"
    """A rule says that another open incident explains it."""
    FLAPPING = "flapping"
    """It comes and goes: a digest tells of it."""


class Wait(msgspec.Struct, frozen=True, array_like=True):
    """One thing that an incident's ladder waits for. (reason, by) names it within the incident."""

    reason: WaitReason
    by: str
    """The window's name, the storm's number, the rule's name."""
    until: int | None = None
    """When it ends, unless whoever knows says that it goes on; None where only they end it."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word about a storm, on its way to the members that it had at that moment."""

    name: str
    via: str
    is_person: bool
    at: int
    before: int | None = None
    """Members with this number and above have it."""


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """What makes an incident a storm: many incidents for one target, told in one page."""

    target: str
    members: int
    """How many have joined it."""
    told: int
    """How many the last page told of."""
    told_at: int
    look_at: int | None
    """When it is asked again whether it goes on; None once it is over."""
    shown: int
    """How many its own message says."""
    taken: Taken | None = None


class Planned(msgspec.Struct, frozen=True, array_like=True):
    """A step of the ladder that has not fired: which cell, and when it is due."""

    cell: str
    tier: int
    due_at: int


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of an incident that goes on in another one."""

    into: str
    """The other one's id."""
    number: int
    alerts: tuple[tuple[str, str], ...] = ()
    """(source, fingerprint) of the alerts that went there with it."""


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The alerts that share one dedup key, and how far their ladder has gone.

    All times are microseconds since the epoch, UTC. ``version`` rises with
    every change; ``events`` counts the timeline's entries. What is as by default
    is not kept: another default would change what is said by those that are kept.
    """

    # Who it is: never changes.
    id: str
    number: int
    dedup_key: str
    plan: Playbook
    """The playbook as it was when the incident was opened."""
    title: str
    service: str
    team: str = ""
    summary: str = ""
    runbook: str = ""
    """An http or https link, or empty."""
    automation: str = ""
    """The name of the automation that can heal it."""
    resolve_after: int | None = None
    """The hold-down in microseconds that rules gave it; None: the plan's."""
    drill: bool = False
    unrouted: bool = False
    """No rule, or a failing one, placed it: it runs at the playbook's ``unrouted`` level."""
    storm: Storm | None = None
    """Of a storm: whose it is, and how large. Changes with it."""
    by_hand: bool = False
    """A person has declared it: it has no alerts, and only a person resolves it."""
    linked_to: str | None = None
    """The earlier incident with the same dedup key, where that one was closed too long ago to go on."""
    first_opened_at: int

    # Where it stands.
    state: State
    severity: str
    pinned: bool = False
    """A person set the severity; alerts below it do not change it."""
    flags: tuple[str, ...] = ()
    version: int = 1
    events: int = 0
    alerts_total: int = 0
    firing: dict[str, int] = {}
    """How many alerts fire at each severity."""

    # This occurrence.
    occurrence: int = 1
    round: int = 1
    opened_at: int
    """When this occurrence was opened; while pending, when it was held; where its ladder had to wait, after that."""
    first_alert_at: int | None = None
    """The earliest ``startsAt`` of the alerts that opened the occurrence."""
    peak: str
    """The highest severity of this occurrence."""
    acked_severity: str | None = None
    """The highest severity that somebody has acknowledged in this occurrence."""
    acknowledged_at: int | None = None
    """When a person first acknowledged this occurrence; None where only a service has."""
    acknowledged_by: str | None = None
    taken_at: int | None = None
    """When `acknowledged_by` took it; None where that was before this was kept."""
    person_acknowledged_at: int | None = None
    """When a person first acknowledged after it had paged: what MTTA counts. A service's word stops the steps only."""
    firing_at_ack: int = 0
    resolved_at: int | None = None
    resolved_by: str | None = None
    """The person who resolved it; None where its alerts did."""
    last_end_at: int | None = None
    """When the last alert that ended, ended."""
    flaps: int = 0

    # The ladder.
    clock_at: int
    """What ``after`` counts from: the opening or a rise, moved by whatever lateness there was."""
    ladder: tuple[Planned, ...] = ()
    fired: tuple[str, ...] = ()
    """The cells of the ladder that have fired since ``clock_at`` was last set."""
    reached: tuple[int, ...] = ()
    """The tiers that the ladder has notified, in order."""
    flagged: tuple[str, ...] = ()
    """What flags and moments have fired: ``4.1:data_breach``, ``2.1@declared``, ``next:blocked``."""
    waits: tuple[Wait, ...] = ()
    """While there are any, no step fires and there is no fallback; all else goes on."""
    member_of: int | None = None
    """The number of the storm that tells of this occurrence."""
    inhibitions: tuple[Inhibition, ...] = ()
    """While one of these holds nobody is notified; the rules say so of every alert that joined the occurrence."""

    standing: Standing | None = None
    """What its ladder knows beyond its steps; None where that is nothing."""

    # Whether it flaps; over all its occurrences.
    notified: bool = False
    """Its ladder has notified somebody: only then there is anything to spare them."""
    flips: tuple[int, ...] = ()
    """The last moments at which it fired again, or nothing fired any more."""
    digest_at: int | None = None
    """It flaps: when the next digest is due."""
    flips_untold: int = 0
    """Flips since the last digest."""

    # What is said about it beside its pages.
    messages: Messages | None = None
    """Its room, and what people have told of it; None while it has neither."""

    acting: Acting | None = None
    """Its tickets, and what waits for a person's word; None while it has neither."""

    merged: Merged | None = None
    """While it goes on in another incident."""

    # What else is due.
    pending_until: int | None = None
    resolve_at: int | None = None
    """The end of the hold-down: all its alerts have resolved."""
    doubt: Doubt | None = None
    """All its alerts were reported resolved, and nobody believes it: its ladder goes on."""
    fallback_at: int | None = None
    """When tier 1 and the last tier are paged again; set once the ladder is exhausted."""
    grace_until: int | None = None
    """Resolved by a person while alerts fire: when what still fires reopens it."""
    believe_at: int | None = None
    """When held late copies of its alerts are believed."""
    work: Work | None = None
    """What people have made of it beside taking it; None: nothing yet."""
    clock: Clock | None = None
    """What it owes by when, and what is left to be done about it; None: what its level says, from `opened_at` on."""

    reaching: Reaching | None = None
    """Who was paged, and by which contact methods they are still to be reached."""

    @property
    def alerts_firing(self) -> int:
        """How many of its alerts fire."""
        return sum(self.firing.values())

    @property
    def hold_down(self) -> int:
        """How long all its alerts must stay resolved before it is, in microseconds."""
        return self.plan.resolve_after if self.resolve_after is None else self.resolve_after

    @property
    def is_held_back(self) -> bool:
        """Whether it notifies nobody but at a person's word."""
        return bool(self.waits) or self.state is State.SNOOZED

    @property
    def is_open(self) -> bool:
        """Whether it is anything but resolved."""
        return self.state is not State.RESOLVED

    def goes_on(self, now: int) -> bool:
        """Return whether a new alert belongs to it: it is open, or the alert starts its next occurrence."""
        if self.is_open or self.grace_until is not None or self.believe_at is not None:
            return True
        return now - (self.resolved_at or 0) <= self.plan.reopen_within
