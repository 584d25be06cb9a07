"""The promises of an open incident: breached and met ones, and the times of updates.

A promise counts from the opening, or from a rise in severity if that gives an
earlier deadline; if the severity pages only in business hours, from when they
are open. Its time stands still while the ladder waits, and no breach is reported
once all alerts have resolved; a snooze holds back only the reminders. Drills have
no promises.
"""

from tocsin.core.incident.effect import Breached, Notify
from tocsin.core.incident.event import Acknowledge, Actor, Event, Snooze, TakeOver
from tocsin.core.incident.incident import TAKEN, Incident, State
from tocsin.core.incident.sla import ANSWERS, BREACH_STEP, UPDATE_STEP, Obligations, Promise, deadlines
from tocsin.core.incident.throttle import is_told_by_its_storm
from tocsin.core.incident.timeline.notifications import PromiseBreached, Reminded
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.transitions.change import PAGED, Change, assign
from tocsin.core.incident.wording import because_breached, because_update_due
from tocsin.core.playbook.playbook import Kind, Level, Until
from tocsin.core.typed_replace import replace


def obligations_of(incident: Incident) -> Obligations:
    """Return the obligations, also for an incident that an older version has acknowledged."""
    if incident.obligations is not None:
        return incident.obligations
    return Obligations(met=ANSWERS) if incident.state in TAKEN else Obligations()


def set_obligations(change: Change, obligations: Obligations) -> None:
    """Replace the obligations."""
    assign(change.incident, obligations=obligations)


def begin_now(change: Change) -> None:
    """Start the promises of a drill that has turned real; its acknowledgment counts."""
    incident, obligations = change.incident, obligations_of(change.incident)
    met = ANSWERS if incident.state in TAKEN else ()
    set_obligations(
        change,
        replace(
            obligations_of(change.incident),
            since=_starts_at(change),
            caps={},
            met=met,
            missed=(),
            paused_at=obligations.paused_at,
        ),
    )
    if incident.state in TAKEN:
        report(change)


def owed(incident: Incident) -> dict[str, int]:
    """Return the deadline of each promise that is still open."""
    return (
        {}
        if incident.drill
        else deadlines(obligations_of(incident), incident.plan.level(incident.severity), incident.opened_at)
    )


def begin(change: Change) -> None:
    """Start the promises together with the ladder; a start other than now has to be stored."""
    starts_at = _starts_at(change)
    if starts_at != change.now and not change.incident.drill:
        set_obligations(change, replace(obligations_of(change.incident), since=starts_at))


def _starts_at(change: Change) -> int:
    """Return the start of promises that begin now."""
    now = _now(change)
    return change.incident.plan.business_hours.opening(now) if change.level.is_business else now


def pause(change: Change) -> None:
    """Pause the promises, because the ladder begins to wait; a wait from the opening on need not be stored."""
    if change.incident.opened_at != change.now:
        set_obligations(change, replace(obligations_of(change.incident), paused_at=change.now))


def go_on(change: Change, opened_at: int, *, restarts: bool) -> None:
    """Resume the promises after a wait; with ``restarts`` they start over, like the ladder."""
    incident, obligations = change.incident, obligations_of(change.incident)
    shift = change.now - _paused_at(obligations, opened_at)
    update_by = None if obligations.update_by is None else obligations.update_by + shift
    if restarts:
        met = tuple(promise for promise in obligations.met if promise not in ANSWERS)
        set_obligations(
            change,
            replace(
                obligations_of(change.incident),
                since=_starts_at(change),
                caps={},
                met=met,
                update_by=update_by,
                paused_at=None,
            ),
        )
        if incident.obligations == Obligations(since=incident.opened_at):
            assign(change.incident, obligations=None)
        return
    set_obligations(
        change,
        replace(
            obligations_of(change.incident),
            since=(opened_at if obligations.since is None else obligations.since) + shift,
            caps={promise: at + shift for promise, at in obligations.caps.items()},
            update_by=update_by,
            paused_at=None,
        ),
    )


def _paused_at(obligations: Obligations, opened_at: int) -> int:
    return opened_at if obligations.paused_at is None else obligations.paused_at


def _now(change: Change) -> int:
    """Return the clock's time, which stands still while the ladder waits."""
    incident = change.incident
    return _paused_at(obligations_of(incident), incident.opened_at) if incident.waits else change.now


def moved(change: Change, before: dict[str, int], level: Level, *, rises: bool) -> None:
    """Adjust the promises to a new severity; ``before`` holds the deadlines at the old ``level``."""
    obligations, now = obligations_of(change.incident), _now(change)
    update_by = _update_by(change, obligations, level, now, rises=rises)
    if rises:
        within, since = dict(change.level.promises), _starts_at(change)
        caps = {promise: at for promise, at in before.items() if at < since + within.get(promise, 0)}
        set_obligations(change, replace(obligations_of(change.incident), since=since, caps=caps, update_by=update_by))
    elif obligations.caps or update_by != obligations.update_by:
        set_obligations(change, replace(obligations_of(change.incident), caps={}, update_by=update_by))


def _update_by(change: Change, obligations: Obligations, old: Level, now: int, *, rises: bool) -> int | None:
    interval = change.level.update_every
    if interval is None or not _is_reported(change.incident):
        return None
    if obligations.update_by is None or old.update_every is None:
        return now + interval
    rescheduled = max(now, obligations.update_by - old.update_every + interval)
    return min(obligations.update_by, now + interval) if rises else rescheduled


