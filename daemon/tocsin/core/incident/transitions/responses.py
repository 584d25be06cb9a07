"""Responses of people: acknowledge, snooze, resolve, escalate, set flags."""

from tocsin.core.errors import InvalidValue, UnknownLevel
from tocsin.core.incident.event import Acknowledge, Actor, Escalate, Resolve, SetFlags, Snooze, TakeOver, Unsnooze
from tocsin.core.incident.incident import OPEN, TAKEN, State, WaitReason
from tocsin.core.incident.measure import time_to_acknowledge
from tocsin.core.incident.response import DeclaredResponse
from tocsin.core.incident.sla import TAKEN_OVER_STEP
from tocsin.core.incident.timeline.responses import (
    Acknowledged,
    AcknowledgedAlso,
    EscalationRequested,
    FlagsChanged,
    LateAcknowledgment,
    LateResolve,
    LateTakeOver,
    TakenOver,
)
from tocsin.core.incident.transitions import ladder as ladders
from tocsin.core.incident.transitions import promises
from tocsin.core.incident.transitions.acting import act
from tocsin.core.incident.transitions.change import PAGED, Change, assign
from tocsin.core.incident.transitions.climb import fire_flags, fire_on, notify, page_next_tier, plan, reacts_to
from tocsin.core.incident.transitions.counting import merged
from tocsin.core.incident.transitions.opening import close, recover, trigger
from tocsin.core.incident.transitions.responder_timeout import restart_timeout
from tocsin.core.incident.transitions.snoozing import LONGEST, fall_asleep, wake
from tocsin.core.incident.transitions.storm_responses import respond_for_members
from tocsin.core.incident.transitions.waiting import break_off
from tocsin.core.incident.transitions.work import declared, work_of
from tocsin.core.incident.wording import because_flagged, because_taken_over
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.suggestions import choices
from tocsin.core.typed_replace import replace


def acknowledge(change: Change, event: Acknowledge) -> None:
    """Acknowledge the incident: steps until acknowledged stop, steps until resolved continue."""
    incident = change.incident
    if _is_stale(change, event.occurrence, LateAcknowledgment, event.by):
        return
    was_held = incident.state is State.PENDING
    was_notified = not (was_held or (incident.waits and not incident.reached))
    if was_held:
        assign(change.incident, pending_until=None, opened_at=change.now, reached=(), fired=())
        change.count_from(change.now)
        plan(change, ladders.planned(change.level, change.now))
    again = change.ladder_state.again
    is_same = incident.acknowledged_by == event.by.name and incident.taken_at is not None
    promises.acknowledged(change)
    assign(
        change.incident,
        state=State.ACKNOWLEDGED,
        acknowledged_at=incident.acknowledged_at if incident.acknowledged_at is not None else change.now,
        acknowledged_by=event.by.name,
        taken_at=incident.taken_at if is_same else change.now,
        acked_severity=incident.plan.highest([incident.severity, incident.acked_severity or incident.severity]),
        firing_at_ack=incident.alerts_firing,
        ladder=_until_resolved(change, again),
        fired=(*incident.fired, *again),
        fallback_at=None,
    )
    change.set_ladder_state(replace(change.ladder_state, again=()))
    change.record(Acknowledged(severity=incident.severity), event.by)
    if not (
        incident.ladder or awaits(change, Moment.ACKNOWLEDGED)
    ):  # no steps are left that could wait for the end of the storm
        break_off(change, WaitReason.STORM)
    respond_for_members(change, event.by)
    change.supersede(Until.ACKNOWLEDGED)
    restart_timeout(change)
    fire_flags(change)
    # A storm's member was acknowledged with the storm: no one requested the steps that follow for each member.
    fire_on(change, Moment.ACKNOWLEDGED, asked=incident.member_of is None)
    act(change, Moment.ACKNOWLEDGED)
    if incident.plan.declares_when_acknowledged and event.by.is_person and work_of(change).declared_at is None:
        declared(change, event.by)
    if was_held and not incident.alerts_firing:
        recover(change)
    if was_notified:  # otherwise no one had been paged, and there is no time to measure
        _measure(change, event.by)


