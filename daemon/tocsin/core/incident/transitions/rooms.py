"""An incident's own room: created once, and archived some time after the resolve.

The room outlives an occurrence: the next occurrence continues in the same room.
"""

from tocsin.core.incident.effect import InRoom
from tocsin.core.incident.event import RoomSettled
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.incident.timeline.actions import RoomArchived, RoomCreated, RoomRefused, RoomRequested
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.wording import day
from tocsin.core.playbook.messages import Messages, Room, RoomState
from tocsin.core.typed_replace import replace


def ask(change: Change) -> None:
    """Request a room if the playbook wants one and none exists; drills get none."""
    incident = change.incident
    settings, room = incident.plan.texts.room, room_of(incident)
    if settings is None or incident.drill or (settings.severities and incident.severity not in settings.severities):
        return
    if room is None or room.state is RoomState.ARCHIVED:
        name = f"incident-{day(incident.first_opened_at)}-{incident.number:03}"
        room = Room(channel=settings.channel, name=name, private=settings.private, archive_after=settings.archive_after)
        _put(change, room)
        change.record(RoomRequested(channel=settings.channel, name=name))
    elif room.state is not RoomState.ASKED:
        return
    change.effects.append(InRoom(job=Job.ROOM_CREATE))


def settled(change: Change, event: RoomSettled) -> None:
    """Record the outcome of a job about the room."""
    room = room_of(change.incident)
    change.quiet = True
    if room is None:
        return
    if event.outcome is RowState.DEAD:
        change.record(RoomRefused(channel=room.channel, job=event.job, detail=event.detail))
        if event.job is Job.ROOM_CREATE and room.state is RoomState.ASKED:
            _put(change, replace(room, state=RoomState.FAILED))
        return
    if event.job is Job.ROOM_CREATE and event.id and room.state is RoomState.ASKED:
        _set_up(change, replace(room, state=RoomState.OPEN, id=event.id, name=event.name or room.name))
    elif event.job is Job.ROOM_ARCHIVE:
        change.record(RoomArchived(channel=room.channel, name=room.name))


def _set_up(change: Change, room: Room) -> None:
    """Set up a new room: its topic, the incident's own message, and the people paged so far."""
    incident = change.incident
    change.quiet = False
    _put(change, room)
    change.record(RoomCreated(channel=room.channel, name=room.name))
    change.effects.append(InRoom(job=Job.ROOM_TOPIC))
    targets = [target for tier in incident.reached for target in incident.plan.tier(tier).targets]
    targets += [incident.acknowledged_by] if incident.acknowledged_by else []
    change.effects.append(InRoom(job=Job.ROOM_INVITE, targets=tuple(dict.fromkeys(targets))))
    if not incident.is_open:
        at_close(change)


def at_close(change: Change) -> None:
    """Schedule the archiving of the room, because the occurrence is over."""
    room = room_of(change.incident)
    if room is not None and room.state is RoomState.OPEN and room.archive_after is not None:
        _put(change, replace(room, archive_at=change.now + room.archive_after))


def at_open(change: Change) -> None:
    """Keep the room for another occurrence: cancel its archiving, or allow another attempt to create it."""
    room = room_of(change.incident)
    if room is not None and room.archive_at is not None:
        _put(change, replace(room, archive_at=None))
    elif room is not None and room.state is RoomState.FAILED:
        _put(change, None)


def archive_due(change: Change) -> None:
    """Archive the room if it is due."""
    room = room_of(change.incident)
    if room is not None and room.archive_at is not None and room.archive_at <= change.now:
        change.effects.append(InRoom(job=Job.ROOM_ARCHIVE))
        _put(change, replace(room, archive_at=None, state=RoomState.ARCHIVED))


def next_due(incident: Incident) -> int | None:
    """Return the time at which the room is archived; None if it is not scheduled."""
    room = room_of(incident)
    return room.archive_at if room is not None else None


def room_of(incident: Incident) -> Room | None:
    """Return the room in any state; None if there is none."""
    return incident.messages.room if incident.messages is not None else None


def _put(change: Change, room: Room | None) -> None:
    messages = change.incident.messages or Messages()
    assign(change.incident, messages=replace(messages, room=room))
