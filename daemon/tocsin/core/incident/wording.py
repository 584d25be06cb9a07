"""Reasons for notifications: one clause that tells a recipient why this page comes now."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from tocsin.core.duration import MINUTE, SECOND, duration
from tocsin.core.incident.incident import TAKEN, Incident, State, Wait, WaitReason
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.sla import DAILY_FOR, Item
from tocsin.core.playbook.actions import Draft, Verb
from tocsin.core.playbook.duties import POST_MORTEM, Meeting
from tocsin.core.playbook.playbook import Cell, Moment, Until
from tocsin.core.schedule.moments import exact_moment, moment

RAISED = "raised from "
"""Start of the reason for a page about a raised severity."""
DUE = "due now"
"""Start of the reason for a reminder of a duty at its deadline."""
DUE_NOW = "due now"
"""The reason for a recurring reminder."""
AS_IT_WAS = ", as it was "
"""Part of the reason for a playbook's own message, before the moment: ``customer-notice, as it was opened``."""
STILL_OPEN = "still open after "
"""Start of the reason for a page about an acknowledged incident that is not resolved."""
UNANSWERED = "no one has acknowledged it for "
"""Start of the reason for a page about an incident that no one has acknowledged."""
LATE = "overdue"
"""A word in the reason for a message about a task whose deadline has passed."""
OVERDUE = "reminder "
"""Start of the reason for a further reminder of a status update, after which the update is late."""
NEW = "new incident"
"""The reason for the first page of an incident."""
MEETING_PLANNED = "The meeting was planned for "
"""Start of the sentence about a meeting whose time is over, in the reminder of its duty."""
REPEATED = ". This reminder comes "
"""Start of the sentence about how often a reminder comes."""
_NAMES_A_TIME = re.compile(r"[.:;!?]|\b(?:by|within|until|before|after)\b", re.ASCII)
"""A task after which " by 03:10 UTC" would be misread."""
_HOLDS = re.compile(r"[Hh]old ((?:the|a|an) [^.:;!?]+)")


def because_planned(incident: Incident, cell: Cell) -> str:
    """Return why a step of the ladder fires."""
    if not incident.plan.level(incident.severity).is_timed:  # a recurring reminder
        return DUE_NOW
    if not cell.after:
        return _opened(incident)
    if cell.until is Until.RESOLVED and incident.state in TAKEN:
        return f"{STILL_OPEN}{duration(cell.after)}"
    if cell.until is Until.RESOLVED and incident.acknowledged_by is not None:  # the acknowledgment no longer counts
        return f"not resolved for {duration(cell.after)}"
    return f"{UNANSWERED}{duration(cell.after)}"


def _opened(incident: Incident) -> str:
    split_from = incident.ladder_state.split_from if incident.ladder_state is not None else None
    if incident.storm is not None:
        return "many incidents opened at once. This one page is about all of them"
    if split_from is not None:
        return f"split from incident #{split_from}: its own alerts still fire"
    return "firing again after it was resolved" if incident.occurrence > 1 else NEW


def because_moment(happened: Moment | None) -> str:
    """Return why a step that waits for a moment fires."""
    return f"it was {happened}"


def because_silent(incident: Incident, silence: int) -> str:
    """Return why the person who acknowledged is paged again."""
    return f"{incident.acknowledged_by} acknowledged it, and there has been no activity for {duration(silence)}"


def because_flagged(flags: tuple[str, ...]) -> str:
    """Return why a step that requires a flag fires."""
    return f"flagged {', '.join(flags)}"


def because_exhausted(incident: Incident) -> str:
    """Return why people are paged again after the last step of the ladder."""
    return f"nobody has acknowledged it; every tier of {incident.severity} has been paged"


def because_unanswered(person: str) -> str:
    """Return why a person's next contact method is used."""
    return f"{person} has not responded yet"


def because_shift(incident: Incident, rotation: str) -> str:
    """Return why the next on-call person is notified of an incident."""
    has = f"; {incident.acknowledged_by} has the incident" if incident.acknowledged_by else ""
    titles = (tier.name for tier in incident.plan.tiers if tier.targets == (rotation,))
    return f"you are now on call ({next(titles, rotation)}){has}"


def because_acknowledged(by: str) -> str:
    """Return the reason of the notification to the people who stay paged that a person has acknowledged."""
    return f"{by} acknowledged it"


def because_taken_over(by: str) -> str:
    """Return the reason of the notification that another person has taken the incident over."""
    return f"{by} has taken the incident over from you"


def because_in_role(role: str, by: str) -> str:
    """Return the reason of the notification to a person to whom another person has assigned a role."""
    return f"you are {role} of this incident, assigned by {by}"


HANDED_OVER = 5
"""Maximum number of incidents of a hand-off that are named, besides the one that the message is about."""
NUMBERED = 8
"""Maximum number of incidents of a hand-off whose numbers are listed, if the numbers are not consecutive."""
_LONGEST_TITLE = 60


