"""Transitions for alerts of an incident that begin, end or change."""

from functools import partial

from tocsin.core.incident.event import AlertsChanged, CopiesHeld
from tocsin.core.incident.incident import WaitReason
from tocsin.core.incident.timeline.alerts import AlertsResolved, FiringAgain, Joined, Reconciled, StillFiring
from tocsin.core.incident.transitions import promises
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import climb
from tocsin.core.incident.transitions.counting import above, counted, merged
from tocsin.core.incident.transitions.flapping import flip
from tocsin.core.incident.transitions.opening import recover, reopen, trigger
from tocsin.core.incident.transitions.relapse import end_if_outgrown
from tocsin.core.incident.transitions.responder_timeout import extend_timeout
from tocsin.core.incident.transitions.responses import add_flags
from tocsin.core.incident.transitions.severity import reconsider
from tocsin.core.incident.transitions.waiting import end, unless_it_waits


def alerts_changed(change: Change, event: AlertsChanged) -> None:
    """Count alerts that began or ended, adapt the severity, and start the hold-down when no alert fires."""
    incident = change.incident
    fired, was_drill = bool(incident.firing or event.fired), incident.drill
    _count_alerts(change, event)
    if was_drill and not incident.drill:
        promises.begin_now(change)
    unless_it_waits(change, partial(_follow, change, event, fired=fired))


def _follow(change: Change, event: AlertsChanged, *, fired: bool) -> None:
    """Adapt an incident to its current alerts. ``fired``: an alert fired before this change."""
    incident = change.incident
    if event.fired:
        if incident.doubt is not None:
            assign(change.incident, doubt=None)
            change.record(StillFiring(count=len(event.fired), firing=incident.alerts_firing))
        elif incident.resolve_at is not None:
            extend_timeout(change)
            assign(change.incident, resolve_at=None, flaps=incident.flaps + 1)
            change.record(FiringAgain(count=len(event.fired), flaps=incident.flaps))
            flip(change)
        else:
            change.record(Joined(count=len(event.fired), firing=incident.alerts_firing))
    if event.ended:
        _record_ended(change, event)
    if incident.firing:
        reconsider(change, (*event.fired, *[to for _, to in event.moved]))
        end_if_outgrown(change, bool(event.fired))
        if incident.resolve_at is None:
            climb(change)
    elif fired and not incident.by_hand:
        recover(change)
        flip(change)
    _end_inhibitions(change)
    add_flags(change, event.flags)


def pending_alerts_changed(change: Change, event: AlertsChanged) -> None:
    """Update the counts of a held incident: no one has been notified yet."""
    incident = change.incident
    _count_alerts(change, event)
    if event.fired:
        change.record(Joined(count=len(event.fired), firing=incident.alerts_firing))
    if event.ended:
        _record_ended(change, event)
    newly = [*event.fired, *(to for _, to in event.moved)]
    if incident.alerts_firing and not incident.pinned:
        highest = incident.plan.highest(list(incident.firing))
        assign(change.incident, severity=highest, peak=highest)
    elif newly and above(incident.plan, incident.plan.highest(newly), incident.severity):  # they outrank the pin
        highest = incident.plan.highest(newly)
        assign(change.incident, severity=highest, peak=highest)
    assign(change.incident, flags=merged(incident.flags, event.flags))
    if event.fired and event.hold == 0:  # an alert that no automation will heal
        trigger(change)
    elif event.fired and incident.pending_until is not None:
        assign(change.incident, pending_until=min(incident.pending_until, change.now + event.hold))


def resolved_alerts_changed(change: Change, event: AlertsChanged) -> None:
    """Count alerts that change after a person resolved their incident; an alert that becomes worse reopens it."""
    incident, highest = change.incident, ""
    if event.moved and incident.grace_until is not None:
        highest = incident.plan.highest([to for _, to in event.moved])
    _count_alerts(change, event)
    if highest and above(incident.plan, highest, incident.severity):
        reopen(change, f"one of its alerts has become {highest}")
        return
    change.quiet = True
    if change.incident.alerts_firing == 0:
        assign(change.incident, grace_until=None)


def _count_alerts(change: Change, event: AlertsChanged) -> None:
    incident = change.incident
    assign(
        change.incident,
        firing=counted(incident.firing, event.fired, event.ended, event.moved),
        alerts_total=incident.alerts_total + len(event.fired),
        drill=incident.drill and (event.drill or not event.fired),
    )
    if event.fired and incident.inhibitions:
        assign(
            change.incident,
            inhibitions=tuple(inhibition for inhibition in incident.inhibitions if inhibition in event.inhibitions),
        )
    if event.last_end_at is not None:
        assign(change.incident, last_end_at=max(event.last_end_at, incident.last_end_at or 0))


def _record_ended(change: Change, event: AlertsChanged) -> None:
    kind = Reconciled if event.reconciled else AlertsResolved
    change.record(kind(count=len(event.ended), firing=change.incident.alerts_firing))


def _end_inhibitions(change: Change) -> None:
    """End the waits for inhibitions that do not apply to the alerts that have joined."""
    incident = change.incident
    if incident.waits:
        rules = {inhibition.rule for inhibition in incident.inhibitions}
        end(change, tuple(w for w in incident.waits if w.reason is WaitReason.INHIBITED and w.by not in rules))


def copies_held(change: Change, event: CopiesHeld) -> None:
    """Set the time at which the engine lets alerts with held copies count as firing."""
    change.quiet = True
    earlier = change.incident.believe_at
    assign(change.incident, believe_at=event.until if earlier is None else min(earlier, event.until))
