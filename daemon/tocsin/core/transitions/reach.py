"""Reaching a person by one contact method after the other, and telling whoever comes on call."""

import msgspec

from tocsin.core import reaching
from tocsin.core.effect import Notify
from tocsin.core.event import Actor, MethodFailed, PersonsCalled, ShiftBegan
from tocsin.core.playbook import Kind, Until
from tocsin.core.reaching import Called, Later, Reaching
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import notify
from tocsin.core.wording import because_shift, because_unanswered

SHIFT = "shift"
"""The step that tells whoever comes on call."""


def persons_called(change: Change, event: PersonsCalled) -> None:
    """Plan the further methods of whoever has just been paged."""
    change.quiet = True
    change.set(reaching=reaching.begun(change.incident.reaching, event.called))


def method_failed(change: Change, event: MethodFailed) -> None:
    """Use the next method now, unless the ladder waits."""
    change.quiet = True
    if not change.incident.waits:
        _use(change, event.person, event.because)


def responded(change: Change, by: Actor) -> None:
    """Whoever does anything about the incident has been reached."""
    if change.incident.reaching is not None:
        change.set(reaching=reaching.without(change.incident.reaching, person=by.name))


def methods_due(change: Change) -> None:
    """Use the methods whose time has come: of each page the earliest, the rest keep their distance."""
    _use(change)


def shift_began(change: Change, event: ShiftBegan) -> None:
    """Inform the next shift of what somebody has acknowledged or snoozed."""
    incident = change.incident
    before = incident.reaching or Reaching()
    change.quiet = True
    change.set(reaching=msgspec.structs.replace(before, shifts={**before.shifts, event.rotation: event.at}))
    if event.told:
        step = f"{SHIFT}:{event.rotation}:{event.at}"
        tier = max(incident.reached, default=1)
        notify(change, Kind.UPDATE, step, tier, event.told, Until.RESOLVED, because_shift(incident, event.rotation))


def _use(change: Change, person: str | None = None, why: str = "") -> None:
    """Use what is due; of ``person`` the next method, due or not."""
    before = change.incident.reaching
    if before is None:
        return
    kept: list[Called] = []
    for called in before.called:
        first, left = reaching.advanced(called, change.now, at_once=called.person == person)
        if first is not None:
            _notify(change, called, first, why)
        if left is not None:
            kept.append(left)
    after = msgspec.structs.replace(before, called=tuple(kept))
    change.set(reaching=after if after != Reaching() else None)


def _notify(change: Change, called: Called, method: Later, why: str) -> None:
    because = f"{called.because}; {why or because_unanswered(called.person)}"
    change.notify(
        Notify(
            kind=Kind.PAGE,
            step=called.step,
            tier=called.tier,
            targets=(called.person,),
            until=called.until,
            because=because,
            late=max(0, change.now - method.due_at),
            method=method.nth,
            round=called.round,
        )
    )
    change.record("next_method", step=called.step, tier=called.tier, target=called.person, method=method.nth)
