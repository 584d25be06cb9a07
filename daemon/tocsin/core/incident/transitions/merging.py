"""Merging and linking of incidents."""

from tocsin.core.incident.event import Linked, MergedInto, MergedWith
from tocsin.core.incident.incident import OPEN
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.timeline.responses import IncidentAbsorbed, IncidentLinked, IncidentMerged, IncidentSplitOff
from tocsin.core.incident.transitions.acting_state import hear_of_the_end
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.opening import close
from tocsin.core.incident.transitions.responder_timeout import restart_timeout


def merged_into(change: Change, event: MergedInto) -> None:
    """Close an incident that was merged into another one: its ladder ends, and no one is paged."""
    assign(change.incident, firing={}, merged=event.merged)
    change.record(IncidentMerged(into=event.merged.number, alerts=len(event.merged.alerts)), event.by)
    close(change, "merged", event.by)


def merged_with(change: Change, event: MergedWith) -> None:
    """Record that another incident was merged into this one or split off; the alerts arrive as a separate event."""
    kind = IncidentAbsorbed if event.joins else IncidentSplitOff
    change.record(kind(incident=event.number), event.by)
    hear_of_the_end(change, event.told)
    restart_timeout(change)


def linked(change: Change, event: Linked) -> None:
    """Record a related incident in the timeline."""
    change.record(IncidentLinked(incident=event.number), event.by)


RESPONSES = (
    DeclaredResponse(
        "merge",
        MergedInto,
        ((OPEN, merged_into),),
        "Merge the incident and its alerts into another incident.",
        cannot="merge it",
    ),
    DeclaredResponse(
        "link",
        Linked,
        ((ANY, linked),),
        "Link the incident with a related one; both timelines show the link.",
    ),
)
