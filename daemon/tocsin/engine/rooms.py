"""An incident's own room, from what is asked of it to rows of the outbox, and back."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tocsin.core.effect import Effect, InRoom, Notify, Record
from tocsin.core.event import RoomSettled
from tocsin.core.incident import Incident
from tocsin.core.message import Room, RoomState
from tocsin.core.outbox import Job, Outgoing, RowState
from tocsin.core.people import Contact, Notified
from tocsin.core.transitions.rooms import room_of

if TYPE_CHECKING:
    from tocsin.engine.apply import Work

TARGET = "room"
"""What a message's ``to:`` and the rows of the outbox call the incident's own room."""

_ITS_TOPIC = frozenset({"severity", "acknowledged", "unacknowledged", "resolved", "reopened"})
"""Entries after which the topic says something else."""


def open_room(incident: Incident) -> Room | None:
    """Its room, where there is one to speak in."""
    room = room_of(incident)
    return room if room is not None and room.state is RoomState.OPEN else None


def place_of(room: Room) -> Notified:
    """The room as somebody to be told."""
    return Notified(TARGET, Contact(room.channel, room.id))


def follow(work: "Work", incident: Incident, effects: Iterable[Effect]) -> None:
    """What a change means for the room: what was asked of it, whom it needs, and what it is about by now."""
    is_open = open_room(incident) is not None
    for effect in effects:
        if isinstance(effect, InRoom):
            _ask(work, incident, effect)
        elif is_open and isinstance(effect, Notify):
            _invite(work, incident, effect.targets)
        elif is_open and isinstance(effect, Record) and effect.kind in _ITS_TOPIC:
            _invite(work, incident, (effect.actor,))
            _row(work, incident, Job.ROOM_TOPIC, str(incident.version))


def _ask(work: "Work", incident: Incident, effect: InRoom) -> None:
    if effect.job is Job.ROOM_INVITE:
        _invite(work, incident, effect.targets)
    else:
        # Asked for once an occurrence, however often its ladder would have one.
        _row(work, incident, effect.job, "" if effect.job is Job.ROOM_CREATE else str(incident.version))


def _invite(work: "Work", incident: Incident, targets: tuple[str, ...]) -> None:
    """Each person whose Slack user is known, once an occurrence."""
    policy = work.policy
    people = policy.people
    duty = work.duty_for(targets)
    for name in dict.fromkeys(each for target in targets for each in people.members(target, duty)):
        person = people.persons.get(name)
        if person is not None and person.slack_user:
            _row(work, incident, Job.ROOM_INVITE, name, recipient=person.slack_user)


def _row(work: "Work", incident: Incident, job: Job, unique: str, recipient: str = "") -> None:
    room = room_of(incident)
    channel = work.policy.channels.get(room.channel) if room is not None else None
    if room is None or channel is None or job not in channel.handles:
        return  # reload has taken the channel away
    contact = Contact(room.channel, room.id or TARGET, recipient)
    work.enqueue_for(incident, Notified(TARGET, contact), job, step=f"{job}:{unique}")


def pin(work: "Work", row: Outgoing) -> None:
    """The incident's own message has been posted where it was not before: in its room it is pinned."""
    incident = work.incident(row.incident_id)
    room = open_room(incident) if incident is not None else None
    if incident is not None and room is not None and (row.channel, row.destination) == (room.channel, room.id):
        _row(work, incident, Job.ROOM_PIN, room.id)


def settled(work: "Work", row: Outgoing, state: RowState, detail: str, ref: str) -> None:
    """A row about the room has come to its end."""
    incident = work.incident(row.incident_id)
    if incident is not None:
        room_id, _, name = ref.partition(":")
        event = RoomSettled(job=row.job, outcome=state, detail=detail, id=room_id, name=name)
        work.change(incident, event)
