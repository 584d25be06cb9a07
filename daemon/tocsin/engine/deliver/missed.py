"""Texts of tocsin's own incidents about notifications that were not delivered."""

import re
from contextlib import suppress
from typing import NamedTuple

from tocsin.core.incident.incident import TAKEN, Incident
from tocsin.core.incident.naming import name_of
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.ports.store import Unreadable

_WAYS = {"sms": "SMS", "call": "phone call", "email": "e-mail", "slack": "Slack", "pagerduty": "PagerDuty"}
"""The names of channels as they are used in a sentence."""
_CODED = re.compile(r"(?P<code>\d{3,6}): (?P<words>\S.*)", re.ASCII | re.DOTALL)
_PHONE = re.compile(r"\+[1-9]\d{5,14}", re.ASCII)


class Missed(NamedTuple):
    """A notification that did not arrive, in words."""

    title: str
    """The person who was not reached, the incident, and its responder."""
    remedy: str
    """The way to reach the person; after a line break, what else the reader can do while tocsin's commands work."""


def named(uow: UnitOfWork, row: Outgoing) -> str:
    """Return the name of a row's notification, for the targets of `self:`."""
    number = ""
    with suppress(Unreadable):
        incident = uow.incident(row.incident_id)
        number = f" of incident {incident.number}" if incident is not None else ""
    return f"{row.job}{number} for {row.target}"


def refused(channel: str, detail: str) -> str:
    """Return why a channel refused a notification: the words first, and the provider's code in parentheses."""
    match = _CODED.fullmatch(detail)
    why = f"{match['words']} ({match['code']})" if match is not None else detail
    return f"{_way(channel)} refused it: {why}"


def missed(uow: UnitOfWork, row: Outgoing, *, is_late: bool = False) -> Missed:
    """Return the description of a notification that did not arrive; ``is_late``: it may still arrive."""
    who = uow.policy.people.full_names.get(row.target, row.target)
    what = "was NOT reached" if row.job is Job.PAGE else f"did NOT get the {row.job}"
    if is_late:
        what = "has NOT been reached yet"
    title = f"{who} {what} by {_way(row.channel)}"
    with suppress(Unreadable):
        incident = uow.incident(row.incident_id)
        if incident is not None:
            return Missed(f"{title} about {_described(uow, incident)}", _remedy(uow, row, who, incident))
    return Missed(title, _contact(uow, row, who))


def _described(uow: UnitOfWork, incident: Incident) -> str:
    service = f"{incident.service}: " if incident.service else ""
    bare = incident.title.rstrip(" .").removesuffix(f" ({incident.service})")
    return f"{name_of(incident)} {service}{bare} ({incident.severity}; {_holder(uow, incident) or 'no one'} has it)"


def _remedy(uow: UnitOfWork, row: Outgoing, who: str, incident: Incident) -> str:
    ways = {
        _way(other.channel): None
        for other in uow.tx.outbox_of(incident.id, row.occurrence)
        if (other.job, other.target, other.state) == (row.job, row.target, RowState.SENT)
    }
    also = f"The same {row.job} went to {who} by {' and '.join(ways)}. " if ways else ""
    holder = _holder(uow, incident)
    if holder or row.job is not Job.PAGE:
        return f"{also}{f'{holder} has the incident. ' if holder else ''}Tell {who} if that is needed."
    contact = _contact(uow, row, who)
    return f"{also}{contact}.\nOr take {name_of(incident)} yourself: tocsin incidents ack {incident.number}"


def _contact(uow: UnitOfWork, row: Outgoing, who: str) -> str:
    """Return how to reach the recipient without tocsin."""
    person = uow.policy.people.persons.get(row.target)
    if person is None:
        return "Find a person who can respond"
    phones = [method.contact.destination for method in person.methods if _PHONE.fullmatch(method.contact.destination)]
    return f"Call {who} now at {phones[0]}" if phones else f"Call {who} now"


def _holder(uow: UnitOfWork, incident: Incident) -> str:
    by = incident.acknowledged_by
    return uow.policy.people.full_names.get(by, by) if by and incident.state in TAKEN else ""


def _way(channel: str) -> str:
    return _WAYS.get(channel, channel)
