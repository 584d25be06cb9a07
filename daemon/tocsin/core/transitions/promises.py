"""The promises of an open incident: what is breached, what is met, and when an update is due.

A promise counts from the opening, or from a rise in severity where that comes
to an earlier moment than before; where the severity pages in business hours
only, from when they are open. No time goes by for it while the ladder waits,
and none is told while everything has resolved; a snooze keeps back nothing but
the reminders. Drills promise nothing.
"""

from typing import Any

import msgspec

from tocsin.core.clock import ANSWERS, BREACH_STEP, UPDATE_STEP, Clock, Promise, deadlines
from tocsin.core.effect import Breached, Notify
from tocsin.core.event import Acknowledge, Actor, Event, Snooze
from tocsin.core.incident import TAKEN, Incident, State
from tocsin.core.playbook import Kind, Level, Until
from tocsin.core.throttle import is_told_by_its_storm
from tocsin.core.transitions import owners
from tocsin.core.transitions.change import PAGED, Change
from tocsin.core.wording import because_breached, because_update_due


def clock_of(incident: Incident) -> Clock:
    """The clock, also of one that was acknowledged before tocsin kept any."""
    if incident.clock is not None:
        return incident.clock
    return Clock(met=ANSWERS) if incident.state in TAKEN else Clock()


def wind(change: Change, **fields: Any) -> None:
    """Change fields of the clock."""
    change.set(clock=msgspec.structs.replace(clock_of(change.incident), **fields))


def begin_now(change: Change) -> None:
    """A drill has turned real: what a person has said about it stands, all else is owed from now on."""
    incident, clock = change.incident, clock_of(change.incident)
    met = ANSWERS if incident.state in TAKEN else ()
    wind(change, since=_starts_at(change), caps={}, met=met, missed=(), paused_at=clock.paused_at)
    if incident.state in TAKEN:
        report(change)


def owed(incident: Incident) -> dict[str, int]:
    """When each promise that is still owed is breached."""
    return (
        {}
        if incident.drill
        else deadlines(clock_of(incident), incident.plan.level(incident.severity), incident.opened_at)
    )


def begin(change: Change) -> None:
    """Its ladder begins: only what does not count from now has to be written down."""
    starts_at = _starts_at(change)
    if starts_at != change.now and not change.incident.drill:
        wind(change, since=starts_at)


def _starts_at(change: Change) -> int:
    """From when on something is owed that begins now."""
    now = _now(change)
    return change.incident.plan.business_hours.opening(now) if change.level.is_business else now


def pause(change: Change) -> None:
    """The ladder begins to wait. Of what waits from its opening on, nothing need be written."""
    if change.incident.opened_at != change.now:
        wind(change, paused_at=change.now)


def go_on(change: Change, opened_at: int, *, anew: bool) -> None:
    """The ladder waits no longer; ``anew``: it begins at its first tier, and so do the promises."""
    incident, clock = change.incident, clock_of(change.incident)
    shift = change.now - _paused_at(clock, opened_at)
    update_by = None if clock.update_by is None else clock.update_by + shift
    if anew:
        met = tuple(promise for promise in clock.met if promise not in ANSWERS)
        wind(change, since=_starts_at(change), caps={}, met=met, update_by=update_by, paused_at=None)
        if incident.clock == Clock(since=incident.opened_at):
            change.set(clock=None)
        return
    wind(
        change,
        since=(opened_at if clock.since is None else clock.since) + shift,
        caps={promise: at + shift for promise, at in clock.caps.items()},
        update_by=update_by,
        paused_at=None,
    )


def _paused_at(clock: Clock, opened_at: int) -> int:
    return opened_at if clock.paused_at is None else clock.paused_at


def _now(change: Change) -> int:
    """The moment that the clock shows: it stands still while the ladder waits."""
    incident = change.incident
    return _paused_at(clock_of(incident), incident.opened_at) if incident.waits else change.now


def moved(change: Change, before: dict[str, int], level: Level, *, rises: bool) -> None:
    """The severity has changed; ``before`` is what was owed, at the old ``level``."""
    clock, now = clock_of(change.incident), _now(change)
    update_by = _update_by(change, clock, level, now, rises=rises)
    if rises:
        within, since = dict(change.level.promises), _starts_at(change)
        caps = {promise: at for promise, at in before.items() if at < since + within.get(promise, 0)}
        wind(change, since=since, caps=caps, update_by=update_by)
    elif clock.caps or update_by != clock.update_by:
        wind(change, caps={}, update_by=update_by)


def _update_by(change: Change, clock: Clock, old: Level, now: int, *, rises: bool) -> int | None:
    every = change.level.update_every
    if every is None or not _is_reported(change.incident):
        return None
    if clock.update_by is None or old.update_every is None:
        return now + every
    anew = max(now, clock.update_by - old.update_every + every)
    return min(clock.update_by, now + every) if rises else anew


def uncovered(change: Change) -> None:
    """The acknowledgment does not cover it any more: an answer is owed again from now; the rest as it was."""
    clock, since = clock_of(change.incident), _starts_at(change)
    caps = {promise: at for promise, at in owed(change.incident).items() if promise not in ANSWERS}
    wind(change, since=since, caps=caps, met=tuple(promise for promise in clock.met if promise not in ANSWERS))


