"""Invitations to the meetings of an incident's duties."""

from tocsin.core.content.page import Invitation
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.naming import name_of
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.sla import CANCELED_MEETING_STEP, MEETING_STEP, duty_named
from tocsin.core.incident.transitions import owners
from tocsin.core.plain_text import one_line
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.policy import Policy
from tocsin.ports.store import Reader

MOST_ATTENDEES = 100
"""Maximum number of addresses in one invitation."""


def invitation_of(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> Invitation | None:
    """Return the invitation or the cancellation that a row sends; None for any other row.

    An invitation has the meeting's current time.

    None also once the duty is withdrawn: the message then has only its text.
    """
    if row.step.startswith(CANCELED_MEETING_STEP):
        return _cancellation(row, incident)
    if not row.step.startswith(MEETING_STEP):
        return None
    name = row.step.removeprefix(MEETING_STEP).rpartition(".")[0]
    duty = duty_named(incident.obligations, name)
    required = next((each for each in incident.plan.duties.required if each.name == name), None)
    if duty is None or duty.meets_at is None or required is None or required.meeting is None:
        return None
    targets = owners.invited(incident, required.meeting, owners.duty_owner(incident, duty))
    title = one_line(f"{name_of(incident)} {incident.title}")
    agenda = tuple(f"{number}. {item}" for number, item in enumerate(required.meeting.agenda, start=1))
    return Invitation(
        uid=_uid(incident, duty.occurrence, duty.name),
        sequence=max(0, duty.invited - 1),
        starts_at=duty.meets_at,
        ends_at=duty.meets_at + duty.meets_for,
        summary=f"{duty.text} ({title})",
        description=(f"[{duty.severity}] {title}", f"Draft: tocsin postmortem {incident.number}", *agenda),
        location=incident.plan.texts.bridge_at(duty.severity),
        attendees=_addresses(tx, targets, policy),
    )


def _cancellation(row: Outgoing, incident: Incident) -> Invitation:
    """Return the cancellation for the recipient alone: the same event with the next sequence (RFC 5546, 3.2.5)."""
    name, *numbers = row.step.removeprefix(CANCELED_MEETING_STEP).split(".")
    occurrence, sequence, starts_at, ends_at = map(int, numbers)
    required = next((each for each in incident.plan.duties.required if each.name == name), None)
    title = one_line(f"{name_of(incident)} {incident.title}")
    return Invitation(
        uid=_uid(incident, occurrence, name),
        sequence=sequence,
        starts_at=starts_at,
        ends_at=ends_at,
        summary=f"Canceled: {required.text if required is not None else name} ({title})",
        description=(row.because,),
        location="",
        attendees=(),
        is_canceled=True,
    )


def _uid(incident: Incident, occurrence: int, duty: str) -> str:
    return f"{incident.id}.{occurrence}.{duty}"


def _addresses(tx: Reader, targets: tuple[str, ...], policy: Policy) -> tuple[str, ...]:
    """Return the e-mail addresses of the people behind targets; a person without one is told by another channel."""
    people, inputs = policy.people, on_call_input(tx, policy.people)
    names = dict.fromkeys(name for target in targets for name in people.members(target, inputs))
    persons = (people.persons[name] for name in names if name in people.persons)
    addresses = (
        next(
            (
                method.contact.destination
                for method in person.methods
                if method.contact.channel in policy.invitation_channels
            ),
            person.email,
        )
        for person in persons
    )
    return tuple(dict.fromkeys(filter(None, addresses)))[:MOST_ATTENDEES]