def others_handed_over(lead: Incident, others: Sequence[Incident]) -> str:
    """Return the other incidents of a hand-off, besides the one that the message is about: how many, some by name."""
    named = ", ".join(_handed_over(incident, lead.acknowledged_by) for incident in others[:HANDED_OVER])
    more = f" and {len(others) - HANDED_OVER} more" if len(others) > HANDED_OVER else ""
    numbers = numbers_in_words(sorted(incident.number for incident in others), len(others))
    unnamed = f" ({numbers})" if len(others) > HANDED_OVER else ""
    count = "1 more incident is" if len(others) == 1 else f"{len(others)} more incidents{unnamed} are"
    return f"{count} open from the last shift: {named}{more}"


def numbers_in_words(numbers: Sequence[int], count: int) -> str:
    """Return the numbers of ``count`` incidents, of which those in ``numbers`` are known: ``#1 to #8``."""
    if len(numbers) == count > 2 and numbers[-1] - numbers[0] == count - 1:
        return f"#{numbers[0]} to #{numbers[-1]}"
    shown = numbers[:NUMBERED]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f"{', '.join(f'#{number}' for number in shown)}{more}"


def _handed_over(incident: Incident, holder: str | None) -> str:
    title = incident.title.removesuffix(f" ({incident.service})") or incident.title
    title = title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 3]}..."
    service = f"{incident.service}: " if incident.service and incident.storm is None else ""
    by = incident.acknowledged_by
    return f"#{incident.number} {service}{title} ({incident.severity}{f', {by} has it' if by and by != holder else ''})"


def because_draft(number: int, draft: Draft) -> str:
    """Return why a person is told of a draft, and the command that shows the draft and asks for confirmation."""
    return f"{_drafted(draft)} waits for your confirmation: tocsin incidents confirm {number} {draft.number}"


def _drafted(draft: Draft) -> str:
    action = draft.action
    place = "the status page" if "status" in action.what.lower() else action.what
    what = {
        Verb.MESSAGE: f"the draft message {action.what} for {', '.join(action.to)}",
        Verb.TRACKER: f"the draft update for {place}",
        Verb.AUTOMATION: f"the run of automation {action.what}",
    }
    return what[action.verb]


def because_flapping(incident: Incident, *, settled: bool) -> str:
    """Return why a summary of an incident that flaps is sent."""
    if incident.state is State.RESOLVED:
        now = "resolved"
    elif not incident.alerts_firing:
        now = "recovering"
    else:
        now = "firing"
    if settled:
        return f"it has settled: {now} now"
    limits = incident.plan.flapping
    return (
        f"it goes on and off: {incident.flips_untold} changes since the last message, {now} now. "
        f"You get one summary every {duration(limits.digest_every)} instead of a message for each change"
    )


_NOT_DONE = {"respond": "responded to", "acknowledge": "acknowledged", "resolve": "resolved"}


def because_breached(incident: Incident, targets: tuple[str, ...]) -> str:
    """Return which targets of the severity were missed."""
    level = incident.plan.level(incident.severity)
    if targets == ("update",):
        every = duration(level.update_every or 0)
        return f"no status update was posted in time ({incident.severity}: one every {every})"
    within = dict(level.promises)
    missed = [f"not {_NOT_DONE[each]} within {duration(within[each])}" for each in targets if each in within]
    if len(targets) > 1 and len({within.get(each) for each in targets}) == 1:
        words = " or ".join(_NOT_DONE[each] for each in targets)
        missed = [f"not {words} within {duration(within[targets[0]])}"]
    return f"{incident.severity} target missed: {', '.join(missed)}"


def because_update_due(severity: str, every: int, times: int) -> str:
    """Return why the writer of the status updates is reminded."""
    often = f"({severity}: one every {duration(every)})"
    return f"{OVERDUE}{times}: the status update is late {often}" if times > 1 else f"a status update is due {often}"


def because_post_mortem_due(duty: IncidentDuty, now: int) -> str:
    """Return why the owner of a postmortem is reminded."""
    if now < duty.due_at:
        return f"write the postmortem by {_time_of_day(duty.due_at)} ({duration(duty.due_at - now)} left)"
    return f"the postmortem {_due(duty.due_at, now)}{_often(duty.due_at, now)}"


def because_duty_due(duty: IncidentDuty, now: int) -> str:
    """Return the task of a duty and its deadline; whose task it is depends on the reader."""
    task, planned = task_in_line(duty.text), _meeting_planned(duty, now)
    if now < duty.due_at:
        by, left = _time_of_day(duty.due_at), duration(duty.due_at - now)
        if _NAMES_A_TIME.search(task):
            return f"{capital(task)}: due by {by} (in {left}){planned}"
        return f"{capital(task)} by {by} (in {left}){planned}"
    if now < duty.due_at + MINUTE:
        return f"{DUE}: {task}{planned}"
    return f"{LATE} for {duration(now - duty.due_at)}: {task}{planned}{_often(duty.due_at, now)}"


def because_duty_breached(incident: Incident, duty: IncidentDuty, now: int) -> str:
    """Return which duty was not done in time."""
    was_due = f"it was due {_deadline(incident, duty)}"
    if duty.name == POST_MORTEM:
        return f"the postmortem is {LATE} ({was_due})"
    return f"{LATE}: {task_in_line(duty.text)} ({was_due}){_meeting_planned(duty, now)}"


