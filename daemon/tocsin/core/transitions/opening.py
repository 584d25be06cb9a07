"""The beginning and the end of an occurrence, and what comes due in between."""

from tocsin.core.effect import OccurrenceClosed
from tocsin.core.event import TOCSIN, Actor, Due, Opened
from tocsin.core.incident import Incident, State, Wait, WaitReason
from tocsin.core.measure import UNCOUNTED, ended_at, time_to_detect, time_to_resolve
from tocsin.core.playbook import Kind, Moment, Until
from tocsin.core.transitions import duties, promises, rooms
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions.acting import act
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import climb, fallback_due, fire_flags, notify, plan
from tocsin.core.transitions.counting import above, counted, merged
from tocsin.core.transitions.flapping import digest_due, flip, forget, waits_of
from tocsin.core.transitions.reach import methods_due
from tocsin.core.transitions.relapse import silence_due, snooze_due
from tocsin.core.transitions.taking import take_members
from tocsin.core.transitions.waiting import begin, end_overdue


def opened(change: Change, event: Opened) -> None:
    """Start an occurrence: its ladder at once, or after giving automation time to heal it."""
    incident = change.incident
    duties.reopen(change)
    rooms.at_open(change)
    firing = counted(incident.firing, fired=event.fired)
    severity = event.severity or incident.plan.highest(list(firing))
    if incident.pinned and not above(incident.plan, severity, incident.severity):
        severity = incident.severity
    change.set(
        occurrence=incident.occurrence + 1,
        round=1,
        severity=severity,
        peak=severity,
        firing=firing,
        alerts_total=incident.alerts_total + len(event.fired),
        drill=event.drill,
        flags=merged(event.flags, ()),
        flagged=(),
        acked_severity=None,
        acknowledged_at=None,
        acknowledged_by=None,
        taken_at=None,
        person_acknowledged_at=None,
        firing_at_ack=0,
        resolved_at=None,
        resolved_by=None,
        last_end_at=None,
        flaps=0,
        member_of=None,
        inhibitions=event.inhibitions,
        standing=None,
        work=None,
        opened_at=change.now,
        first_alert_at=event.first_alert_at,
        grace_until=None,
        merged=None,
    )
    if event.hold:
        change.set(state=State.PENDING, pending_until=change.now + event.hold)
        change.record("held", severity=severity, alerts=len(event.fired), until=change.now + event.hold)
    else:
        trigger(change, event.waits)


def trigger(change: Change, waits: tuple[Wait, ...] = ()) -> None:
    """Start the ladder, unless it has to wait: this is the moment that MTTA and MTTR count from."""
    incident = change.incident
    change.set(
        state=State.TRIGGERED,
        pending_until=None,
        opened_at=change.now,
        peak=incident.severity,
        reached=(),
        fired=(),
    )
    change.count_from(change.now)
    plan(change, ladders.planned(change.level, change.now))
    change.record(
        "triggered" if incident.occurrence == 1 else "reopened",
        severity=incident.severity,
        alerts=incident.alerts_firing,
        occurrence=incident.occurrence,
    )
    promises.begin(change)
    change.measured("detect", time_to_detect(incident))
    if incident.occurrence > 1:
        flip(change)
    begin(change, (*waits, *waits_of(incident)))
    climb(change)
    fire_flags(change)


def pending_due(change: Change, event: Due) -> None:
    """The hold is over: page if it still fires."""
    incident = change.incident
    _clear_believed(change)
    digest_due(change)
    if incident.pending_until is None or incident.pending_until > change.now:
        return
    if incident.alerts_firing:
        trigger(change, event.waits)
    else:
        close(change, cause="healed")


def paged_due(change: Change, event: Due) -> None:
    """Something is due: the end of the hold-down or of a wait, a step, or the fallback.

    No step fires inside the hold-down, and none while it waits.
    """
    incident = change.incident
    _clear_believed(change)
    begin(change, event.waits)
    digest_due(change)
    if incident.resolve_at is not None:
        if incident.resolve_at <= change.now:
            close(change, cause="healed" if _was_hidden(incident) else "alerts")
        return
    if incident.doubt is not None and incident.doubt.look_at <= change.now:
        change.set(doubt=None)  # what still fires has another hold-down to say so
        recover(change)
        return
    end_overdue(change)
    snooze_due(change)
    if incident.is_held_back:
        if not incident.waits:
            promises.due(change)
            duties.due(change)
        return
    silence_due(change)
    climb(change)
    fallback_due(change)
    methods_due(change)
    promises.due(change)
    duties.due(change)


def _was_hidden(incident: Incident) -> bool:
    """All of it happened in a maintenance window, and nobody was told or took it."""
    waits = any(wait.reason is WaitReason.WINDOW for wait in incident.waits)
    return waits and not incident.reached and incident.acked_severity is None


def recover(change: Change) -> None:
    """Nothing fires any more: resolved, if it stays so for the hold-down."""
    incident = change.incident
    change.set(resolve_at=change.now + incident.hold_down)
    change.record("recovering", until=incident.resolve_at)


def close(change: Change, cause: str, by: Actor | None = None) -> None:
    """End the occurrence.

    ``cause`` is ``alerts``, ``person``, ``healed`` (nobody was to be told) or ``merged`` (it goes on elsewhere).
    """
    incident = change.incident
    end = ended_at(incident, change.now) if cause == "alerts" else change.now
    grace = change.now + incident.plan.resolved_by_hand_grace if by is not None and incident.alerts_firing else None
    if cause not in UNCOUNTED:
        promises.ended(change, end)
    change.set(
        state=State.RESOLVED,
        resolved_at=change.now,
        resolved_by=by.name if by is not None else None,
        last_end_at=end,
        ladder=(),
        waits=(),
        standing=None,
        pending_until=None,
        resolve_at=None,
        doubt=None,
        fallback_at=None,
        grace_until=grace,
    )
    if by is not None:
        forget(change)
        take_members(change, by)
    rooms.at_close(change)
    acknowledged = incident.acked_severity is not None
    change.record("resolved", by or TOCSIN, cause=cause, acknowledged=acknowledged, occurrence=incident.occurrence)
    change.supersede(Until.RESOLVED)
    if cause not in UNCOUNTED:
        change.measured("resolve", time_to_resolve(incident, end))
    change.effects.append(OccurrenceClosed(cause=cause))
    if cause == "merged":  # what is owed, and said, is the other one's
        return
    duties.ask(change)
    if incident.reached:  # else nobody has been told that there is anything
        act(change, Moment.RESOLVED)


def resolved_due(change: Change, event: Due) -> None:
    """What a person closed while it fired, and fires still, is the next occurrence; the resolver is told."""
    incident = change.incident
    _clear_believed(change)
    digest_due(change)
    rooms.archive_due(change)
    if incident.grace_until is not None and incident.grace_until <= change.now:
        change.set(grace_until=None)
        _fires_again(change, event)
    if incident.state is State.RESOLVED:
        duties.due(change)


def _fires_again(change: Change, event: Due) -> None:
    incident = change.incident
    if incident.alerts_firing:
        resolver = incident.resolved_by
        opened(change, Opened(fired=(), drill=incident.drill, flags=incident.flags, waits=event.waits))
        if resolver:
            because = f"you resolved it, and {incident.alerts_firing} of its alerts still fire"
            notify(change, Kind.UPDATE, "told", 0, (resolver,), Until.RESOLVED, because)


def _clear_believed(change: Change) -> None:
    """The engine turns believed copies into alerts of their own; here only the alarm clock is put away."""
    if change.incident.believe_at is not None and change.incident.believe_at <= change.now:
        change.set(believe_at=None)
