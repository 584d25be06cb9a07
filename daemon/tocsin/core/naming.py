"""What people call an incident."""

from tocsin.core.incident import Incident
from tocsin.core.wording import day


def name_of(incident: Incident) -> str:
    """``#12``, or as its playbook numbers incidents: ``INC-12``, ``incident-20261125-012``."""
    return incident.plan.numbering.format(n=incident.number, date=day(incident.first_opened_at))