def task_in_line(text: str) -> str:
    """Return a task as it stands within a sentence: ``post to the status page``; ``SSH ...`` keeps its capitals."""
    task = text.rstrip(" .")
    return f"{task[:1].lower()}{task[1:]}" if task[1:2].islower() or task[1:2] == " " else task


def meeting_in_line(text: str) -> str:
    """Return the meeting that a duty is to hold: ``the review meeting``; "the meeting" if its text has another form."""
    match = _HOLDS.fullmatch(text.rstrip(" ."))
    return match[1] if match is not None else "the meeting"


def capital(text: str) -> str:
    """Return a text with a capital at its start."""
    return f"{text[:1].upper()}{text[1:]}"


def _meeting_planned(duty: IncidentDuty, now: int) -> str:
    """Return for when the duty's meeting was planned, as a further sentence; "" before its end, and without one."""
    if duty.meets_at is None or duty.meets_at + duty.meets_for > now:
        return ""
    return f". {MEETING_PLANNED}{_time_of_day(duty.meets_at)}"


def _deadline(incident: Incident, duty: IncidentDuty) -> str:
    """Return a deadline from the moment it counts from, or as a time if the duty began later than that moment."""
    moments = {
        Moment.OPENED.value: incident.opened_at,
        Moment.DECLARED.value: incident.work.declared_at if incident.work is not None else None,
        Moment.ACKNOWLEDGED.value: incident.acknowledged_at,
        Moment.RESOLVED.value: incident.resolved_at,
    }
    if moments.get(duty.since) != duty.asked_at:
        return f"by {_time_of_day(duty.due_at)}"
    return f"{duration(duty.due_at - duty.asked_at)} after the incident was {duty.since}"


def because_invited(duty: IncidentDuty, meeting: Meeting) -> str:
    """Return what a person is invited to, and when; then its purpose and its agenda, a sentence each."""
    at = _time_of_day(duty.meets_at or duty.due_at)
    moved = " (this is a new time)" if duty.invited > 1 else ""
    agenda = f". Agenda: {'; '.join(meeting.agenda)}" if meeting.agenda else ""
    what = meeting_in_line(duty.text)
    purpose = f". Purpose: {duty.text.rstrip(' .')}" if what not in duty.text else ""
    return f"you are invited to {what} on {at}, for {duration(meeting.length)}{moved}{purpose}{agenda}"


def because_canceled(duty: IncidentDuty, why: str) -> str:
    """Return which meeting is not held, and why."""
    return f"the meeting on {_time_of_day(duty.meets_at or duty.due_at)} is canceled, because {why}: {duty.text}"


def because_unconfirmed(draft: Draft, *, waits: bool) -> str:
    """Return what becomes of a draft that was not confirmed before the incident was resolved."""
    what = f"{_drafted(draft)} was not confirmed before the incident was resolved"
    return f"{what}, and still waits" if waits else f"{what}, and is dropped"


def because_item_due(item: Item, now: int) -> str:
    """Return why the owner of an action item is reminded."""
    return _with_task(f"action item {item.number} {_due(item.due_at, now)}", item.text, item.due_at, now)


def _with_task(because: str, task: str, due_at: int, now: int) -> str:
    """Return a reason with the task, and after the deadline how often the reminder comes."""
    often = _often(due_at, now)
    return f"{because}: {task.rstrip(' .') if often else task}{often}"


def _due(due_at: int, now: int) -> str:
    if now < due_at:
        return f"is due by {_time_of_day(due_at)}, in {duration(due_at - now)}"
    if now < due_at + MINUTE:
        return "is due now"
    return f"has been {LATE} for {duration(now - due_at)}"


def _often(due_at: int, now: int) -> str:
    """Return how often a reminder of an overdue task comes, as a further sentence; "" until a minute after."""
    if now < due_at + MINUTE:
        return ""
    often = "daily" if now - due_at < DAILY_FOR else "weekly"
    return f"{REPEATED}{often} until it is done"


def waits_for(wait: Wait) -> str:
    """Return what an incident waits for: ``maintenance window db-upgrade until 2026-11-25 12:00 UTC``."""
    match wait.reason:
        case WaitReason.WINDOW:
            until = f" until {_time_of_day(wait.until)}" if wait.until is not None else ""
            return f"maintenance window {wait.by}{until}"
        case WaitReason.STORM:
            return f"one of many in storm #{wait.by}"
        case WaitReason.INHIBITED:
            return f"inhibited by rule {wait.by}"
        case WaitReason.FLAPPING:
            return "it goes on and off, so a summary replaces the page for each change"


def day(at: int) -> str:
    """Return the UTC date of a time: ``20261125``."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%d")


def _time_of_day(at: int) -> str:
    """Return a time in UTC; `moments.in_zone` converts to the reader's time zone when it is shown."""
    return exact_moment(at) if at // SECOND % 60 else moment(at)
