"""An incident's own room: requests become outbox rows, and the outcome of a row changes the incident."""

from collections.abc import Iterable

from tocsin.core.incident.effect import Effect, InRoom, Notify, Record
from tocsin.core.incident.event import RoomSettled
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.core.incident.timeline.alerts import Reopened, Resolved, SeverityChanged
from tocsin.core.incident.timeline.responses import Acknowledged, Unacknowledged
from tocsin.core.incident.transitions.rooms import room_of
from tocsin.core.oncall.people import Contact, Notified
from tocsin.core.playbook.messages import Room, RoomState
from tocsin.engine.change.changes import Changes
from tocsin.engine.change.outgoing import row_for

TARGET = "room"
"""The name of the incident's own room in a message's ``to:`` and in outbox rows."""

_ITS_TOPIC = (SeverityChanged, Acknowledged, Unacknowledged, Resolved, Reopened)
"""Timeline entries that change the topic."""


def open_room(incident: Incident) -> Room | None:
    """Return the incident's open room; None if there is none."""
    room = room_of(incident)
    return room if room is not None and room.state is RoomState.OPEN else None


def place_of(room: Room) -> Notified:
    """Return the room as a recipient."""
    return Notified(TARGET, Contact(room.channel, room.id))


def follow(changes: Changes, incident: Incident, effects: Iterable[Effect]) -> None:
    """Queue the rows that a change causes for the room: its creation, invitations and a new topic."""
    if incident.messages is None:
        return
    is_open = open_room(incident) is not None
    for effect in effects:
        if isinstance(effect, InRoom):
            _ask(changes, incident, effect)
        elif is_open and isinstance(effect, Notify):
            _invite(changes, incident, effect.targets)
        elif is_open and isinstance(effect, Record) and isinstance(effect.entry, _ITS_TOPIC):
            _invite(changes, incident, (effect.actor,))
            _row(changes, incident, Job.ROOM_TOPIC, str(incident.version))


def _ask(changes: Changes, incident: Incident, effect: InRoom) -> None:
    if effect.job is Job.ROOM_INVITE:
        _invite(changes, incident, effect.targets)
    else:
        # The room is requested once per occurrence, even if several steps ask for it.
        _row(changes, incident, effect.job, "" if effect.job is Job.ROOM_CREATE else str(incident.version))


def _invite(changes: Changes, incident: Incident, targets: tuple[str, ...]) -> None:
    """Invite each person whose Slack user is known, once per occurrence."""
    policy = changes.policy
    people = policy.people
    inputs = changes.oncall.inputs_for(targets)
    for name in dict.fromkeys(each for target in targets for each in people.members(target, inputs)):
        person = people.persons.get(name)
        if person is not None and person.slack_user:
            _row(changes, incident, Job.ROOM_INVITE, name, recipient=person.slack_user)


def _row(changes: Changes, incident: Incident, job: Job, unique: str, recipient: str = "") -> None:
    room = room_of(incident)
    channel = changes.policy.channels.get(room.channel) if room is not None else None
    if room is None or channel is None or job not in channel.handles:
        return  # reload has taken the channel away
    contact = Contact(room.channel, room.id or TARGET, recipient)
    changes.enqueue(row_for(changes, incident, Notified(TARGET, contact), job, step=f"{job}:{unique}"))


def pin(changes: Changes, row: Outgoing) -> None:
    """Pin the incident's own message once it has been posted in its room."""
    incident = changes.incident(row.incident_id)
    room = open_room(incident) if incident is not None else None
    if incident is not None and room is not None and (row.channel, row.destination) == (room.channel, room.id):
        _row(changes, incident, Job.ROOM_PIN, room.id)


def settled(changes: Changes, row: Outgoing, state: RowState, detail: str, ref: str) -> None:
    """Record the outcome of a row about the room."""
    incident = changes.incident(row.incident_id)
    if incident is not None:
        room_id, _, name = ref.partition(":")
        event = RoomSettled(job=row.job, outcome=state, detail=detail, id=room_id, name=name)
        changes.change(incident, event)