def _until_resolved(change: Change, again: tuple[str, ...]) -> ladders.Ladder:
    """Return the steps that continue, none later than planned (an older version postponed some to business hours)."""
    incident, level = change.incident, change.level
    remaining = ladders.without_acknowledged(incident.ladder, level)
    if level.business:
        begun_at = incident.clock_at - change.ladder_state.deferred_by
        remaining = ladders.no_later(remaining, level, begun_at, change.now)
        remaining = ladders.within_hours(remaining, level, incident.plan.business_hours, change.now)
    return tuple(step for step in remaining if step.cell not in again)


def awaits(change: Change, moment: Moment) -> bool:
    """Return whether a step of the current severity waits for this moment."""
    return any(cell.on is moment for cell in change.level.cells)


def acknowledge_snoozed(change: Change, event: Acknowledge) -> None:
    """Acknowledge a snoozed incident for a person; an acknowledgment by a service, such as an echo, changes nothing."""
    incident = change.incident
    if _is_stale(change, event.occurrence, LateAcknowledgment, event.by):
        return
    if not event.by.is_person:
        acknowledge_again(change, event)
        return
    assign(change.incident, acknowledged_by=event.by.name, taken_at=change.now)
    wake(change, f"{event.by.name} has it", event.by)
    change.record(Acknowledged(severity=incident.severity), event.by)
    restart_timeout(change)
    respond_for_members(change, event.by)
    _measure(change, event.by)


def take_over(change: Change, event: TakeOver) -> None:
    """Make another person the owner of an acknowledged incident, and notify the former owner; a snooze continues.

    Raises:
        InvalidValue: The caller is not a person, so messages to the owner would reach no one.
    """
    if not event.by.is_person:
        raise InvalidValue(f"{event.by.name} is not a person in people.yaml; only a person can take an incident over")
    former = change.incident.acknowledged_by
    if _is_stale(change, event.occurrence, LateTakeOver, event.by) or event.by.name == former:
        return
    assign(change.incident, acknowledged_by=event.by.name, taken_at=change.now)
    change.record(TakenOver(former=former), event.by)
    restart_timeout(change)
    respond_for_members(change, event.by)
    _measure(change, event.by)
    if former is not None:
        step, tier = f"{TAKEN_OVER_STEP}{change.now}", max(change.incident.reached, default=1)
        notify(change, Kind.UPDATE, step, tier, (former,), Until.RESOLVED, because_taken_over(event.by.name))


def snooze(change: Change, event: Snooze) -> None:
    """Acknowledge the incident and silence it until a given time; then it is triggered again."""
    if not change.now < event.until <= change.now + LONGEST:
        raise InvalidValue("the snooze must end later than now and within 31 days")
    incident = change.incident
    if incident.state is State.TRIGGERED:
        acknowledge(change, Acknowledge(by=event.by))
    if incident.acknowledged_by is None:
        assign(change.incident, acknowledged_by=event.by.name, taken_at=change.now)
    fall_asleep(change, event.until, event.by)


def unsnooze(change: Change, event: Unsnooze) -> None:
    """End the snooze early; the incident stays acknowledged."""
    wake(change, f"{event.by.name} goes on with it", event.by)
    restart_timeout(change)


def acknowledge_again(change: Change, event: Acknowledge) -> None:
    """Record another person's acknowledgment in the timeline; a repetition changes nothing."""
    change.quiet = True
    respond_for_members(change, event.by)
    restart_timeout(change)
    if event.by.name != change.incident.acknowledged_by:
        change.record(AcknowledgedAlso(), event.by)
        _measure(change, event.by)


def _measure(change: Change, by: Actor) -> None:
    """Measure the first acknowledgment by a person; one by a service stops steps, but is not measured."""
    if by.is_person and change.incident.person_acknowledged_at is None:
        assign(change.incident, person_acknowledged_at=change.now)
        change.measured("acknowledge", time_to_acknowledge(change.incident, change.now))


def acknowledge_late(change: Change, event: Acknowledge) -> None:
    """Record a late acknowledgment in the timeline; the incident stays resolved."""
    change.quiet = True
    change.record(LateAcknowledgment(occurrence=event.occurrence), event.by)


def resolve(change: Change, event: Resolve) -> None:
    """Resolve the incident. While alerts still fire, it stays resolved only for the grace time."""
    if not _is_stale(change, event.occurrence, LateResolve, event.by):
        close(change, cause="person", by=event.by)


def resolve_again(change: Change, event: Resolve) -> None:
    """Record another person's resolve in the timeline; a repetition changes nothing."""
    change.quiet = True
    if event.by.name != change.incident.resolved_by:
        change.record(LateResolve(occurrence=event.occurrence), event.by)


