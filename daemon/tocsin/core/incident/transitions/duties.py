"""Duties: their beginning, the events that fulfil them, reminders, breaches, and the closed record.

A duty begins at its moment, at a severity that requires it, and once one of its flags is set, if it needs one. It
stays until it is done or waived, also after the resolve. If the incident is reopened or merged, open duties are
withdrawn: the next occurrence has its own. So are those that a rise in severity, a cleared flag or a new version of the
playbook makes pointless. Drills, members of a storm that were not notified, and tocsin's own
incidents have none. While the ladder waits, its reminders and breaches wait too, and are not lost.
"""

from typing import Any

from tocsin.core.errors import InvalidText, InvalidValue
from tocsin.core.incident.effect import DutyMissed, DutySettled, FollowUpDone, Notify, Record
from tocsin.core.incident.event import TOCSIN, Actor, CompleteDuty, MoveMeeting, WaiveDuty
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.sla import (
    BREACHED_DUTY_STEP,
    DUTY_STEP,
    POST_MORTEM_STEP,
    duties_of,
    lead_of,
    open_duties,
    remind_after,
)
from tocsin.core.incident.throttle import is_told_by_its_storm
from tocsin.core.incident.timeline.actions import (
    DraftDiscarded,
    PostmortemCompleted,
    PostmortemRequested,
    PostmortemWaived,
    TicketOpened,
    TicketReopened,
)
from tocsin.core.incident.timeline.duties import (
    DutyBreached,
    DutyDone,
    DutyOwed,
    DutyWaived,
    DutyWithdrawn,
    RecordClosed,
)
from tocsin.core.incident.timeline.entry_data import EntryData
from tocsin.core.incident.timeline.notifications import MessageRequested
from tocsin.core.incident.timeline.responses import Declared, FactSet, StatusUpdate
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.transitions.acting_state import is_under_way
from tocsin.core.incident.transitions.change import PAGED, Change
from tocsin.core.incident.transitions.duty_state import named_duty, put_duty
from tocsin.core.incident.transitions.meetings import cancel_meeting, meeting_start, move_meeting, propose_meeting
from tocsin.core.incident.transitions.promises import obligations_of, remind, set_obligations
from tocsin.core.incident.wording import (
    because_duty_breached,
    because_duty_due,
    because_post_mortem_due,
)
from tocsin.core.playbook.actions import TicketState
from tocsin.core.playbook.duties import POST_MORTEM, PlaybookDuty
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.typed_replace import replace

LONGEST_REASON = 500
LONGEST_LINK = 2000


def afterwards(change: Change) -> None:
    """Begin and withdraw duties, settle those that this change has fulfilled, and close the record after the last one.

    The highest severity of the occurrence decides, as it does for the actions.
    """
    incident, was = change.incident, change.was
    required = incident.plan.duties.required
    if incident.state in PAGED and (required or was.plan is not incident.plan) and _may_begin(change):
        _withdraw_pointless(change)
        held = {duty.name for duty in duties_of(incident.obligations)}
        for duty in required:
            if duty.name not in held and _has_begun(incident, duty) and duty.is_for(incident.peak, incident.flags):
                begin(change, duty, incident.peak)
    if required and incident.obligations is not None:
        _settle_fulfilled(change)
    if incident.state is State.RESOLVED and incident.obligations is not was.obligations:
        _withdraw_declarations(change)
        _close_record(change)


def _may_begin(change: Change) -> bool:
    """Return whether this change can begin a duty: most changes are further alerts, which cannot."""
    incident, was = change.incident, change.was
    if incident.drill or is_told_by_its_storm(incident):
        return False
    return (
        change.is_first_reached
        or incident.peak != was.peak
        or incident.waits != was.waits
        or incident.flags != was.flags
        or incident.acked_severity != was.acked_severity
        or incident.work is not was.work
        or incident.plan is not was.plan
        or incident.drill != was.drill
    )


def _is_declared(incident: Incident) -> bool:
    return incident.work is not None and incident.work.declared_at is not None


