"""The incident as plain data; only ``core/incident/escalation`` changes it."""

from enum import StrEnum

import msgspec

from tocsin.core.alerts.heartbeat import Doubt
from tocsin.core.alerts.subject import Subject
from tocsin.core.incident.contact_attempts import ContactAttempts
from tocsin.core.incident.coordination import Work
from tocsin.core.incident.ladder_state import LadderState
from tocsin.core.incident.sla import Obligations
from tocsin.core.matching.condition import Inhibition
from tocsin.core.playbook.actions import Acting
from tocsin.core.playbook.messages import Messages
from tocsin.core.playbook.playbook import Playbook


class State(StrEnum):
    """The states of an incident."""

    PENDING = "pending"
    """In its hold: a rule gives an automation time to heal the incident before anyone is paged."""
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    """Acknowledged and silenced until a given time; then it is triggered again."""
    RESOLVED = "resolved"


OPEN = (State.PENDING, State.TRIGGERED, State.ACKNOWLEDGED, State.SNOOZED)
"""The states of an open incident."""
TAKEN = (State.ACKNOWLEDGED, State.SNOOZED)
"""The states in which a responder has the incident: steps until acknowledged are pointless."""


class WaitReason(StrEnum):
    """Reasons to hold pages back."""

    WINDOW = "window"
    """A maintenance window covers the incident."""
    STORM = "storm"
    """The incident is a member of a storm, which is paged in its place."""
    INHIBITED = "inhibited"
    """Another open incident explains the incident, according to a rule."""
    FLAPPING = "flapping"
    """The incident fires and resolves too often: digests replace its pages."""


class Wait(msgspec.Struct, frozen=True, array_like=True):
    """A reason for the ladder to wait, identified within the incident by (reason, by)."""

    reason: WaitReason
    by: str
    """The window's name, the storm's number or the rule's name."""
    until: int | None = None
    """The end of the wait, unless a judge prolongs the wait; None: the wait lasts until an event ends it."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A person's response to a storm, while tocsin applies the response to the members at that time, in portions."""

    name: str
    via: str
    is_person: bool
    at: int
    before: int | None = None
    """The members with this number and above have received the response; None: no member has yet."""


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """The storm data of an incident that stands for many incidents with the same target."""

    target: str
    members: int
    """Number of incidents that have joined the storm."""
    told: int
    """Number of incidents that the last page mentioned."""
    told_at: int
    """The time of the last page."""
    look_at: int | None
    """The time of the next check whether the storm continues; None if the storm is over."""
    shown: int
    """Number of incidents that the storm's own message mentions."""
    taken: Taken | None = None
    """The response that is being applied to the members."""


