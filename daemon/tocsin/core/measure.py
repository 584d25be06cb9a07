"""MTTA, MTTR and MTTD: what counts, and from when to when."""

import msgspec

from tocsin.core.incident import Incident

UNCOUNTED = ("healed", "merged")
"""Ends of an occurrence that are no resolution of anybody's: it counts in no measure."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One firing spell of an incident, as the means and reports use it. Times in microseconds UTC."""

    incident_id: str
    occurrence: int
    playbook: str
    severity: str
    service: str
    first_alert_at: int | None
    opened_at: int
    acknowledged_at: int | None
    resolved_at: int | None
    ended_at: int | None
    """What the time to resolve counts to: the last alert's end, or the person's word."""
    cause: str
    """``open`` while it goes on, then ``alerts``, ``person``, ``healed`` or ``merged``."""
    counted: bool
    """False for drills, tocsin's own incidents, what went on in another one, and what healed held or hidden."""


class Mean(msgspec.Struct, frozen=True):
    """The mean of one measure for one playbook and severity over a window. ``seconds`` over ``count``."""

    playbook: str
    severity: str
    seconds: float
    count: int


def ended_at(incident: Incident, now: int) -> int:
    """When the occurrence really ended: its last alert's end, within the occurrence."""
    if incident.last_end_at is None:
        return now
    return max(incident.opened_at, min(incident.last_end_at, now))


def time_to_acknowledge(incident: Incident, now: int) -> int:
    """First acknowledgment by a person, counted from the trigger."""
    return max(0, now - incident.opened_at)


def time_to_resolve(incident: Incident, end: int) -> int:
    """Resolved, counted from the trigger."""
    return max(0, end - incident.opened_at)


def time_to_detect(incident: Incident) -> int | None:
    """Triggered, counted from the first alert's own start; None where no alert gave one."""
    if incident.first_alert_at is None:
        return None
    return max(0, incident.opened_at - incident.first_alert_at)