def _has_begun(incident: Incident, duty: PlaybookDuty) -> bool:
    if duty.declared and _is_declared(incident):
        return False
    match duty.since:
        case Moment.OPENED:
            return is_under_way(incident)
        case Moment.DECLARED:
            return _is_declared(incident)
        case Moment.ACKNOWLEDGED:
            return incident.acked_severity is not None
    return False


def _withdraw_pointless(change: Change) -> None:
    """Withdraw the open duties that this incident no longer has: another severity, no flag, another plan."""
    incident, obligations = change.incident, change.incident.obligations
    required = {duty.name: duty for duty in incident.plan.duties.required}
    for duty in duties_of(obligations):
        if not duty.is_open or duty.since == Moment.RESOLVED:
            continue
        current = required.get(duty.name)
        if current is None:
            because = "the playbook no longer has it"
        elif not current.is_for(incident.peak, current.when):
            because = f"the severity is {incident.peak}"
        elif not current.is_for(incident.peak, incident.flags):
            because = "its flag is no longer set"
        else:
            continue
        _withdraw_one(change, duty, because)


def _withdraw_declarations(change: Change) -> None:
    """Withdraw the open duties to declare the incident: it is resolved without a declaration."""
    to_declare = {duty.name for duty in change.incident.plan.duties.required if duty.declared}
    for duty in duties_of(change.incident.obligations) if to_declare else ():
        if duty.is_open and duty.name in to_declare:
            _withdraw_one(change, duty, "it is resolved without a declaration")


def _withdraw_one(change: Change, duty: IncidentDuty, because: str) -> None:
    _record_withdrawal(change, duty, because)
    left = tuple(other for other in duties_of(change.incident.obligations) if other.name != duty.name)
    set_obligations(change, replace(obligations_of(change.incident), post_mortem=None, duties=left))


def begin(change: Change, required: PlaybookDuty, severity: str) -> None:
    """Begin a duty now, with its meeting if it has one."""
    incident, due_at = change.incident, change.now + required.within
    lead = lead_of(required.within) if required.remind is None else required.remind
    duty = IncidentDuty(
        name=required.name,
        text=required.text,
        by=required.by,
        since=required.since,
        severity=severity,
        occurrence=incident.occurrence,
        asked_at=change.now,
        due_at=due_at,
        remind_at=remind_after(due_at, lead, change.now),
    )
    obligations = obligations_of(incident)
    set_obligations(
        change, replace(obligations, post_mortem=None, duties=(*duties_of(obligations), duty), closed_at=None)
    )
    owner = owners.duty_owner(incident, duty)
    if duty.name == POST_MORTEM:
        change.record(PostmortemRequested(**_about(duty, incident), owner=owner))
    else:
        change.record(DutyOwed(**_about(duty, incident), text=duty.text, owner=owner))
    if required.meeting is not None:
        starts_at = meeting_start(required.meeting, change.now, due_at, incident.plan.business_hours)
        propose_meeting(change, duty, required.meeting, starts_at)
    if required.tracker and _has_ticket(incident, required.tracker):
        settle(change, required.name, TOCSIN, reason=f"{required.tracker} has it already")
    elif required.fact and incident.messages is not None and incident.messages.facts.get(required.fact):
        settle(change, required.name, TOCSIN, reason=f"{required.fact} entered before")


def withdraw(change: Change, because: str) -> None:
    """Withdraw the duties that are still open; all others have ended too, for this occurrence."""
    obligations = change.incident.obligations
    duties = duties_of(obligations)
    if obligations is None or not duties:
        return
    for duty in duties:
        if duty.is_open:
            _record_withdrawal(change, duty, because)
    set_obligations(change, replace(obligations, post_mortem=None, duties=(), closed_at=None))


def _record_withdrawal(change: Change, duty: IncidentDuty, because: str) -> None:
    change.record(DutyWithdrawn(**_about(duty, change.incident), because=because))
    cancel_meeting(change, duty, because)


def _about(duty: IncidentDuty, incident: Incident) -> dict[str, Any]:
    """Return the fields that all timeline entries of a duty have."""
    return {
        "duty": duty.name,
        "severity": duty.severity,
        "occurrence": incident.occurrence,
        "due_at": duty.due_at,
    }


