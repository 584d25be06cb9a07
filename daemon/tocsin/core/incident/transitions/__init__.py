"""Handlers of the events of an incident, called only through the table of `tocsin.core.incident.escalation`."""
