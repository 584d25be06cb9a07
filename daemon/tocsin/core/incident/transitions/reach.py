"""A person's contact methods, used one after the other; and the notification of the next shift."""

from tocsin.core.incident import contact_attempts
from tocsin.core.incident.contact_attempts import Called, ContactAttempts, Later
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.event import Actor, MethodFailed, PersonsCalled, ShiftBegan
from tocsin.core.incident.sla import HANDOFF_STEP, HANDOFFS_STEP
from tocsin.core.incident.timeline.notifications import HandOffListed, NextMethodUsed
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import notify
from tocsin.core.incident.wording import because_shift, because_unanswered
from tocsin.core.playbook.playbook import Kind, Until
from tocsin.core.typed_replace import replace


def persons_called(change: Change, event: PersonsCalled) -> None:
    """Plan the further methods of the people just paged."""
    change.quiet = True
    assign(change.incident, contact_attempts=contact_attempts.begun(change.incident.contact_attempts, event.called))


def method_failed(change: Change, event: MethodFailed) -> None:
    """Use the next method now, unless the ladder waits."""
    change.quiet = True
    if not change.incident.waits:
        _use(change, event.person, event.because)


def responded(change: Change, by: Actor) -> None:
    """Stop the contact attempts to a person who has acted on the incident."""
    if change.incident.contact_attempts is not None:
        assign(
            change.incident, contact_attempts=contact_attempts.without(change.incident.contact_attempts, person=by.name)
        )


def methods_due(change: Change) -> None:
    """Use the methods that are due: for each page the earliest one; the later methods keep their distance."""
    _use(change)


def shift_began(change: Change, event: ShiftBegan) -> None:
    """Inform the next shift of an acknowledged or snoozed incident."""
    incident = change.incident
    before = incident.contact_attempts or ContactAttempts()
    after = replace(before, shifts={**before.shifts, event.rotation: event.at})
    change.quiet = True
    assign(change.incident, contact_attempts=after)
    if not event.notified:
        return
    prefix = HANDOFFS_STEP if event.others or event.listed_in else HANDOFF_STEP
    step = f"{prefix}{event.rotation}:{event.at}"
    because = because_shift(incident, event.rotation)
    if event.listed_in is None:
        text = f"{because}; {event.others}" if event.others else because
        tier = max(incident.reached, default=1)
        notify(change, Kind.UPDATE, step, tier, event.notified, Until.RESOLVED, text)
        return
    lead_id, lead = event.listed_in
    informed = {**before.listed, **dict.fromkeys(event.notified, lead_id)}
    assign(change.incident, contact_attempts=replace(after, listed=informed))
    change.record(HandOffListed(step=step, targets=event.notified, listed_in=lead, because=because))


def _use(change: Change, person: str | None = None, reason: str = "") -> None:
    """Use the methods that are due; for ``person``, use the next method even if it is not due."""
    before = change.incident.contact_attempts
    if before is None:
        return
    kept: list[Called] = []
    for called in before.called:
        method, remaining = contact_attempts.advanced(called, change.now, at_once=called.person == person)
        if method is not None:
            _notify(change, called, method, reason)
        if remaining is not None:
            kept.append(remaining)
    after = replace(before, called=tuple(kept))
    assign(change.incident, contact_attempts=after if after != ContactAttempts() else None)


def _notify(change: Change, called: Called, method: Later, reason: str) -> None:
    because = f"{called.because}; {reason or because_unanswered(called.person)}"
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
    change.record(NextMethodUsed(step=called.step, tier=called.tier, target=called.person, method=method.nth))