def due(change: Change) -> None:
    """Remind the owners, and report breaches; once for everything missed meanwhile."""
    for duty in duties_of(change.incident.obligations):
        if duty.remind_at is None or duty.remind_at > change.now:
            continue
        if duty.due_at <= change.now and duty.breached_at is None:
            _breach(change, duty)
        else:
            _remind(change, duty)


def _remind(change: Change, duty: IncidentDuty) -> None:
    late, count = change.now - (duty.remind_at or change.now), duty.reminded + 1
    put_duty(change, replace(duty, remind_at=remind_after(duty.due_at, 0, change.now), reminded=count))
    owner = owners.duty_owner(change.incident, duty)
    if duty.name == POST_MORTEM:
        remind(change, f"{POST_MORTEM_STEP}{count}", owner, because_post_mortem_due(duty, change.now), late=late)
    else:
        remind(change, f"{DUTY_STEP}{duty.name}.{count}", owner, because_duty_due(duty, change.now), late=late)


def _breach(change: Change, duty: IncidentDuty) -> None:
    """Report a missed deadline: to the owner and the targets of the incident's own message, once."""
    incident, late = change.incident, change.now - duty.due_at
    breached = replace(duty, breached_at=change.now)
    if duty.is_open:
        breached = replace(breached, remind_at=remind_after(duty.due_at, 0, change.now))
    put_duty(change, breached)
    step, because = f"{BREACHED_DUTY_STEP}{duty.name}", because_duty_breached(incident, duty, change.now)
    owner = owners.duty_owner(incident, duty)
    targets = () if is_told_by_its_storm(incident) else tuple(dict.fromkeys((*owner, *incident.plan.announce)))
    change.record(DutyBreached(**_about(duty, incident), late=late, step=step, targets=targets, because=because))
    change.effects.append(DutyMissed(severity=duty.severity))
    tier = max(incident.reached, default=1)
    change.notify(
        Notify(
            kind=Kind.UPDATE,
            step=step,
            tier=tier,
            targets=targets,
            until=Until.RESOLVED,
            because=because,
            late=late,
        )
    )


def settle(change: Change, name: str, by: Actor, *, waived: bool = False, reason: str = "", link: str = "") -> None:
    """End a duty: it is done, or waived. A deadline that has passed is reported as missed first."""
    duty = named_duty(change, name)
    if not duty.is_open:
        return
    if duty.due_at < change.now and duty.breached_at is None:
        _breach(change, duty)
        duty = named_duty(change, name)
    done = replace(duty, remind_at=None, done_at=change.now, done_by=by.name, waived=waived, reason=reason, link=link)
    put_duty(change, done)
    change.record(_ended(done, max(0, change.now - duty.due_at), change.incident), by)
    change.effects.append(DutySettled(severity=duty.severity, outcome=done.outcome))
    cancel_meeting(change, duty, f"the duty is {'waived' if waived else 'done'}")
    if name == POST_MORTEM:
        change.effects.append(FollowUpDone(is_post_mortem=True, severity=duty.severity, outcome=done.outcome))


def _ended(duty: IncidentDuty, late: int, incident: Incident) -> EntryData:
    """Return the timeline entry of a duty's end."""
    about = _about(duty, incident)
    if duty.name == POST_MORTEM:
        kind = PostmortemWaived if duty.waived else PostmortemCompleted
        return kind(**about, link=duty.link, reason=duty.reason, late=late)
    if duty.waived:
        return DutyWaived(**about, late=late, reason=duty.reason)
    return DutyDone(**about, late=late, reason=duty.reason, link=duty.link)


