"""A person's response to a storm, which applies to its members as well."""

from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident import Taken
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.typed_replace import replace


def respond_for_members(change: Change, by: Actor) -> None:
    """Apply a person's response to the storm's current members; the engine does so in batches."""
    storm = change.incident.storm
    if storm is not None and storm.look_at is not None:
        taken = Taken(name=by.name, via=by.via, is_person=by.is_person, at=change.now)
        assign(change.incident, storm=replace(storm, taken=taken, look_at=change.now))
