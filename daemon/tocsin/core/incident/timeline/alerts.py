"""Entries about the alerts of an incident and their effects on it."""

import msgspec

from tocsin.core.incident.incident import WaitReason
from tocsin.core.incident.timeline.entry_data import EntryData


class Held(EntryData, frozen=True, kw_only=True):
    """The start of a hold: an automation has time to heal the incident."""

    kind = "held"
    phrase = "held: automation has time to heal it"

    severity: str
    alerts: int
    until: int


class Triggered(EntryData, frozen=True, kw_only=True):
    """The start of the first occurrence."""

    kind = "triggered"
    phrase = "opened at {severity}"
    remark = "because"

    severity: str
    alerts: int
    occurrence: int
    because: str | msgspec.UnsetType = msgspec.UNSET
    """The reason why no rule routed the first alert; not stored if there is none."""


class Reopened(EntryData, frozen=True, kw_only=True):
    """The start of a later occurrence."""

    kind = "reopened"
    phrase = "firing again at {severity}: occurrence {occurrence}"

    severity: str
    alerts: int
    occurrence: int


class Joined(EntryData, frozen=True, kw_only=True):
    """New firing alerts."""

    kind = "joined"
    phrase = "{count} more firing, {firing} in total"

    count: int
    firing: int


class Reconciled(EntryData, frozen=True, kw_only=True):
    """Ends of alerts that their Alertmanager no longer knows."""

    kind = "reconciled"
    phrase = "{count} no longer known to Alertmanager, {firing} still firing"

    count: int
    firing: int


class AlertsResolved(EntryData, frozen=True, kw_only=True):
    """Ends of alerts that their Alertmanager has sent."""

    kind = "alerts_resolved"
    phrase = "{count} resolved, {firing} still firing"

    count: int
    firing: int


class Doubted(EntryData, frozen=True, kw_only=True):
    """A doubt that the alerts have really ended."""

    kind = "doubted"
    phrase = "kept open: too many alerts of {source} resolved together, and its Watchdog is missing"

    source: str


class StillFiring(EntryData, frozen=True, kw_only=True):
    """The end of a doubt: alerts fire."""

    kind = "fires_on"
    phrase = "still firing (an earlier resolve was wrong)"

    count: int
    firing: int


class FiringAgain(EntryData, frozen=True, kw_only=True):
    """Alerts that fire again during the hold-down."""

    kind = "fires_again"
    phrase = "firing again before it was resolved"

    count: int
    flaps: int


class Recovering(EntryData, frozen=True, kw_only=True):
    """The start of the hold-down."""

    kind = "recovering"
    phrase = "recovering: all its alerts have resolved"

    until: int


class SeverityChanged(EntryData, frozen=True, kw_only=True):
    """A change of the severity, by alerts or by a person."""

    kind = "severity"
    phrase = "severity changed from {from} to {to} ({because})"

    from_: str = msgspec.field(name="from")
    to: str
    because: str


class WaitStarted(EntryData, frozen=True, kw_only=True):
    """The start of a wait: no one is paged."""

    kind = "waits"
    phrase = "no one is paged: {because}"

    reason: WaitReason
    by: str
    until: int | None
    because: str


class WaitOver(EntryData, frozen=True, kw_only=True):
    """The end of a wait."""

    kind = "waited"
    phrase = "no longer waits: {because}"

    reason: WaitReason
    by: str
    because: str


class StormOver(EntryData, frozen=True, kw_only=True):
    """The end of a storm."""

    kind = "storm_over"
    phrase = "the storm is over: {members} incidents"

    members: int


class Resolved(EntryData, frozen=True, kw_only=True):
    """The end of an occurrence; `OccurrenceClosed` lists the causes."""

    kind = "resolved"
    phrase = "resolved"

    cause: str
    acknowledged: bool
    occurrence: int
