"""The ladder of an incident waits, and goes on."""

from msgspec import structs

from tocsin.core.event import WaitBegan, WaitEnded
from tocsin.core.incident import State, Wait, WaitReason
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions import promises
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import climb, fall_back, fire_flags, is_off_duty, plan
from tocsin.core.wording import because_exhausted, waits_for


def begin(change: Change, waits: tuple[Wait, ...]) -> None:
    """Let the ladder wait for these as well; for one that it waits for already, until the new moment."""
    for wait in waits:
        known = [_key(other) for other in change.incident.waits]
        if _key(wait) in known:
            changed = (wait if _key(other) == _key(wait) else other for other in change.incident.waits)
            change.set(waits=tuple(changed))
        else:
            if not known:
                promises.pause(change)
            change.set(waits=(*change.incident.waits, wait))
            if wait.reason is WaitReason.STORM:
                change.set(member_of=int(wait.by))
            change.record("waits", reason=wait.reason, by=wait.by, until=wait.until, because=waits_for(wait))


def wait_began(change: Change, event: WaitBegan) -> None:
    """No step fires from now on; that it takes longer than expected is not worth a word."""
    change.quiet = any(_key(wait) == _key(event.wait) for wait in change.incident.waits)
    begin(change, (event.wait,))


def wait_ended(change: Change, event: WaitEnded) -> None:
    """One wait is over."""
    begin(change, event.waits)
    end(change, tuple(wait for wait in change.incident.waits if _key(wait) == (event.reason, event.by)))


def break_off(change: Change, reason: WaitReason) -> None:
    """Wait no longer for this: what comes next is for the caller to say."""
    for wait in change.incident.waits:
        if wait.reason is reason:
            change.record("waited", reason=wait.reason, by=wait.by, because=waits_for(wait))
    left = tuple(wait for wait in change.incident.waits if wait.reason is not reason)
    if change.incident.waits and not left:
        promises.go_on(change, change.incident.opened_at, anew=False)
    change.set(waits=left)


def end_overdue(change: Change) -> None:
    """End the waits whose moment has come."""
    waits = change.incident.waits
    end(change, tuple(wait for wait in waits if wait.until is not None and wait.until <= change.now))


def end(change: Change, over: tuple[Wait, ...]) -> None:
    """End these waits; after the last one the ladder goes on, from its beginning where nobody has been notified yet."""
    incident = change.incident
    if not over:
        return
    change.set(waits=tuple(wait for wait in incident.waits if wait not in over))
    for wait in over:
        change.record("waited", reason=wait.reason, by=wait.by, because=_waited_for(wait))
    if incident.waits:
        return
    anew = incident.state is State.TRIGGERED and not incident.reached
    opened_at = incident.opened_at
    if anew:
        change.count_from(change.now)
        change.set(fired=())
        plan(change, ladders.planned(change.level, change.now))
        fresh = incident.acknowledged_at is None and incident.resolve_at is None
        if fresh and over[-1].reason is not WaitReason.STORM:  # a storm has asked for somebody all the time
            change.set(opened_at=change.now)
    elif incident.ladder and not incident.is_held_back:  # while it is snoozed its ladder stands still
        behind = max(0, change.now - incident.ladder[0].due_at)
        change.set(clock_at=incident.clock_at + behind)
        plan(change, ladders.postponed(incident.ladder, behind, change.now, catch_up=False))
    promises.go_on(change, opened_at, anew=anew)
    if incident.resolve_at is None and not incident.is_held_back:
        _go_on(change, f"it waited: {_waited_for(over[-1])}")


def _go_on(change: Change, waited: str) -> None:
    incident = change.incident
    climb(change, waited)
    fire_flags(change)
    if incident.fallback_at is not None and incident.fallback_at <= change.now and not is_off_duty(change):
        fall_back(change, f"{because_exhausted(incident)}; {waited}")


def _waited_for(wait: Wait) -> str:
    """It may have ended before its time."""
    return waits_for(structs.replace(wait, until=None))


def _key(wait: Wait) -> tuple[str, str]:
    return (wait.reason, wait.by)
