"""Messages about responses that an incident's state does not allow: the reason, and the alternative."""

from collections.abc import Mapping

from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.response import DeclaredResponse

_INSTEAD: Mapping[State, str] = {
    State.PENDING: "acknowledge it, or wait until it has opened",
    State.RESOLVED: "add a note (`tocsin incidents note {number} TEXT`), or declare a new incident",
}


def refusal(incident: Incident, response: DeclaredResponse | None) -> str:
    """Return the message for a response in a state that does not allow it; None stands for tocsin's own events."""
    action = response.cannot if response is not None else "take this in"  # an event whose refusal no person sees
    alternative = (response.instead if response is not None else "") or _INSTEAD.get(incident.state, "")
    message = f"incident {incident.number} is {incident.state}: cannot {action}"
    return f"{message}; {alternative.format(number=incident.number)}" if alternative else message