def uncovered(change: Change) -> None:
    """Require a new response from now on, because the acknowledgment no longer covers the incident."""
    obligations, since = obligations_of(change.incident), _starts_at(change)
    caps = {promise: at for promise, at in owed(change.incident).items() if promise not in ANSWERS}
    set_obligations(
        change,
        replace(
            obligations_of(change.incident),
            since=since,
            caps=caps,
            met=tuple(promise for promise in obligations.met if promise not in ANSWERS),
        ),
    )


def meet_answered(change: Change, event: Event) -> None:
    """Record a person's response: the promises that it answers are met, or were breached before."""
    incident, by = change.incident, getattr(event, "by", None)
    if not isinstance(by, Actor) or not by.is_person or incident.state not in PAGED or incident.drill:
        return
    if getattr(event, "occurrence", None) not in (None, incident.occurrence):
        return
    answered = ANSWERS if isinstance(event, Acknowledge | Snooze | TakeOver) else (Promise.RESPOND,)
    # Includes promises that this severity does not make: a later severity may make them.
    if set(answered) <= {*obligations_of(incident).met, *obligations_of(incident).missed}:
        return
    _breach(
        change, {promise: at for promise, at in owed(incident).items() if promise in answered and at < _ended(change)}
    )
    obligations = obligations_of(change.incident)
    settled = (*obligations.met, *obligations.missed)
    set_obligations(
        change,
        replace(
            obligations_of(change.incident),
            met=(*obligations.met, *(promise for promise in answered if promise not in settled)),
        ),
    )


def _ended(change: Change) -> int:
    """Return the time before which a deadline counts as breached: at most the end of the last alert."""
    incident, now = change.incident, _now(change)
    return now if incident.resolve_at is None else min(now, incident.last_end_at or now)


def acknowledged(change: Change) -> None:
    """Start the updates after an acknowledgment; `meet_answered` decides which promises it meets."""
    if not change.incident.drill:
        set_obligations(change, obligations_of(change.incident))
        report(change)


def report(change: Change) -> None:
    """Start the updates, unless they have begun: the incident was acknowledged or declared."""
    interval = change.level.update_every
    if interval is not None and not change.incident.drill and obligations_of(change.incident).update_by is None:
        set_obligations(
            change, replace(obligations_of(change.incident), update_by=_in_hours(change, _now(change) + interval))
        )


def update_posted(change: Change) -> None:
    """Set the next update one interval after the one just posted."""
    interval = change.level.update_every
    if interval is not None and not change.incident.drill and change.incident.state in PAGED:
        set_obligations(
            change,
            replace(obligations_of(change.incident), update_by=_in_hours(change, _now(change) + interval), unheard=0),
        )


def _in_hours(change: Change, at: int) -> int:
    """Return ``at``, moved into business hours if the severity is limited to them."""
    return change.incident.plan.business_hours.opening(at) if change.level.is_business else at


def _is_reported(incident: Incident) -> bool:
    return not incident.drill and (
        incident.acked_severity is not None or obligations_of(incident).update_by is not None
    )


def due(change: Change) -> None:
    """Report breached promises, and remind the author of updates unless the incident is snoozed."""
    overdue = {promise: at for promise, at in owed(change.incident).items() if at <= change.now}
    if overdue:
        _breach(change, overdue)
    update_by = obligations_of(change.incident).update_by
    if update_by is not None and update_by <= change.now and change.incident.state is not State.SNOOZED:
        _remind(change, update_by)


def _remind(change: Change, update_by: int) -> None:
    incident, obligations, interval = change.incident, obligations_of(change.incident), change.level.update_every
    if interval is None:
        set_obligations(change, replace(obligations_of(change.incident), update_by=None))
        return
    if obligations.unheard and Promise.UPDATE not in obligations.missed:
        _breach(change, {Promise.UPDATE: update_by})
    late, count = change.now - update_by, obligations.reminded + 1
    set_obligations(
        change,
        replace(
            obligations_of(change.incident),
            update_by=_in_hours(change, change.now + interval),
            reminded=count,
            unheard=obligations.unheard + 1,
        ),
    )
    if is_told_by_its_storm(incident):
        return
    because = because_update_due(incident.severity, interval, obligations.unheard + 1)
    targets = owners.communication_lead(incident)
    if obligations.unheard:
        targets = tuple(dict.fromkeys((*targets, *owners.communication_backup(incident))))
    remind(change, f"{UPDATE_STEP}{count}", targets, because, late=late)


def remind(change: Change, step: str, targets: tuple[str, ...], because: str, *, late: int = 0) -> None:
    """Remind the targets, and record it in the timeline."""
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
    change.record(Reminded(step=step, targets=targets, because=because))


def _tier(change: Change) -> int:
    """Return the highest tier reached."""
    return max(change.incident.reached, default=1)


def ended(change: Change, end: int) -> None:
    """Report promises breached before the occurrence's ``end``; no other ones become due."""
    end = min(end, _now(change))
    _breach(change, {promise: at for promise, at in owed(change.incident).items() if at < end})


def _breach(change: Change, breached: dict[str, int]) -> None:
    """Report breaches in the timeline, in the metrics and to the responders, once per occurrence and promise."""
    if not breached:
        return
    incident, obligations = change.incident, obligations_of(change.incident)
    set_obligations(change, replace(obligations_of(change.incident), missed=(*obligations.missed, *breached)))
    step = f"{BREACH_STEP}{next(iter(breached))}"
    targets = () if is_told_by_its_storm(incident) else owners.told_of_breaches(incident)
    because = because_breached(incident, tuple(breached))
    for promise, due_at in breached.items():
        entry = PromiseBreached(
            promise=promise,
            severity=incident.severity,
            due_at=due_at,
            late=change.now - due_at,
            step=step,
            targets=targets,
            occurrence=incident.occurrence,
            because=because_breached(incident, (promise,)),
        )
        change.record(entry)
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
