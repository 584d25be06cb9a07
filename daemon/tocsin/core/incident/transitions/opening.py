"""The start and end of an occurrence, and the work that comes due in between."""

from functools import partial

from msgspec import UNSET

from tocsin.core.incident.effect import OccurrenceClosed
from tocsin.core.incident.event import TOCSIN, Actor, Due, Opened
from tocsin.core.incident.incident import Incident, State, WaitReason
from tocsin.core.incident.measure import UNCOUNTED, last_alert_end, time_to_detect, time_to_resolve
from tocsin.core.incident.timeline.alerts import Held, Recovering, Reopened, Resolved, Triggered
from tocsin.core.incident.transitions import followups, promises, rooms
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions.acting import act
from tocsin.core.incident.transitions.acting_state import forget_recorded
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import climb, fire_flags, notify, plan, repeat_due
from tocsin.core.incident.transitions.counting import above, counted, merged
from tocsin.core.incident.transitions.duties import withdraw
from tocsin.core.incident.transitions.flapping import digest_due, flip, forget, waits_of
from tocsin.core.incident.transitions.reach import methods_due
from tocsin.core.incident.transitions.relapse import silence_due, snooze_due
from tocsin.core.incident.transitions.storm_responses import respond_for_members
from tocsin.core.incident.transitions.waiting import begin, end_overdue, unless_it_waits
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.typed_replace import replace


def opened(change: Change, event: Opened) -> None:
    """Start an occurrence, and its ladder: at once, or after the hold, in which an automation may heal the incident."""
    incident = change.incident
    followups.reopen(change)
    forget_recorded(change)
    rooms.at_open(change)
    firing = counted(incident.firing, fired=event.fired)
    severity = event.severity or incident.plan.highest(list(firing))
    if incident.pinned and not above(incident.plan, severity, incident.severity):
        severity = incident.severity
    assign(
        change.incident,
        occurrence=incident.occurrence + 1,
        round=1,
        severity=severity,
        peak=severity,
        firing=firing,
        alerts_total=incident.alerts_total + len(event.fired),
        drill=event.drill,
        reached=(),
        fired=(),
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
        ladder_state=None,
        work=None,
        opened_at=change.now,
        first_alert_at=event.first_alert_at,
        grace_until=None,
        merged=None,
    )
    if event.split_from is not None:
        change.set_ladder_state(replace(change.ladder_state, split_from=event.split_from))
    if event.hold:
        assign(change.incident, state=State.PENDING, pending_until=change.now + event.hold)
        change.set_ladder_state(replace(change.ladder_state, behind=change.behind))
        change.record(Held(severity=severity, alerts=len(event.fired), until=change.now + event.hold))
    else:
        trigger(change)


def trigger(change: Change, *, asked: bool = False) -> None:
    """Start the ladder, unless it has to wait. MTTA and MTTR count from now.

    ``asked``: a person requested the notification, so the ladder does not wait.
    """
    incident = change.incident
    assign(
        change.incident,
        state=State.TRIGGERED,
        pending_until=None,
        opened_at=change.now,
        peak=incident.severity,
        reached=(),
        fired=(),
    )
    change.count_from(change.now)
    if change.ladder_state.behind:
        change.set_ladder_state(replace(change.ladder_state, behind=0))
    plan(change, ladders.planned(change.level, change.now))
    severity, alerts, occurrence = incident.severity, incident.alerts_firing, incident.occurrence
    if occurrence == 1:
        because = incident.unplaced or UNSET
        change.record(Triggered(severity=severity, alerts=alerts, occurrence=occurrence, because=because))
    else:
        change.record(Reopened(severity=severity, alerts=alerts, occurrence=occurrence))
    promises.begin(change)
    if incident.occurrence > 1:
        flip(change)
    begin(change, waits_of(incident))
    if asked:
        _climb(change)
    else:
        unless_it_waits(change, partial(_climb, change))


def _climb(change: Change) -> None:
    climb(change)
    fire_flags(change)


def pending_due(change: Change, event: Due) -> None:  # noqa: ARG001 - see Handler
    """End the hold: page if alerts still fire."""
    incident = change.incident
    _clear_believed(change)
    digest_due(change)
    if incident.pending_until is None or incident.pending_until > change.now:
        return
    if incident.alerts_firing:
        change.behind = max(change.behind, change.now - incident.pending_until + change.ladder_state.behind)
        trigger(change)
    else:
        close(change, cause="healed")


