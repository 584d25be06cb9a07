"""An incident is left alone for a while; what it does at the end is in `relapse`."""

from tocsin.core.event import TOCSIN, Actor
from tocsin.core.incident import State
from tocsin.core.playbook import DAY
from tocsin.core.standing import Snoozed
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.steps import plan

LONGEST = 31 * DAY
"""What is to be quiet for longer is a matter for a rule."""


def fall_asleep(change: Change, until: int, by: Actor) -> None:
    """Nothing fires from now on; where it is snoozed already, until another time."""
    already = change.standing.snooze
    at = already.at if already is not None else change.now
    change.set(state=State.SNOOZED, fallback_at=None)
    change.stand(snooze=Snoozed(until, at, by.name, by.via), silent_at=None)
    change.record("snoozed", by, until=until)


def wake(change: Change, because: str, by: Actor = TOCSIN) -> None:
    """Before the time is over: acknowledged, as it was; its ladder goes on from where it stood still."""
    snoozed = change.standing.snooze
    if snoozed is None:
        return
    incident = change.incident
    paused = change.now - snoozed.at
    change.set(state=State.ACKNOWLEDGED, clock_at=incident.clock_at + paused)
    change.stand(snooze=None)
    change.record("unsnoozed", by, because=because)
    plan(change, ladders.postponed(incident.ladder, paused, change.now, catch_up=False))