def heard(change: Change, event: Event) -> None:
    """A person has done something about it: what that answers is met, or was breached before."""
    incident, by = change.incident, getattr(event, "by", None)
    if not isinstance(by, Actor) or not by.is_person or incident.state not in PAGED or incident.drill:
        return
    if getattr(event, "occurrence", None) not in (None, incident.occurrence):
        return
    answered = ANSWERS if isinstance(event, Acknowledge | Snooze) else (Promise.RESPOND,)
    # Also what this severity does not promise: another one, to which it may come, does.
    if set(answered) <= {*clock_of(incident).met, *clock_of(incident).missed}:
        return
    _breach(
        change, {promise: at for promise, at in owed(incident).items() if promise in answered and at < _ended(change)}
    )
    clock = clock_of(change.incident)
    settled = (*clock.met, *clock.missed)
    wind(change, met=(*clock.met, *(promise for promise in answered if promise not in settled)))


def _ended(change: Change) -> int:
    """Until when something was owed: nothing is once all alerts have resolved."""
    incident, now = change.incident, _now(change)
    return now if incident.resolve_at is None else min(now, incident.last_end_at or now)


def acknowledged(change: Change) -> None:
    """Somebody takes it: from now on updates are due. Whether that answers anything is for `heard` to say."""
    if not change.incident.drill:
        wind(change)
        report(change)


def report(change: Change) -> None:
    """From now on updates are due, if none is yet: somebody has it, or it was declared."""
    every = change.level.update_every
    if every is not None and not change.incident.drill and clock_of(change.incident).update_by is None:
        wind(change, update_by=_in_hours(change, _now(change) + every))


def update_posted(change: Change) -> None:
    """Whoever waits has been told how it goes: the next update is due an interval from now."""
    every = change.level.update_every
    if every is not None and not change.incident.drill and change.incident.state in PAGED:
        wind(change, update_by=_in_hours(change, _now(change) + every), unheard=0)


def _in_hours(change: Change, at: int) -> int:
    """Where a severity is for business hours, whoever writes the updates is as well."""
    return change.incident.plan.business_hours.opening(at) if change.level.is_business else at


def _is_reported(incident: Incident) -> bool:
    return not incident.drill and (incident.acked_severity is not None or clock_of(incident).update_by is not None)


def due(change: Change) -> None:
    """Tell what is breached, and remind whoever writes the updates, unless it is snoozed."""
    overdue = {promise: at for promise, at in owed(change.incident).items() if at <= change.now}
    if overdue:
        _breach(change, overdue)
    update_by = clock_of(change.incident).update_by
    if update_by is not None and update_by <= change.now and change.incident.state is not State.SNOOZED:
        _remind(change, update_by)


def _remind(change: Change, update_by: int) -> None:
    incident, clock, every = change.incident, clock_of(change.incident), change.level.update_every
    if every is None:
        wind(change, update_by=None)
        return
    if clock.unheard and Promise.UPDATE not in clock.missed:
        _breach(change, {Promise.UPDATE: update_by})
    late, count = change.now - update_by, clock.reminded + 1
    wind(change, update_by=_in_hours(change, change.now + every), reminded=count, unheard=clock.unheard + 1)
    if is_told_by_its_storm(incident):
        return
    because = because_update_due(incident.severity, every, clock.unheard + 1)
    targets = owners.communication_lead(incident)
    if clock.unheard:
        targets = tuple(dict.fromkeys((*targets, *owners.communication_backup(incident))))
    remind(change, f"{UPDATE_STEP}{count}", targets, because, late=late)


def remind(change: Change, step: str, targets: tuple[str, ...], because: str, *, late: int = 0) -> None:
    """Remind somebody, and put it into the timeline."""
    change.notify(
        Notify(
            kind=Kind.UPDATE,
            step=step,
            tier=_tier(change),
            targets=targets,
            until=Until.RESOLVED,
            because=because,
            late=late,
        )
    )
    change.record("reminded", step=step, targets=list(targets), because=because)


def _tier(change: Change) -> int:
    """How far the ladder has come."""
    return max(change.incident.reached, default=1)


def ended(change: Change, end: int) -> None:
    """The occurrence is over: what was owed before its ``end`` was breached; nothing of it is due any more."""
    end = min(end, _now(change))
    _breach(change, {promise: at for promise, at in owed(change.incident).items() if at < end})


def _breach(change: Change, breached: dict[str, int]) -> None:
    """Once an occurrence for each promise: into the timeline, the figures, and to whoever has it."""
    if not breached:
        return
    incident, clock = change.incident, clock_of(change.incident)
    wind(change, missed=(*clock.missed, *breached))
    step = f"{BREACH_STEP}{next(iter(breached))}"
    targets = () if is_told_by_its_storm(incident) else owners.told_of_breaches(incident)
    because = because_breached(incident, tuple(breached))
    for promise, due_at in breached.items():
        change.record(
            "breached",
            promise=promise,
            severity=incident.severity,
            due_at=due_at,
            late=change.now - due_at,
            step=step,
            targets=list(targets),
            occurrence=incident.occurrence,
            because=because_breached(incident, (promise,)),
        )
        change.effects.append(Breached(promise=promise, severity=incident.severity))
    change.notify(
        Notify(
            kind=Kind.UPDATE,
            step=step,
            tier=_tier(change),
            targets=targets,
            until=Until.RESOLVED,
            because=because,
            late=change.now - min(breached.values()),
        )
    )
