"""Alerts of an incident come and go."""

from tocsin.core.event import AlertsChanged, CopiesHeld
from tocsin.core.incident import WaitReason
from tocsin.core.transitions import promises
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import climb
from tocsin.core.transitions.counting import above, counted, merged
from tocsin.core.transitions.flapping import flip
from tocsin.core.transitions.hearing import paused_silence
from tocsin.core.transitions.opening import recover, trigger
from tocsin.core.transitions.relapse import outgrown
from tocsin.core.transitions.responses import add_flags
from tocsin.core.transitions.severity import reconsider
from tocsin.core.transitions.waiting import begin, end


def alerts_changed(change: Change, event: AlertsChanged) -> None:
    """Count what began and ended; follow the severity; hold down when nothing fires any more."""
    incident = change.incident
    before, was_drill = incident.firing, incident.drill
    _count_alerts(change, event)
    if was_drill and not incident.drill:
        promises.begin_now(change)
    begin(change, event.waits)
    if event.fired:
        if incident.doubt is not None:
            change.set(doubt=None)
            change.record("fires_on", count=len(event.fired), firing=incident.alerts_firing)
        elif incident.resolve_at is not None:
            paused_silence(change)
            change.set(resolve_at=None, flaps=incident.flaps + 1)
            change.record("fires_again", count=len(event.fired), flaps=incident.flaps)
            flip(change)
        else:
            change.record("joined", count=len(event.fired), firing=incident.alerts_firing)
    if event.ended:
        _record_ended(change, event)
    if incident.firing:
        reconsider(change, (*event.fired, *[to for _, to in event.moved]))
        outgrown(change, bool(event.fired))
        if incident.resolve_at is None:
            climb(change)
    elif (before or event.fired) and not incident.by_hand:
        recover(change)
        flip(change)
    _end_inhibitions(change)
    add_flags(change, event.flags)


def pending_alerts_changed(change: Change, event: AlertsChanged) -> None:
    """While it is held only the figures move: nobody has been told yet."""
    incident = change.incident
    _count_alerts(change, event)
    if event.fired:
        change.record("joined", count=len(event.fired), firing=incident.alerts_firing)
    if event.ended:
        _record_ended(change, event)
    newly = [*event.fired, *(to for _, to in event.moved)]
    if incident.alerts_firing and not incident.pinned:
        highest = incident.plan.highest(list(incident.firing))
        change.set(severity=highest, peak=highest)
    elif newly and above(incident.plan, incident.plan.highest(newly), incident.severity):  # a pin yields to these
        highest = incident.plan.highest(newly)
        change.set(severity=highest, peak=highest)
    change.set(flags=merged(incident.flags, event.flags))
    if event.fired and event.hold == 0:  # one that nothing is going to heal
        trigger(change, event.waits)
    elif event.fired and incident.pending_until is not None:
        change.set(pending_until=min(incident.pending_until, change.now + event.hold))


def resolved_alerts_changed(change: Change, event: AlertsChanged) -> None:
    """Alerts of an incident that a person closed while they fired go on ending; nobody is told."""
    change.quiet = True
    _count_alerts(change, event)
    if change.incident.alerts_firing == 0:
        change.set(grace_until=None)


def _count_alerts(change: Change, event: AlertsChanged) -> None:
    incident = change.incident
    change.set(
        firing=counted(incident.firing, event.fired, event.ended, event.moved),
        alerts_total=incident.alerts_total + len(event.fired),
        drill=incident.drill and (event.drill or not event.fired),
    )
    if event.fired and incident.inhibitions:
        change.set(inhibitions=tuple(each for each in incident.inhibitions if each in event.inhibitions))
    if event.last_end_at is not None:
        change.set(last_end_at=max(event.last_end_at, incident.last_end_at or 0))


def _record_ended(change: Change, event: AlertsChanged) -> None:
    kind = "reconciled" if event.reconciled else "alerts_resolved"
    change.record(kind, count=len(event.ended), firing=change.incident.alerts_firing)


def _end_inhibitions(change: Change) -> None:
    """What has joined is explained by nothing else: it waits no longer for that."""
    incident = change.incident
    if incident.waits:
        rules = {inhibition.rule for inhibition in incident.inhibitions}
        end(change, tuple(w for w in incident.waits if w.reason is WaitReason.INHIBITED and w.by not in rules))


def copies_held(change: Change, event: CopiesHeld) -> None:
    """Set the alarm clock for late copies; the engine believes them when it rings."""
    change.quiet = True
    earlier = change.incident.believe_at
    change.set(believe_at=event.until if earlier is None else min(earlier, event.until))