class Planned(msgspec.Struct, frozen=True, array_like=True):
    """A step of the ladder that has not fired, with its due time."""

    cell: str
    tier: int
    due_at: int


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The incident into which this one was merged."""

    into: str
    """The id of the other incident."""
    number: int
    """The number of the other incident."""
    alerts: tuple[tuple[str, str], ...] = ()
    """(source, fingerprint) of the alerts that moved to the other incident."""


class Incident(Subject, frozen=True, kw_only=True, omit_defaults=True):
    """The alerts that share one dedup key, and the state of their ladder.

    All times are microseconds since the epoch, UTC. ``version`` increases with
    every change; ``events`` counts the timeline's entries. Default values are not
    stored: a changed default would change the meaning of stored incidents. A field's
    ``name=`` is its stored name.
    """

    # Identity: never changes.
    id: str
    number: int
    dedup_key: str
    plan: Playbook
    """The playbook as it was when the incident was opened."""
    resolve_after: int | None = None
    """The hold-down in microseconds that rules set; None: the hold-down of the plan."""
    drill: bool = False
    unrouted: bool = False
    """True if no rule routed the alert, or a rule failed: the incident runs at the playbook's ``unrouted`` level."""
    unplaced: str = ""
    """The reason why the rules did not route the first alert; "" if they did, or if an older version wrote the row."""
    storm: Storm | None = None
    """The data of the storm, if the incident is one."""
    by_hand: bool = False
    """True for an incident without alerts: a person declared and resolves it, or it is a recurring reminder."""
    linked_to: str | None = None
    """The id of an earlier incident with the same dedup key that is not reopened, or of the previous reminder."""
    first_opened_at: int
    """The opening of the first occurrence."""

    # State.
    state: State
    severity: str
    pinned: bool = False
    """True if a person set the severity; alerts of lower severities do not change it."""
    flags: tuple[str, ...] = ()
    version: int = 1
    events: int = 0
    alerts_total: int = 0
    firing: dict[str, int] = msgspec.field(default_factory=dict)
    """Number of firing alerts by severity."""

    # This occurrence.
    occurrence: int = 1
    round: int = 1
    opened_at: int
    """Start of this occurrence; while pending, start of the hold; if the ladder had to wait, the end of the wait."""
    first_alert_at: int | None = None
    """The earliest ``startsAt`` of the alerts that opened the occurrence."""
    peak: str
    """The highest severity of this occurrence."""
    acked_severity: str | None = None
    """The highest acknowledged severity of this occurrence."""
    acknowledged_at: int | None = None
    """The first acknowledgment of this occurrence, by a person or a service; MTTA uses `person_acknowledged_at`."""
    acknowledged_by: str | None = None
    taken_at: int | None = None
    """Start of `acknowledged_by`'s responsibility; None if an older version wrote the row."""
    person_acknowledged_at: int | None = None
    """The first acknowledgment by a person after the first page, for MTTA."""
    firing_at_ack: int = 0
    """Number of firing alerts at the last acknowledgment."""
    resolved_at: int | None = None
    resolved_by: str | None = None
    """The person who resolved the incident; None if its alerts ended."""
    last_end_at: int | None = None
    """The end of the alert that ended last."""
    flaps: int = 0

    # The ladder.
    clock_at: int
    """The time from which the ``after`` of a cell counts: the opening or a rise of the severity, plus all delays."""
    ladder: tuple[Planned, ...] = ()
    fired: tuple[str, ...] = ()
    """The cells of the ladder that have fired since ``clock_at`` was last set."""
    reached: tuple[int, ...] = ()
    """The tiers that the ladder has notified, in order."""
    flagged: tuple[str, ...] = ()
    """Keys of the steps that flags and moments have fired: ``4.1:data_breach``, ``2.1@declared``, ``next:blocked``."""
    waits: tuple[Wait, ...] = ()
    """The current waits; while there are any, no step fires, and everything else continues."""
    member_of: int | None = None
    """The number of the storm whose page covers this occurrence."""
    inhibitions: tuple[Inhibition, ...] = ()
    """Conditions during which the ladder waits, from rules that apply to every alert of the occurrence."""

    ladder_state: LadderState | None = msgspec.field(default=None, name="standing")
    """State of the ladder other than its steps; None if all fields have their defaults."""

    # Flapping; across all occurrences.
    notified: bool = False
    """True if the ladder has notified someone: only then can an incident flap."""
    flips: tuple[int, ...] = ()
    """The last times at which the incident fired again or stopped firing."""
    digest_at: int | None = None
    """The time of the next digest; set only while the incident flaps."""
    flips_untold: int = 0
    """Flips since the last digest."""

    # Messages other than pages.
    messages: Messages | None = None
    """The incident's room, and facts that people have entered; None if it has neither."""

    acting: Acting | None = None
    """The incident's tickets, and drafts that wait for confirmation; None if it has neither."""

    merged: Merged | None = None
    """Set while the incident is merged into another one."""

    # Other due times.
    pending_until: int | None = None
    resolve_at: int | None = None
    """The end of the hold-down; set while no alert fires."""
    doubt: Doubt | None = None
    """Set while tocsin doubts that the alerts have really ended; the ladder continues meanwhile."""
    fallback_at: int | None = None
    """The time at which tier 1 and the last tier are paged again; set once no step is left."""
    grace_until: int | None = None
    """Set if a person resolved the incident while alerts fired: alerts that still fire at this time reopen it."""
    believe_at: int | None = None
    """The time from which alerts with held late copies count as firing."""
    work: Work | None = None
    """Declaration, status, roles and checklists; None if there are none."""
    obligations: Obligations | None = msgspec.field(default=None, name="clock")
    """The promises, postmortem and action items; None: only the promises of the level, counted from `opened_at`."""

    contact_attempts: ContactAttempts | None = msgspec.field(default=None, name="reaching")
    """The paged persons, with their contact methods that are still to be used."""

    @property
    def alerts_firing(self) -> int:
        """Number of alerts that fire."""
        return sum(self.firing.values())

    @property
    def hold_down(self) -> int:
        """Return the time in microseconds for which all alerts must stay resolved before the incident resolves."""
        return self.plan.resolve_after if self.resolve_after is None else self.resolve_after

    @property
    def is_held_back(self) -> bool:
        """Return whether the incident waits or is snoozed, so that it notifies only at a person's request."""
        return bool(self.waits) or self.state is State.SNOOZED

    @property
    def is_open(self) -> bool:
        """Return whether the state is not ``resolved``."""
        return self.state is not State.RESOLVED

    def goes_on(self, now: int) -> bool:
        """Return whether a new alert belongs to the incident, because the incident is open or can be reopened."""
        if self.is_open or self.grace_until is not None or self.believe_at is not None:
            return True
        return now - (self.resolved_at or 0) <= self.plan.reopen_within