_Late = LateAcknowledgment | LateResolve | LateTakeOver


def _is_stale(change: Change, occurrence: int | None, kind: type[_Late], by: Actor) -> bool:
    """Return whether the person acted on an earlier occurrence; if so, record it."""
    if occurrence is None or occurrence == change.incident.occurrence:
        return False
    change.quiet = True
    change.record(kind(occurrence=occurrence), by)
    return True


def escalate(change: Change, event: Escalate) -> None:
    """Page the next tier now; if all tiers are reached, page the last one and tier 1 again."""
    incident = change.incident
    change.record(EscalationRequested(), event.by)
    if incident.state is State.PENDING:
        trigger(change, asked=True)
        if not incident.alerts_firing:
            recover(change)
        return
    if incident.state is State.SNOOZED:
        wake(change, f"{event.by.name} asked for more people", event.by)
    restart_timeout(change)
    # A page requested after an acknowledgment is not made pointless by that acknowledgment.
    until = Until.RESOLVED if incident.state in TAKEN else Until.ACKNOWLEDGED
    exhausted = f"{event.by.name} asked for everybody again: every tier has been paged"
    tier = next((tier.name for tier in incident.plan.tiers if tier.number not in incident.reached), "")
    page_next_tier(change, until, f"{event.by.name} asks for your help (you are paged as {tier})", exhausted)


def set_flags(change: Change, event: SetFlags) -> None:
    """Set or clear flags for a person; each new flag may fire steps."""
    incident = change.incident
    unknown = next((flag for flag in (*event.add, *event.remove) if flag not in incident.plan.flags), None)
    if unknown is not None:
        hint = choices(unknown, incident.plan.flags)
        raise UnknownLevel(f"playbook {incident.plan.name} has no flag {unknown!r}; {hint}")
    flags = tuple(flag for flag in merged(incident.flags, event.add) if flag not in event.remove)
    if flags == incident.flags:
        return
    assign(change.incident, flags=flags)
    change.record(FlagsChanged(add=event.add, remove=event.remove), event.by)
    if incident.state in PAGED:
        restart_timeout(change)
        fire_flags(change, asked=event.add)


def add_flags(change: Change, flags: tuple[str, ...]) -> None:
    """Set flags that the rules gave an alert."""
    if not flags:
        return
    before = change.incident.flags
    all_flags = merged(before, flags)
    if all_flags != change.incident.flags:
        assign(change.incident, flags=all_flags)
        new = tuple(flag for flag in flags if flag not in before)
        change.record(FlagsChanged(add=flags, remove=()))
        if change.incident.state is State.SNOOZED and reacts_to(change, new):
            wake(change, because_flagged(new))
        fire_flags(change)


RESPONSES = (
    DeclaredResponse(
        "acknowledge",
        Acknowledge,
        (
            ((State.PENDING, State.TRIGGERED), acknowledge),
            ((State.ACKNOWLEDGED,), acknowledge_again),
            ((State.SNOOZED,), acknowledge_snoozed),
            ((State.RESOLVED,), acknowledge_late),
        ),
        "Acknowledge an incident.",
    ),
    DeclaredResponse(
        "take-over",
        TakeOver,
        ((TAKEN, take_over),),
        "Take over an incident that another person has acknowledged; that person is notified.",
        cannot="take it over",
        instead="only an acknowledged incident can be taken over",
    ),
    DeclaredResponse(
        "resolve",
        Resolve,
        ((OPEN, resolve), ((State.RESOLVED,), resolve_again)),
        "Resolve an incident.",
    ),
    DeclaredResponse(
        "snooze",
        Snooze,
        ((PAGED, snooze),),
        "Acknowledge an incident and pause its escalation.",
        cannot="snooze it",
    ),
    DeclaredResponse(
        "unsnooze",
        Unsnooze,
        (((State.SNOOZED,), unsnooze),),
        "End a snooze early.",
        cannot="end its snooze",
        instead="it is not snoozed",
    ),
    DeclaredResponse("escalate", Escalate, ((OPEN, escalate),), "Notify the next tier now.", cannot="escalate it"),
    DeclaredResponse("flags", SetFlags, ((OPEN, set_flags),), "Set and clear flags.", cannot="change its flags"),
)
