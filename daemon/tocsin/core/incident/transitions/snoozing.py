"""The start of a snooze, and its early end; `relapse` has the end at the planned time."""

from tocsin.core.duration import DAY
from tocsin.core.incident.event import TOCSIN, Actor
from tocsin.core.incident.incident import State
from tocsin.core.incident.ladder_state import Snoozed
from tocsin.core.incident.timeline.responses import SnoozeOver, SnoozeStarted
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.steps import plan
from tocsin.core.typed_replace import replace

LONGEST = 31 * DAY
"""Maximum length of a snooze; for a longer silence, write a rule."""


def fall_asleep(change: Change, until: int, by: Actor) -> None:
    """Snooze the incident until a given time; if it is snoozed already, only change the end."""
    snoozed = change.ladder_state.snooze
    at = snoozed.at if snoozed is not None else change.now
    assign(change.incident, state=State.SNOOZED, fallback_at=None)
    change.set_ladder_state(replace(change.ladder_state, snooze=Snoozed(until, at, by.name, by.via), silent_at=None))
    change.record(SnoozeStarted(until=until), by)


def wake(change: Change, because: str, by: Actor = TOCSIN) -> None:
    """End a snooze early: the incident is acknowledged as before, and its ladder continues where it stopped."""
    snoozed = change.ladder_state.snooze
    if snoozed is None:
        return
    incident = change.incident
    paused = change.now - snoozed.at
    assign(change.incident, state=State.ACKNOWLEDGED, clock_at=incident.clock_at + paused)
    change.set_ladder_state(replace(change.ladder_state, snooze=None))
    change.record(SnoozeOver(because=because), by)
    plan(change, ladders.postponed(incident.ladder, paused, change.now, catch_up=False))
