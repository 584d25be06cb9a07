"""The start and end of a ladder's waits."""

from collections.abc import Callable

from tocsin.core.incident.event import WaitBegan, WaitEnded
from tocsin.core.incident.incident import State, Wait, WaitReason
from tocsin.core.incident.timeline.alerts import WaitOver, WaitStarted
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions import promises
from tocsin.core.incident.transitions.change import Change, assign, copied
from tocsin.core.incident.transitions.climb import (
    climb,
    fire_flags,
    is_outside_business_hours,
    page_reached_again,
    plan,
)
from tocsin.core.incident.wording import because_exhausted, waits_for
from tocsin.core.typed_replace import replace


def unless_it_waits(change: Change, go_on: Callable[[], None]) -> None:
    """Continue the ladder by calling ``go_on``; if that would notify anyone, ask whether the incident must wait.

    If it must, the changes of ``go_on`` are rolled back, the wait begins, and ``go_on`` is called
    again, now for a ladder that waits. ``change.incident`` may be another object afterwards.
    """
    incident, effects, quiet = copied(change.incident), len(change.effects), change.quiet
    change.is_notifying = False
    go_on()
    if change.is_notifying and (waits := change.must_wait(change.was, change.incident)):
        change.incident, change.quiet = incident, quiet
        del change.effects[effects:]
        begin(change, waits)
        go_on()


def begin(change: Change, waits: tuple[Wait, ...]) -> None:
    """Start waits; for a wait that has begun already, change only its end."""
    for wait in waits:
        known_keys = [_key(other) for other in change.incident.waits]
        if _key(wait) in known_keys:
            changed = (wait if _key(other) == _key(wait) else other for other in change.incident.waits)
            assign(change.incident, waits=tuple(changed))
        else:
            if not known_keys:
                promises.pause(change)
            assign(change.incident, waits=(*change.incident.waits, wait))
            if wait.reason is WaitReason.STORM:
                assign(change.incident, member_of=int(wait.by))
            change.record(WaitStarted(reason=wait.reason, by=wait.by, until=wait.until, because=waits_for(wait)))


def wait_began(change: Change, event: WaitBegan) -> None:
    """Start or prolong a wait; a prolonged wait is not announced."""
    change.quiet = any(_key(wait) == _key(event.wait) for wait in change.incident.waits)
    begin(change, (event.wait,))


def wait_ended(change: Change, event: WaitEnded) -> None:
    """End one wait."""

    def go_on() -> None:
        end(change, tuple(wait for wait in change.incident.waits if _key(wait) == (event.reason, event.by)))

    unless_it_waits(change, go_on)


def break_off(change: Change, reason: WaitReason) -> None:
    """End the waits for this reason; the caller decides what follows."""
    for wait in change.incident.waits:
        if wait.reason is reason:
            change.record(WaitOver(reason=wait.reason, by=wait.by, because=waits_for(wait)))
    remaining = tuple(wait for wait in change.incident.waits if wait.reason is not reason)
    if change.incident.waits and not remaining:
        promises.go_on(change, change.incident.opened_at, restarts=False)
    assign(change.incident, waits=remaining)


def end_overdue(change: Change) -> None:
    """End the waits that are over."""
    over = tuple(wait for wait in change.incident.waits if wait.until is not None and wait.until <= change.now)
    ends = [wait.until for wait in over if wait.until is not None]
    change.behind = max(change.behind, change.now - max(ends, default=change.now))
    end(change, over)


def end(change: Change, over: tuple[Wait, ...]) -> None:
    """End these waits; after the last one the ladder continues, or starts over if no one has been notified yet."""
    incident = change.incident
    if not over:
        return
    assign(change.incident, waits=tuple(wait for wait in incident.waits if wait not in over))
    for wait in over:
        change.record(WaitOver(reason=wait.reason, by=wait.by, because=_waited_for(wait)))
    if incident.waits:
        return
    restarts = incident.state is State.TRIGGERED and not incident.reached
    opened_at = incident.opened_at
    if restarts:
        change.count_from(change.now)
        assign(change.incident, fired=())
        plan(change, ladders.planned(change.level, change.now))
        is_unanswered = incident.acknowledged_at is None and incident.resolve_at is None
        if is_unanswered and over[-1].reason is not WaitReason.STORM:  # the storm was paged in the meantime
            assign(change.incident, opened_at=change.now)
    elif incident.ladder and not incident.is_held_back:  # a snoozed incident's ladder stands still
        behind = max(0, change.now - incident.ladder[0].due_at)
        assign(change.incident, clock_at=incident.clock_at + behind)
        plan(change, ladders.postponed(incident.ladder, behind, change.now, catch_up=False))
    promises.go_on(change, opened_at, restarts=restarts)
    if incident.resolve_at is None and not incident.is_held_back:
        _go_on(change, f"it waited: {_waited_for(over[-1])}")


def _go_on(change: Change, waited: str) -> None:
    incident = change.incident
    climb(change, waited)
    fire_flags(change)
    if (
        incident.fallback_at is not None
        and incident.fallback_at <= change.now
        and not is_outside_business_hours(change)
    ):
        page_reached_again(change, f"{because_exhausted(incident)}; {waited}")


def _waited_for(wait: Wait) -> str:
    """Return the wait's text without its planned end, because it may have ended early."""
    return waits_for(replace(wait, until=None))


def _key(wait: Wait) -> tuple[str, str]:
    return (wait.reason, wait.by)
