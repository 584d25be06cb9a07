"""The work of people on an incident as JSON objects of the API: targets, duties, checklists, follow-ups, tickets."""

from typing import Any

from msgspec import Struct

from tocsin.core.incident.coordination import Work
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.sla import Obligations, duties_of, duty_named
from tocsin.core.incident.transitions import owners, promises
from tocsin.core.incident.transitions.acting_state import acting_of
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.core.playbook.roles import Checklist


class TargetView(Struct, frozen=True):
    """A response target with its due time."""

    target: str
    """``respond``, ``acknowledge``, ``resolve``."""
    due_at: int


class PostMortemState(Struct, frozen=True):
    """The state of the postmortem."""

    due_at: int
    done_at: int | None
    done_by: str
    waived: bool
    link: str


class DutyView(Struct, frozen=True, kw_only=True):
    """A duty of an incident: a task of the playbook with a deadline."""

    name: str
    text: str
    owner: tuple[str, ...]
    """The people, rotations or groups that have to do it."""
    since: str
    """The moment from which its time counts: opened, declared, acknowledged or resolved."""
    severity: str
    due_at: int
    outcome: str
    """``open``, ``in_time``, ``late`` or ``waived``."""
    breached_at: int | None
    """Time at which its missed deadline was reported."""
    done_at: int | None
    """Time at which it was done or waived."""
    done_by: str
    reason: str
    """The reason why it was waived, or what ended it."""
    link: str
    meets_at: int | None
    """The proposed start of its meeting."""


class CheckView(Struct, frozen=True):
    """An item of a checklist."""

    text: str
    done_at: int | None
    done_by: str


class ChecklistView(Struct, frozen=True):
    """A checklist for the incident's severity."""

    name: str
    items: list[CheckView]


class ItemView(Struct, frozen=True):
    """An action item of an incident."""

    number: int
    text: str
    kind: str
    owner: str
    """A person, a rotation or a group; "" for the owner of the postmortem."""
    due_at: int
    done_at: int | None
    done_by: str


class TicketView(Struct, frozen=True):
    """A ticket of an incident in a tracker."""

    tracker: str
    about: str
    """"" for the incident itself, ``item-1`` for its first action item."""
    state: str
    """``asked``, ``open``, ``closed`` or ``failed``."""
    name: str
    """The ticket's name for people, such as its key; "" until it is created."""
    url: str


def _checks(checklist: Checklist, work: Work) -> list[CheckView]:
    ticks = {tick.number: tick for tick in work.ticks if tick.checklist == checklist.key}
    return [
        CheckView(text, ticks[number].at, ticks[number].by) if number in ticks else CheckView(text, None, "")
        for number, text in enumerate(checklist.items, start=1)
    ]


def work_of(incident: Incident) -> dict[str, Any]:
    """Return the coordination by people, the open targets and the follow-ups."""
    work, clock, acting = incident.work or Work(), incident.obligations or Obligations(), acting_of(incident)
    post_mortem, is_known = duty_named(clock, POST_MORTEM), incident.plan.has_level(incident.severity)
    has_targets = incident.is_open and is_known
    targets = sorted(promises.owed(incident).items(), key=lambda target: target[1]) if has_targets else []
    return {
        "declared_at": work.declared_at,
        "declared_by": work.declared_by,
        "status": work.status,
        "roles": work.roles,
        "checklists": [
            ChecklistView(checklist.key, _checks(checklist, work))
            for checklist in incident.plan.checklists_at(incident.severity)
        ],
        "targets": [TargetView(target, due_at) for target, due_at in targets],
        "update_due_at": clock.update_by if incident.is_open else None,
        "post_mortem": None
        if post_mortem is None
        else PostMortemState(
            post_mortem.due_at, post_mortem.done_at, post_mortem.done_by, post_mortem.waived, post_mortem.link
        ),
        "duties": [_duty(incident, duty) for duty in duties_of(clock)],
        "closed_at": clock.closed_at if duties_of(clock) or incident.is_open else incident.resolved_at,
        "action_items": [
            ItemView(item.number, item.text, item.kind, item.owner, item.due_at, item.done_at, item.done_by)
            for item in clock.items
        ],
        "tickets": [
            TicketView(ticket.tracker, ticket.about, ticket.state, ticket.shown, ticket.url)
            for ticket in acting.tickets
        ],
        "drafts": len(acting.drafts),
    }


def _duty(incident: Incident, duty: IncidentDuty) -> DutyView:
    return DutyView(
        name=duty.name,
        text=duty.text,
        owner=owners.duty_owner(incident, duty),
        since=duty.since,
        severity=duty.severity,
        due_at=duty.due_at,
        outcome=duty.outcome,
        breached_at=duty.breached_at,
        done_at=duty.done_at,
        done_by=duty.done_by,
        reason=duty.reason,
        link=duty.link,
        meets_at=duty.meets_at,
    )
