"""What people do: acknowledge, resolve, escalate, flag."""

from tocsin.core.event import Acknowledge, Actor, Escalate, Resolve, SetFlags
from tocsin.core.incident import State, WaitReason
from tocsin.core.measure import time_to_acknowledge
from tocsin.core.playbook import Kind, Until
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions.change import PAGED, Change
from tocsin.core.transitions.climb import arm_fallback, fall_back, fire_flags, notify
from tocsin.core.transitions.counting import merged
from tocsin.core.transitions.opening import close, recover, trigger
from tocsin.core.transitions.taking import take_members
from tocsin.core.transitions.waiting import break_off


def acknowledge(change: Change, event: Acknowledge) -> None:
    """A person takes it: steps that waited for this stop, steps until resolved go on."""
    incident = change.incident
    if _is_stale(change, event.occurrence, "late_acknowledgment", event.by):
        return
    held = incident.state is State.PENDING
    told = not (held or (incident.waits and not incident.reached))
    if held:
        change.set(pending_until=None, opened_at=change.now, clock_at=change.now, reached=(), fired=())
        change.set(ladder=ladders.planned(change.level, change.now))
    change.set(
        state=State.ACKNOWLEDGED,
        acknowledged_at=incident.acknowledged_at if incident.acknowledged_at is not None else change.now,
        acknowledged_by=event.by.name,
        acked_severity=incident.plan.highest([incident.severity, incident.acked_severity or incident.severity]),
        firing_at_ack=incident.alerts_firing,
        ladder=ladders.without_acknowledged(incident.ladder, change.level),
        fallback_at=None,
    )
    change.record("acknowledged", event.by, severity=incident.severity)
    if not incident.ladder:  # it has nothing more to say: a storm need not go on for it
        break_off(change, WaitReason.STORM)
    take_members(change, event.by)
    change.supersede(Until.ACKNOWLEDGED)
    fire_flags(change)
    if held and not incident.alerts_firing:
        recover(change)
    if told:  # else nobody had been paged: there is no time to count
        _measure(change, event.by)


def acknowledge_again(change: Change, event: Acknowledge) -> None:
    """Idempotent; a second person is named in the timeline."""
    change.quiet = True
    take_members(change, event.by)
    if event.by.name != change.incident.acknowledged_by:
        change.record("acknowledged_also", event.by)
        _measure(change, event.by)


def _measure(change: Change, by: Actor) -> None:
    """What counts is the first acknowledgment by a person; a service's stops the steps, and is no figure."""
    if by.is_person and change.incident.person_acknowledged_at is None:
        change.set(person_acknowledged_at=change.now)
        change.measured("acknowledge", time_to_acknowledge(change.incident, change.now))


def acknowledge_late(change: Change, event: Acknowledge) -> None:
    """Resolved wins over a late acknowledgment, which is kept in the timeline."""
    change.quiet = True
    change.record("late_acknowledgment", event.by, occurrence=event.occurrence)


def resolve(change: Change, event: Resolve) -> None:
    """A person closes it. While alerts still fire it stays closed for the grace time only."""
    if not _is_stale(change, event.occurrence, "late_resolve", event.by):
        close(change, cause="person", by=event.by)


def resolve_again(change: Change, event: Resolve) -> None:
    """Idempotent; another person is named in the timeline."""
    change.quiet = True
    if event.by.name != change.incident.resolved_by:
        change.record("late_resolve", event.by, occurrence=event.occurrence)


def _is_stale(change: Change, occurrence: int | None, kind: str, by: Actor) -> bool:
    """Whether the person acted on an earlier occurrence than the one that goes on."""
    if occurrence is None or occurrence == change.incident.occurrence:
        return False
    change.quiet = True
    change.record(kind, by, occurrence=occurrence)
    return True


def escalate(change: Change, event: Escalate) -> None:
    """Page the next tier now; when all are reached, page as the fallback does."""
    incident = change.incident
    change.record("escalation_asked", event.by)
    if incident.state is State.PENDING:
        trigger(change)
        if not incident.alerts_firing:
            recover(change)
        return
    left = [tier for tier in incident.plan.tiers if tier.number not in incident.reached]
    # Asked for although somebody has acknowledged, it is not the acknowledgment that makes it pointless.
    until = Until.RESOLVED if incident.state is State.ACKNOWLEDGED else Until.ACKNOWLEDGED
    if not left:
        fall_back(change, f"{event.by.name} asked for everybody again: every tier has been paged", until)
        return
    tier = left[0]
    first = change.level.cell(f"{tier.number}.1")
    if first is not None and first.after is not None:
        until = first.until if until is Until.ACKNOWLEDGED else until
        change.set(fired=(*incident.fired, first.key))
    change.set(
        reached=(*incident.reached, tier.number),
        ladder=tuple(planned for planned in incident.ladder if planned.cell != f"{tier.number}.1"),
    )
    because = f"{event.by.name} asked for tier {tier.number}"
    targets = ladders.targets_at(incident.plan, change.level, tier.number)
    notify(change, Kind.PAGE, f"{tier.number}.1", tier.number, targets, until, because)
    arm_fallback(change)


def set_flags(change: Change, event: SetFlags) -> None:
    """A person sets or clears flags; each new one may fire its steps."""
    incident = change.incident
    flags = tuple(flag for flag in merged(incident.flags, event.add) if flag not in event.remove)
    if flags == incident.flags:
        return
    change.set(flags=flags)
    change.record("flags", event.by, add=list(event.add), remove=list(event.remove))
    if incident.state in PAGED:
        fire_flags(change, asked=event.add)


def add_flags(change: Change, flags: tuple[str, ...]) -> None:
    """The rules set flags through an alert."""
    if not flags:
        return
    together = merged(change.incident.flags, flags)
    if together != change.incident.flags:
        change.set(flags=together)
        change.record("flags", add=list(flags), remove=[])
        fire_flags(change)
