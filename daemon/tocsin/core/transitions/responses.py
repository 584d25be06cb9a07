"""What people do: acknowledge, resolve, escalate, flag."""

from tocsin.core.errors import InvalidValue
from tocsin.core.event import Acknowledge, Actor, Escalate, Resolve, SetFlags, Snooze, Unsnooze
from tocsin.core.incident import TAKEN, State, WaitReason
from tocsin.core.measure import time_to_acknowledge
from tocsin.core.playbook import Moment, Until
from tocsin.core.transitions import ladder as ladders
from tocsin.core.transitions import promises
from tocsin.core.transitions.acting import act
from tocsin.core.transitions.change import PAGED, Change
from tocsin.core.transitions.climb import fire_flags, fire_on, page_next_tier, plan, reacts_to
from tocsin.core.transitions.counting import merged
from tocsin.core.transitions.hearing import heard
from tocsin.core.transitions.opening import close, recover, trigger
from tocsin.core.transitions.snoozing import LONGEST, fall_asleep, wake
from tocsin.core.transitions.taking import take_members
from tocsin.core.transitions.waiting import break_off
from tocsin.core.transitions.work import declared, work_of
from tocsin.core.wording import because_flagged


def acknowledge(change: Change, event: Acknowledge) -> None:
    """A person takes it: steps that waited for this stop, steps until resolved go on."""
    incident = change.incident
    if _is_stale(change, event.occurrence, "late_acknowledgment", event.by):
        return
    held = incident.state is State.PENDING
    told = not (held or (incident.waits and not incident.reached))
    if held:
        change.set(pending_until=None, opened_at=change.now, reached=(), fired=())
        change.count_from(change.now)
        plan(change, ladders.planned(change.level, change.now))
    again = change.standing.again
    promises.acknowledged(change)
    change.set(
        state=State.ACKNOWLEDGED,
        acknowledged_at=incident.acknowledged_at if incident.acknowledged_at is not None else change.now,
        acknowledged_by=event.by.name,
        taken_at=change.now,
        acked_severity=incident.plan.highest([incident.severity, incident.acked_severity or incident.severity]),
        firing_at_ack=incident.alerts_firing,
        ladder=_until_resolved(change, again),
        fired=(*incident.fired, *again),
        fallback_at=None,
    )
    change.stand(again=())
    change.record("acknowledged", event.by, severity=incident.severity)
    if not (incident.ladder or awaits(change, Moment.ACKNOWLEDGED)):  # nothing to say: no storm need go on for it
        break_off(change, WaitReason.STORM)
    take_members(change, event.by)
    change.supersede(Until.ACKNOWLEDGED)
    heard(change)
    fire_flags(change)
    # A member of a storm was acknowledged with it: nobody has asked for what follows of each.
    fire_on(change, Moment.ACKNOWLEDGED, asked=incident.member_of is None)
    act(change, Moment.ACKNOWLEDGED)
    if incident.plan.declares_when_acknowledged and event.by.is_person and work_of(change).declared_at is None:
        declared(change, event.by)
    if held and not incident.alerts_firing:
        recover(change)
    if told:  # else nobody had been paged: there is no time to count
        _measure(change, event.by)


def _until_resolved(change: Change, again: tuple[str, ...]) -> ladders.Ladder:
    """Return the steps that go on, where hours matter none later than planned: an earlier version has deferred them."""
    incident, level = change.incident, change.level
    left = ladders.without_acknowledged(incident.ladder, level)
    if level.business:
        begun_at = incident.clock_at - change.standing.deferred_by
        left = ladders.no_later(left, level, begun_at, change.now)
        left = ladders.within_hours(left, level, incident.plan.business_hours, change.now)
    return tuple(step for step in left if step.cell not in again)


def awaits(change: Change, moment: Moment) -> bool:
    """Whether a step of its severity waits for this."""
    return any(cell.on is moment for cell in change.level.cells)


def acknowledge_snoozed(change: Change, event: Acknowledge) -> None:
    """Somebody takes it before the snooze is over. A service's word, such as an echo of our own, changes nothing."""
    incident = change.incident
    if _is_stale(change, event.occurrence, "late_acknowledgment", event.by):
        return
    if not event.by.is_person:
        acknowledge_again(change, event)
        return
    change.set(acknowledged_by=event.by.name, taken_at=change.now)
    wake(change, f"{event.by.name} has it", event.by)
    change.record("acknowledged", event.by, severity=incident.severity)
    heard(change)
    take_members(change, event.by)
    _measure(change, event.by)


def snooze(change: Change, event: Snooze) -> None:
    """A person takes it and wants it left alone until a moment; then it asks again."""
    if not change.now < event.until <= change.now + LONGEST:
        raise InvalidValue("a snooze ends later than now, and within 31 days")
    incident = change.incident
    if incident.state is State.TRIGGERED:
        acknowledge(change, Acknowledge(by=event.by))
    if incident.acknowledged_by is None:
        change.set(acknowledged_by=event.by.name, taken_at=change.now)
    fall_asleep(change, event.until, event.by)


def unsnooze(change: Change, event: Unsnooze) -> None:
    """A person goes on with it: acknowledged, as it was."""
    wake(change, f"{event.by.name} goes on with it", event.by)
    heard(change)


def acknowledge_again(change: Change, event: Acknowledge) -> None:
    """Idempotent; a second person is named in the timeline."""
    change.quiet = True
    take_members(change, event.by)
    heard(change)
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
    if incident.state is State.SNOOZED:
        wake(change, f"{event.by.name} asked for more people", event.by)
    heard(change)
    # Asked for although somebody has acknowledged, it is not the acknowledgment that makes it pointless.
    until = Until.RESOLVED if incident.state in TAKEN else Until.ACKNOWLEDGED
    exhausted = f"{event.by.name} asked for everybody again: every tier has been paged"
    tier = next((tier.number for tier in incident.plan.tiers if tier.number not in incident.reached), 0)
    page_next_tier(change, until, f"{event.by.name} asks for help from tier {tier}", exhausted)


def set_flags(change: Change, event: SetFlags) -> None:
    """A person sets or clears flags; each new one may fire its steps."""
    incident = change.incident
    flags = tuple(flag for flag in merged(incident.flags, event.add) if flag not in event.remove)
    if flags == incident.flags:
        return
    change.set(flags=flags)
    change.record("flags", event.by, add=list(event.add), remove=list(event.remove))
    if incident.state in PAGED:
        heard(change)
        fire_flags(change, asked=event.add)


def add_flags(change: Change, flags: tuple[str, ...]) -> None:
    """The rules set flags through an alert."""
    if not flags:
        return
    before = change.incident.flags
    together = merged(before, flags)
    if together != change.incident.flags:
        change.set(flags=together)
        new = tuple(flag for flag in flags if flag not in before)
        change.record("flags", add=list(flags), remove=[])
        if change.incident.state is State.SNOOZED and reacts_to(change, new):
            wake(change, because_flagged(new))
        fire_flags(change)
