"""Incidents that wait for a maintenance window, judged again after windows or alerts have changed."""

from collections.abc import Iterable

import structlog

from tocsin.core.alerts.alert import Episode
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.event import WaitBegan, WaitEnded
from tocsin.core.incident.incident import OPEN, Incident, Wait
from tocsin.engine.change.changes import Changes
from tocsin.engine.change.window_judge import window_now, window_wait, window_with
from tocsin.ports.store import IncidentFilter

_ALL = 100_000

_log = structlog.get_logger("tocsin.engine.change.window_waits")


def judge_again(changes: Changes, incident: Incident) -> Incident:
    """Judge an incident's wait for a window again after windows have changed."""
    wait = window_wait(incident)
    # Without a firing alert, the incident pages no one; it is judged when an alert fires again.
    if wait is None or not incident.alerts_firing:
        return incident
    return _moved(changes, incident, wait, window_now(changes, incident))


def judge_begun(changes: Changes, incident: Incident, begun: Iterable[Episode]) -> Incident:
    """Judge an incident's wait for a window again after new alerts."""
    wait = window_wait(incident)
    if wait is None:
        return incident
    return _moved(changes, incident, wait, window_with(changes, wait, begun))


def _moved(changes: Changes, incident: Incident, wait: Wait, current: Wait | None) -> Incident:
    if current is None or current.by != wait.by:
        # If other windows cover the incident, a new wait begins before anyone is notified.
        return changes.change(incident, WaitEnded(reason=wait.reason, by=wait.by))
    if current.until != wait.until:
        return changes.change(incident, WaitBegan(wait=current))
    return incident


def judge_all_again(changes: Changes) -> int:
    """Judge every incident that waits for a window again; return how many no longer wait.

    An incident that cannot be judged keeps its wait, so that it does not block the others.
    """
    released = 0
    # Sorted, as in every transaction that changes several incidents, so that all transactions lock in one order.
    open_incidents = changes.tx.incidents(IncidentFilter(states=OPEN, limit=_ALL))
    for incident_id in sorted(incident.id for incident in open_incidents if window_wait(incident)):
        incident = changes.incident(incident_id)
        if incident is None:
            continue
        try:
            released += window_wait(judge_again(changes, incident)) is None
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one incident breaks, the others must get through
            _log.error("window_not_judged", incident=incident.number, error=repr(error), exc_info=error)
    return released