def paged_due(change: Change, event: Due) -> None:  # noqa: ARG001 - see Handler
    """Carry out everything that is due: the end of the hold-down or of a wait, steps, repeated pages."""
    _clear_believed(change)
    unless_it_waits(change, partial(_go_on, change))


def _go_on(change: Change) -> None:
    """Carry out what is due: during the hold-down only reminders of duties, and nothing while the ladder waits."""
    incident = change.incident
    digest_due(change)
    if incident.resolve_at is not None:
        if incident.resolve_at <= change.now:
            close(change, cause="healed" if _was_hidden(incident) else "alerts")
        elif not incident.waits:
            followups.due(change)
        return
    if incident.doubt is not None and incident.doubt.look_at <= change.now:
        assign(change.incident, doubt=None)  # during the new hold-down, alerts that still fire are received again
        recover(change)
        return
    end_overdue(change)
    snooze_due(change)
    if incident.is_held_back:
        if not incident.waits:
            promises.due(change)
            followups.due(change)
        return
    silence_due(change)
    climb(change)
    repeat_due(change)
    methods_due(change)
    promises.due(change)
    followups.due(change)


def _was_hidden(incident: Incident) -> bool:
    """Return whether the whole occurrence was in a maintenance window, without a notification or an acknowledgment."""
    waits = any(wait.reason is WaitReason.WINDOW for wait in incident.waits)
    return waits and not incident.reached and incident.acked_severity is None


def recover(change: Change) -> None:
    """Start the hold-down: if no alert fires until its end, the incident is resolved."""
    incident = change.incident
    until = change.now + incident.hold_down
    assign(change.incident, resolve_at=until)
    change.record(Recovering(until=until))


def close(change: Change, cause: str, by: Actor | None = None) -> None:
    """End the occurrence.

    ``cause`` is ``alerts``, ``person``, ``healed`` (no one was to be notified) or ``merged``.
    """
    incident = change.incident
    end = last_alert_end(incident, change.now) if cause == "alerts" else change.now
    grace = change.now + incident.plan.resolved_by_hand_grace if by is not None and incident.alerts_firing else None
    if cause not in UNCOUNTED:
        promises.ended(change, end)
    assign(
        change.incident,
        state=State.RESOLVED,
        resolved_at=change.now,
        resolved_by=by.name if by is not None else None,
        last_end_at=end,
        ladder=(),
        waits=(),
        ladder_state=None,
        pending_until=None,
        resolve_at=None,
        doubt=None,
        fallback_at=None,
        grace_until=grace,
    )
    if by is not None:
        forget(change)
        respond_for_members(change, by)
    rooms.at_close(change)
    acknowledged = incident.acked_severity is not None
    change.record(Resolved(cause=cause, acknowledged=acknowledged, occurrence=incident.occurrence), by or TOCSIN)
    change.supersede(Until.RESOLVED)
    if cause not in UNCOUNTED:
        change.measured("detect", time_to_detect(incident))  # only now: until a wait ends, the trigger is not known
        change.measured("resolve", time_to_resolve(incident, end))
    change.effects.append(OccurrenceClosed(cause=cause))
    if cause == "merged":  # duties and actions belong to the other incident
        withdraw(change, "it was merged into another incident")
        return
    followups.ask(change, healed=cause == "healed" and not incident.reached)
    act(change, Moment.RESOLVED)


def resolved_due(change: Change, event: Due) -> None:  # noqa: ARG001 - see Handler
    """Reopen an incident that a person resolved while alerts fired, if alerts still fire; notify that person."""
    incident = change.incident
    _clear_believed(change)
    digest_due(change)
    rooms.archive_due(change)
    if incident.grace_until is not None and incident.grace_until <= change.now:
        assign(change.incident, grace_until=None)
        if incident.alerts_firing:
            verb = "fires" if incident.alerts_firing == 1 else "fire"
            reopen(change, f"{incident.alerts_firing} of its alerts still {verb}")
            return
    followups.due(change)


def reopen(change: Change, because: str) -> None:
    """Open the next occurrence of an incident that a person resolved while alerts fired; tell that person why."""
    incident = change.incident
    resolver = incident.resolved_by
    opened(change, Opened(fired=(), drill=incident.drill, flags=incident.flags))
    if resolver:
        notify(change, Kind.UPDATE, "told", 0, (resolver,), Until.RESOLVED, f"you resolved it, and {because}")


def _clear_believed(change: Change) -> None:
    """Clear the due time of held copies; from then on, the engine counts their alerts as firing."""
    if change.incident.believe_at is not None and change.incident.believe_at <= change.now:
        assign(change.incident, believe_at=None)
