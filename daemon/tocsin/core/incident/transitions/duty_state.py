"""The duties of an incident as they are stored: find one, replace one."""

from tocsin.core.errors import UnknownName
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.sla import duties_of, duty_named
from tocsin.core.incident.transitions.change import Change
from tocsin.core.incident.transitions.promises import obligations_of, set_obligations
from tocsin.core.typed_replace import replace


def named_duty(change: Change, name: str) -> IncidentDuty:
    """Return a duty of the incident.

    Raises:
        UnknownName: It has none of that name.
    """
    obligations = change.incident.obligations
    duty = duty_named(obligations, name)
    if duty is None:
        known = ", ".join(duty.name for duty in duties_of(obligations)) or "none"
        raise UnknownName(f"incident {change.incident.number} has no duty {name!r}; its duties: {known}")
    return duty


def put_duty(change: Change, duty: IncidentDuty) -> None:
    """Store a duty in place of its older state."""
    obligations = obligations_of(change.incident)
    duties = tuple(duty if other.name == duty.name else other for other in duties_of(obligations))
    set_obligations(change, replace(obligations, post_mortem=None, duties=duties))
