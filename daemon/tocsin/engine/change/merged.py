"""The incident that takes over from a merged one."""

from tocsin.core.incident.incident import Incident
from tocsin.engine.change.changes import View

FARTHEST = 8
"""Maximum length of a chain of merges that is followed."""


def goes_on_in(view: View, incident: Incident) -> Incident:
    """Return the open incident into which this one was merged; this incident if there is none."""
    for _ in range(FARTHEST):
        other = view.incident(incident.merged.into) if incident.merged is not None else None
        if other is None or not (other.is_open or other.merged is not None):
            break
        incident = other
    return incident