def _settle_fulfilled(change: Change) -> None:
    """Settle the open duties that an event of this change fulfils; a discarded draft with a reason waives its duty."""
    left = [duty.name for duty in duties_of(change.incident.obligations) if duty.is_open]
    records = [effect for effect in change.effects if type(effect) is Record] if left else []
    if not records:
        return
    open_now = [duty for duty in change.incident.plan.duties.required if duty.name in left and _is_noticed(duty)]
    person = next((record for record in records if record.actor != TOCSIN.name), None)
    by = TOCSIN if person is None else Actor(person.actor, person.via)
    for duty in open_now:
        for record in records:
            if reason := _fulfilment(duty, record.entry, change.incident):
                settle(change, duty.name, by, reason=reason)
            elif isinstance(record.entry, DraftDiscarded) and record.entry.reason and _is_draft_of(duty, record.entry):
                settle(change, duty.name, by, waived=True, reason=record.entry.reason)


def _is_noticed(duty: PlaybookDuty) -> bool:
    """Return whether a duty ends with an event that tocsin notices."""
    return duty.update or duty.declared or bool(duty.tracker or duty.message or duty.fact)


def _fulfilment(duty: PlaybookDuty, entry: EntryData, incident: Incident) -> str:
    """Return what in a timeline entry fulfils a duty, in words; "" if nothing does."""
    match entry:
        case TicketOpened() | TicketReopened():
            is_it = bool(duty.tracker) and entry.tracker == duty.tracker and _has_ticket(incident, duty.tracker)
            return f"ticket {entry.ticket} in {entry.tracker}" if is_it else ""
        case MessageRequested():
            return f"{entry.template} sent" if duty.message and entry.template == duty.message else ""
        case FactSet():
            return f"{entry.name} entered" if duty.fact and entry.name == duty.fact and entry.text else ""
        case StatusUpdate():
            return f"update {entry.number}" if duty.update else ""
        case Declared():
            return f"declared at {entry.severity}" if duty.declared else ""
    return ""


def _is_draft_of(duty: PlaybookDuty, entry: DraftDiscarded) -> bool:
    return entry.what in filter(None, (duty.tracker, duty.message))


def _has_ticket(incident: Incident, tracker: str) -> bool:
    """Return whether the incident itself has an open ticket in a tracker."""
    ticket = incident.acting.ticket(tracker) if incident.acting is not None else None
    return ticket is not None and ticket.is_there and ticket.state is TicketState.OPEN


def _close_record(change: Change) -> None:
    """Close the record of a resolved incident that had duties, once none is open."""
    obligations = change.incident.obligations
    if obligations is None or obligations.closed_at is not None or open_duties(obligations):
        return
    if duties_of(obligations):
        set_obligations(change, replace(obligations, closed_at=change.now))
        change.record(RecordClosed(occurrence=change.incident.occurrence))
        change.quiet = False  # people who follow the incident are told of its end


# Responses of people.


def complete(change: Change, event: CompleteDuty) -> None:
    """Record that a duty is done; a repetition changes nothing."""
    _check_words(event.reason, event.link)
    change.quiet = True
    settle(change, event.duty, event.by, reason=event.reason.strip(), link=event.link)


def waive(change: Change, event: WaiveDuty) -> None:
    """Record that a duty need not be done, and why; a repetition changes nothing."""
    if not event.reason.strip():
        raise InvalidValue(f"reason is empty; say why the duty {event.duty} need not be done")
    _check_words(event.reason, "")
    change.quiet = True
    settle(change, event.duty, event.by, waived=True, reason=event.reason.strip())


def _check_words(reason: str, link: str) -> None:
    if len(reason) > LONGEST_REASON:
        raise InvalidText("a reason", LONGEST_REASON, len(reason))
    if link and not link.startswith(("https://", "http://")):
        raise InvalidValue("link must begin with https:// or http://")
    if len(link) > LONGEST_LINK:
        raise InvalidText("a link", LONGEST_LINK, len(link))


_DUTY = "duties/{duty:[a-z][a-z0-9-]{0,62}}"

RESPONSES = (
    DeclaredResponse(f"{_DUTY}/done", CompleteDuty, ((ANY, complete),), "Record that a duty is done."),
    DeclaredResponse(f"{_DUTY}/waive", WaiveDuty, ((ANY, waive),), "Record why a duty need not be done."),
    DeclaredResponse(
        f"{_DUTY}/meeting",
        MoveMeeting,
        ((ANY, move_meeting),),
        "Move the meeting of a duty; everyone invited gets the new time.",
    ),
)
