"""The open follow-ups assigned to the reader of a message, and the open points of checklists."""

from collections.abc import Callable, Iterator

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.sla import duties_of
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.unticked import in_words, unticked_of
from tocsin.core.incident.wording import meeting_in_line, task_in_line
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.core.schedule.moments import moment, short_moment
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.policy import Policy
from tocsin.ports.store import Reader


def followups_of(tx: Reader, row: Outgoing, incident: Incident, policy: Policy, zone: str) -> tuple[str, ...]:
    """Return the reader's open duties, invitations and action items, none for a substitute reader.

    Each is a sentence; a command comes on a line of its own.
    """
    clock = incident.obligations
    if clock is None or row.stranded:
        return ()
    inputs = on_call_input(tx, policy.people)

    def is_owner(targets: tuple[str, ...]) -> bool:
        return any(row.target in policy.people.members(target, inputs) for target in targets)

    owed = []
    open_duties = [each for each in duties_of(clock) if each.is_open and is_owner(owners.duty_owner(incident, each))]
    for each in open_duties:
        if each.name == POST_MORTEM:
            due = short_moment(each.due_at, tx.now, zone)
            get_draft = f"To get a draft: tocsin postmortem {incident.number}"
            owed.append(f"You are to write the postmortem by {due}.\n{get_draft}")
    others = [each for each in open_duties if each.name != POST_MORTEM]
    if others:
        owed.append(_sentence(others, incident.number, min(each.due_at for each in others), tx.now, zone))
    owed += _invitations(incident, is_owner, tx.now, zone)
    for item in clock.items:
        if item.done_at is None and is_owner(owners.item_owner(incident, item)):
            due = short_moment(item.due_at, tx.now, zone)
            owed.append(f"You are to do action item {item.number} by {due}: {item.text.rstrip(' .')}.")
    return tuple(owed)


def unticked_points(row: Outgoing, incident: Incident) -> tuple[str, ...]:
    """Return how many points of the checklists are open, for the responder of an incident that a person resolved."""
    responder = incident.acknowledged_by or incident.resolved_by
    if not incident.resolved_by or incident.merged is not None or row.stranded or row.target != responder:
        return ()
    return tuple(filter(None, [in_words(unticked_of(incident), incident.number)]))


def _invitations(
    incident: Incident, is_one_of: Callable[[tuple[str, ...]], bool], now: int, zone: str
) -> Iterator[str]:
    """Yield the meetings of others to which the reader is invited and that are to come, a sentence each."""
    meetings = {each.name: each.meeting for each in incident.plan.duties.required if each.meeting is not None}
    for duty in duties_of(incident.obligations):
        meeting = meetings.get(duty.name)
        if meeting is None or not duty.is_open or duty.meets_at is None or duty.meets_at <= now:
            continue
        host = owners.duty_owner(incident, duty)
        if not is_one_of(host) and is_one_of(owners.invited(incident, meeting, host)):
            yield f"You are invited to {meeting_in_line(duty.text)} on {moment(duty.meets_at, zone, now)}."


def _sentence(duties: list[IncidentDuty], number: int, first_at: int, now: int, zone: str) -> str:
    """Return the duties in one sentence: a message has no room for one each."""
    due = short_moment(first_at, now, zone)
    if len(duties) == 1:
        return f"Your task, due by {due}: {task_in_line(duties[0].text)}."
    tasks = "; ".join(task_in_line(each.text) for each in duties)
    duties_due = f"You have {len(duties)} tasks, the first due by {due}: {tasks}."
    return f"{duties_due}\nTo list them: tocsin incidents show {number}"
