"""A person's word about a storm goes for its members as well."""

import msgspec

from tocsin.core.event import Actor
from tocsin.core.incident import Taken
from tocsin.core.transitions.change import Change


def take_members(change: Change, by: Actor) -> None:
    """The members that the storm has now are this person's; the engine carries it to them, some at a time."""
    storm = change.incident.storm
    if storm is not None and storm.look_at is not None:
        taken = Taken(name=by.name, via=by.via, is_person=by.is_person, at=change.now)
        change.set(storm=msgspec.structs.replace(storm, taken=taken, look_at=change.now))
