"""Meetings of duties: the time that is proposed, the invitations, another time, and the cancellation."""

from tocsin.core.duration import MINUTE
from tocsin.core.errors import IllegalTransition, InvalidValue
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.event import MoveMeeting
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.sla import CANCELED_MEETING_STEP, MEETING_STEP
from tocsin.core.incident.timeline.duties import MeetingProposed
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.transitions.change import Change
from tocsin.core.incident.transitions.duty_state import named_duty, put_duty
from tocsin.core.incident.wording import because_canceled, because_invited
from tocsin.core.playbook.duties import Meeting
from tocsin.core.playbook.playbook import Kind, Until
from tocsin.core.schedule.hours import BusinessHours
from tocsin.core.typed_replace import replace

SLOT = 30 * MINUTE
"""The grid of the times that are proposed: the full and the half hours."""
NOTICE = 60 * MINUTE
"""Time between the invitation and the meeting, if the deadline leaves that much."""
_TRIES = 32
"""Maximum number of times that are tried for a meeting that has to end before closing."""


def meeting_start(meeting: Meeting, now: int, due_at: int, hours: BusinessHours) -> int:
    """Return the time to propose: never before the meeting's ``after``, and so that it ends by its deadline.

    In this order: the first time in business hours; the first time in these hours on any day; the earliest time. Each
    leaves an hour's notice, if the deadline does.
    """
    latest = due_at - meeting.length
    earliest = _slot(now + max(meeting.after, NOTICE))
    any_day = replace(hours, days=tuple(range(7)), holidays=())
    for allowed in (hours, any_day):
        first = _first(meeting, earliest, latest, allowed)
        if first is not None:
            return first
    return earliest if earliest <= latest else now + meeting.after


def _first(meeting: Meeting, earliest: int, latest: int, hours: BusinessHours) -> int | None:
    """Return the first time at which the meeting fits into these hours; None if there is none until ``latest``."""
    start = _slot(hours.opening(earliest))
    for _ in range(_TRIES):
        if start > latest:
            return None
        if _fits(meeting, start, hours):
            return start
        start = _slot(hours.opening(start + SLOT))
    return None


def _fits(meeting: Meeting, at: int, hours: BusinessHours) -> bool:
    return hours.are_open(at) and hours.are_open(at + meeting.length - 1)


def _slot(at: int) -> int:
    return -(-at // SLOT) * SLOT


def propose_meeting(change: Change, duty: IncidentDuty, meeting: Meeting, starts_at: int) -> None:
    """Propose a time for a duty's meeting, and invite the people."""
    incident, number = change.incident, duty.invited + 1
    duty = replace(duty, meets_at=starts_at, meets_for=meeting.length, invited=number)
    put_duty(change, duty)
    targets = owners.invited(incident, meeting, owners.duty_owner(incident, duty))
    step, because = f"{MEETING_STEP}{duty.name}.{number}", because_invited(duty, meeting)
    change.record(
        MeetingProposed(duty=duty.name, starts_at=starts_at, length=meeting.length, targets=targets, step=step)
    )
    tier = max(incident.reached, default=1)
    change.notify(
        Notify(kind=Kind.UPDATE, step=step, tier=tier, targets=targets, until=Until.RESOLVED, because=because)
    )


def cancel_meeting(change: Change, duty: IncidentDuty, because: str) -> None:
    """Tell the people who were invited to a meeting of the future that it is not held."""
    plans = (change.incident.plan, change.was.plan)  # a new plan may lack the duty
    meetings = (each.meeting for plan in plans for each in plan.duties.required if each.name == duty.name)
    meeting = next(filter(None, meetings), None)
    if duty.meets_at is None or duty.meets_at <= change.now or meeting is None:
        return
    incident = change.incident
    numbers = (duty.occurrence, duty.invited, duty.meets_at, duty.meets_at + duty.meets_for)
    change.notify(
        Notify(
            kind=Kind.UPDATE,
            step=".".join((f"{CANCELED_MEETING_STEP}{duty.name}", *map(str, numbers))),
            tier=max(incident.reached, default=1),
            targets=owners.invited(incident, meeting, owners.duty_owner(incident, duty)),
            until=Until.RESOLVED,
            because=because_canceled(duty, because),
        )
    )


def move_meeting(change: Change, event: MoveMeeting) -> None:
    """Propose another time for the meeting of a duty; everyone invited gets the new time."""
    duty = named_duty(change, event.duty)
    required = next((each for each in change.incident.plan.duties.required if each.name == duty.name), None)
    if required is None or required.meeting is None:
        raise InvalidValue(f"the duty {duty.name} is no meeting")
    if not duty.is_open:
        raise IllegalTransition(f"the duty {duty.name} of incident {change.incident.number} is done or waived already")
    if event.at <= change.now:
        raise InvalidValue("the meeting must begin later than now")
    change.quiet = True
    if event.at != duty.meets_at:
        propose_meeting(change, duty, required.meeting, event.at // MINUTE * MINUTE)
