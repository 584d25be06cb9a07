"""An incident's own room: asked for once, and archived some time after the resolve.

The room outlives an occurrence: what fires again goes on where it was spoken of before.
"""

from msgspec import structs

from tocsin.core.effect import InRoom
from tocsin.core.event import RoomSettled
from tocsin.core.incident import Incident
from tocsin.core.message import Messages, Room, RoomState
from tocsin.core.outbox import Job, RowState
from tocsin.core.transitions.change import Change
from tocsin.core.wording import day


def ask(change: Change) -> None:
    """Ask for a room where the playbook wants one and there is none. In a drill nobody needs one."""
    incident = change.incident
    wish, room = incident.plan.texts.room, room_of(incident)
    if wish is None or incident.drill or (wish.severities and incident.severity not in wish.severities):
        return
    if room is None or room.state is RoomState.ARCHIVED:
        name = f"incident-{day(incident.first_opened_at)}-{incident.number:03}"
        _put(change, Room(channel=wish.channel, name=name, private=wish.private, archive_after=wish.archive_after))
        change.record("room_asked", channel=wish.channel, name=name)
    elif room.state is not RoomState.ASKED:
        return
    change.effects.append(InRoom(job=Job.ROOM_CREATE))


def settled(change: Change, event: RoomSettled) -> None:
    """What was asked of the channel about the room has been done, or never will."""
    room = room_of(change.incident)
    change.quiet = True
    if room is None:
        return
    if event.outcome is RowState.DEAD:
        change.record("room_refused", channel=room.channel, job=event.job, detail=event.detail)
        if event.job is Job.ROOM_CREATE and room.state is RoomState.ASKED:
            _put(change, structs.replace(room, state=RoomState.FAILED))
        return
    if event.job is Job.ROOM_CREATE and event.id and room.state is RoomState.ASKED:
        _furnish(change, structs.replace(room, state=RoomState.OPEN, id=event.id, name=event.name or room.name))
    elif event.job is Job.ROOM_ARCHIVE:
        change.record("room_archived", channel=room.channel, name=room.name)


def _furnish(change: Change, room: Room) -> None:
    """It is there: what it is about, the incident's own message, and whoever has been called."""
    incident = change.incident
    change.quiet = False
    _put(change, room)
    change.record("room", channel=room.channel, name=room.name)
    change.effects.append(InRoom(job=Job.ROOM_TOPIC))
    targets = [target for tier in incident.reached for target in incident.plan.tier(tier).targets]
    targets += [incident.acknowledged_by] if incident.acknowledged_by else []
    change.effects.append(InRoom(job=Job.ROOM_INVITE, targets=tuple(dict.fromkeys(targets))))
    if not incident.is_open:
        at_close(change)


def at_close(change: Change) -> None:
    """The occurrence is over: the room stays for as long as it was asked to."""
    room = room_of(change.incident)
    if room is not None and room.state is RoomState.OPEN and room.archive_after is not None:
        _put(change, structs.replace(room, archive_at=change.now + room.archive_after))


def at_open(change: Change) -> None:
    """Another occurrence: the room is wanted again."""
    room = room_of(change.incident)
    if room is not None and room.archive_at is not None:
        _put(change, structs.replace(room, archive_at=None))
    elif room is not None and room.state is RoomState.FAILED:
        _put(change, None)


def archive_due(change: Change) -> None:
    """Archive it when its time has come."""
    room = room_of(change.incident)
    if room is not None and room.archive_at is not None and room.archive_at <= change.now:
        change.effects.append(InRoom(job=Job.ROOM_ARCHIVE))
        _put(change, structs.replace(room, archive_at=None, state=RoomState.ARCHIVED))


def next_due(incident: Incident) -> int | None:
    """When it is archived; None: nothing is due about it."""
    room = room_of(incident)
    return room.archive_at if room is not None else None


def room_of(incident: Incident) -> Room | None:
    """Its room, wherever that stands."""
    return incident.messages.room if incident.messages is not None else None


def _put(change: Change, room: Room | None) -> None:
    messages = change.incident.messages or Messages()
    change.set(messages=structs.replace(messages, room=room))
