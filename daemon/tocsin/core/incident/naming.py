"""The name of an incident for people."""

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.wording import day


def name_of(incident: Incident) -> str:
    """Return ``#12``, or the name by the playbook's numbering: ``INC-12``, ``incident-20261125-012``."""
    return incident.plan.numbering.format(n=incident.number, date=day(incident.first_opened_at))
