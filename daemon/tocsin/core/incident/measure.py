"""Definitions of MTTA, MTTR and MTTD.

MTTD ends, and MTTA and MTTR start, at the trigger of an occurrence: `Incident.opened_at`. The trigger is the opening;
after a hold, the end of the hold. If the incident then waits before anyone is notified or acknowledges it, the trigger
is the end of the wait; a wait for a storm is an exception, because the storm is paged in the incident's place.
"""

import msgspec

from tocsin.core.incident.incident import Incident

UNCOUNTED = ("healed", "merged")
"""Causes of an end that count in no measure.

No one was to be notified (healed), or the incident went into another one (merged)."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One firing period of an incident, for the means and reports. All times are microseconds since the epoch, UTC."""

    incident_id: str
    occurrence: int
    playbook: str
    severity: str
    service: str
    first_alert_at: int | None
    opened_at: int
    """The trigger."""
    acknowledged_at: int | None
    resolved_at: int | None
    ended_at: int | None
    """The end of the time to resolve: the last alert's end, or the person's resolve."""
    cause: str
    """``open`` until the occurrence ends, then ``alerts``, ``person``, ``healed`` or ``merged``."""
    counted: bool
    """False for drills, tocsin's own incidents, merged ones, and those healed while pending or in a maintenance
    window."""


def occurrence_of(incident: Incident, cause: str, *, counted: bool) -> Occurrence:
    """Return the current occurrence of an incident."""
    return Occurrence(
        incident_id=incident.id,
        occurrence=incident.occurrence,
        playbook=incident.plan.name,
        severity=incident.peak,
        service=incident.service,
        first_alert_at=incident.first_alert_at,
        opened_at=incident.opened_at,
        acknowledged_at=incident.person_acknowledged_at,
        resolved_at=incident.resolved_at,
        ended_at=incident.last_end_at if incident.resolved_at is not None else None,
        cause=cause,
        counted=counted,
    )


class Mean(msgspec.Struct, frozen=True):
    """The mean of one measure for one playbook and severity: ``seconds`` is the mean of ``count`` occurrences."""

    playbook: str
    severity: str
    seconds: float
    count: int


def last_alert_end(incident: Incident, now: int) -> int:
    """Return the end of the last alert, but not before ``opened_at`` or after ``now``; ``now`` if it is unknown."""
    if incident.last_end_at is None:
        return now
    return max(incident.opened_at, min(incident.last_end_at, now))


def time_to_acknowledge(incident: Incident, now: int) -> int:
    """Return the time from the trigger to the first acknowledgment by a person."""
    return max(0, now - incident.opened_at)


def time_to_resolve(incident: Incident, end: int) -> int:
    """Return the time from the trigger to ``end``."""
    return max(0, end - incident.opened_at)


def time_to_detect(incident: Incident) -> int | None:
    """Return the time from the start of the first alert to the trigger; None if no alert has a start."""
    if incident.first_alert_at is None:
        return None
    return max(0, incident.opened_at - incident.first_alert_at)
