"""Messages about responses that an incident's state does not allow: what, why, and what to do instead."""

from collections.abc import Mapping

from tocsin.core.event import (
    Declare,
    Escalate,
    Event,
    MergedInto,
    PostMortemDone,
    Replan,
    SetFlags,
    SetSeverity,
    Snooze,
    StatusSet,
    Unsnooze,
    UpdatePosted,
)
from tocsin.core.incident import Incident, State

_CANNOT: Mapping[type[Event], str] = {
    Declare: "declare it",
    Escalate: "escalate it",
    MergedInto: "merge it",
    PostMortemDone: "complete its postmortem",
    Replan: "replan it",
    SetFlags: "change its flags",
    SetSeverity: "change its severity",
    Snooze: "snooze it",
    StatusSet: "set its status",
    Unsnooze: "end its snooze",
    UpdatePosted: "post an update",
}

_INSTEAD: Mapping[State, str] = {
    State.PENDING: "acknowledge it, or wait until it has opened",
    State.RESOLVED: "add a note (`tocsin incidents note {number} TEXT`), or declare a new incident",
}

_INSTEAD_OF: Mapping[type[Event], str] = {
    PostMortemDone: "resolve it first",
    Unsnooze: "it is not snoozed",
}


def refusal(incident: Incident, event: Event) -> str:
    """Return the message for an event that is not in the table of transitions."""
    what = _CANNOT.get(type(event), "take this in")  # tocsin's own events, which no person sees refused
    instead = _INSTEAD_OF.get(type(event)) or _INSTEAD.get(incident.state, "")
    told = f"incident {incident.number} is {incident.state}: cannot {what}"
    return f"{told}; {instead.format(number=incident.number)}" if instead else told
