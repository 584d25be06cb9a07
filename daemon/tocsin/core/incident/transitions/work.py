"""Coordination by people: declare, note, post updates, set the status, take roles, tick checklists."""

from tocsin.core.errors import InvalidText, UnknownLevel
from tocsin.core.incident.coordination import LONGEST_NAME, LONGEST_TEXT, NOTHING, Tick, Work
from tocsin.core.incident.event import Actor, Declare, NoteAdded, RoleTaken, StatusSet, Ticked, UpdatePosted
from tocsin.core.incident.incident import OPEN, Incident
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.sla import ROLE_STEP
from tocsin.core.incident.timeline.responses import (
    Declared,
    ItemTicked,
    ItemUnticked,
    NoteTaken,
    RoleAssigned,
    StatusChanged,
    StatusUpdate,
)
from tocsin.core.incident.transitions import promises
from tocsin.core.incident.transitions.acting import act
from tocsin.core.incident.transitions.change import PAGED, Change, assign
from tocsin.core.incident.transitions.climb import fire_on, notify
from tocsin.core.incident.transitions.responder_timeout import restart_timeout
from tocsin.core.incident.wording import because_in_role
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.suggestions import choices
from tocsin.core.typed_replace import replace


def declare(change: Change, event: Declare) -> None:
    """Declare the incident; a repetition changes nothing."""
    if len(event.reason) > LONGEST_TEXT:
        raise InvalidText("a reason", LONGEST_TEXT, len(event.reason))
    if work_of(change).declared_at is None:
        declared(change, event.by, event.reason)
        restart_timeout(change)


def declared(change: Change, by: Actor, reason: str = "") -> None:
    """Declare the incident: steps that wait for the declaration fire, and updates become due."""
    _update(change, replace(work_of(change), declared_at=change.now, declared_by=by.name))
    change.record(Declared(severity=change.incident.severity, reason=reason), by)
    promises.report(change)
    fire_on(change, Moment.DECLARED)
    act(change, Moment.DECLARED)


def add_note(change: Change, event: NoteAdded) -> None:
    """Record a note for the other responders."""
    change.quiet = True
    change.record(NoteTaken(text=_text(event.text, "a note")), event.by)
    if change.incident.is_open:
        restart_timeout(change)


def post_update(change: Change, event: UpdatePosted) -> None:
    """Post an update for stakeholders."""
    text = _text(event.text, "an update")
    if event.status:
        _set_status(change, event.status)
    number = work_of(change).updates + 1
    _update(change, replace(work_of(change), updates=number))
    change.record(StatusUpdate(number=number, text=text, status=work_of(change).status), event.by)
    promises.update_posted(change)
    restart_timeout(change)
    act(change, Moment.UPDATED)


def set_status(change: Change, event: StatusSet) -> None:
    """Set the status to one of the playbook's statuses; the current status changes nothing."""
    before = work_of(change).status
    if event.status == before:
        return
    _set_status(change, event.status)
    change.record(StatusChanged(before=before or "none", after=event.status), event.by)
    restart_timeout(change)


def take_role(change: Change, event: RoleTaken) -> None:
    """Assign or unassign a role; a person to whom another person assigns it is told."""
    incident, work = change.incident, work_of(change)
    role = incident.plan.role(event.role)
    if role is None:
        hint = choices(event.role, (role.key for role in incident.plan.roles))
        raise UnknownLevel(f"playbook {incident.plan.name} has no role {event.role!r}; {hint}")
    if len(event.person) > LONGEST_NAME:
        raise InvalidText("a name", LONGEST_NAME, len(event.person))
    before = work.roles.get(role.key, "")
    if before == event.person:
        return
    roles = {key: person for key, person in (work.roles | {role.key: event.person}).items() if person}
    _update(change, replace(work_of(change), roles=roles))
    change.record(RoleAssigned(role=role.name, person=event.person or "nobody", before=before or "nobody"), event.by)
    if event.person and event.person != event.by.name:
        step, tier = f"{ROLE_STEP}{role.key}.{change.now}", max(incident.reached, default=1)
        because = because_in_role(role.name, event.by.name)
        notify(change, Kind.UPDATE, step, tier, (event.person,), Until.RESOLVED, because)
    restart_timeout(change)


def tick(change: Change, event: Ticked) -> None:
    """Mark a checklist item as done or not done; a repetition changes nothing."""
    plan, work = change.incident.plan, work_of(change)
    checklist = next((item for item in plan.checklists if item.key == event.checklist), None)
    if checklist is None:
        hint = choices(event.checklist, (item.key for item in plan.checklists))
        raise UnknownLevel(f"playbook {plan.name} has no checklist {event.checklist!r}; {hint}")
    if not 0 < event.number <= len(checklist.items):
        raise UnknownLevel(f"checklist {checklist.key} has the items 1 to {len(checklist.items)}")
    ticks = [entry for entry in work.ticks if (entry.checklist, entry.number) != (checklist.key, event.number)]
    if event.done is (len(ticks) < len(work.ticks)):
        return
    if event.done:
        ticks.append(Tick(checklist.key, event.number, event.by.name, change.now))
    _update(change, replace(work_of(change), ticks=tuple(ticks)))
    change.quiet = True
    text = checklist.items[event.number - 1]
    kind = ItemTicked if event.done else ItemUnticked
    change.record(kind(checklist=checklist.key, text=text), event.by)
    if change.incident.is_open:
        restart_timeout(change)


def can_declare(incident: Incident) -> bool:
    """Return whether a person should decide on a declaration: its playbook provides for one, and no one has made it."""
    is_declared = incident.work is not None and incident.work.declared_at is not None
    is_one = incident.storm is None and not incident.drill
    return incident.state in PAGED and is_one and not is_declared and incident.plan.offers_declaration


def work_of(change: Change) -> Work:
    """Return the coordination data so far."""
    return change.incident.work or NOTHING


def _update(change: Change, work: Work) -> None:
    assign(change.incident, work=work)


def _set_status(change: Change, status: str) -> None:
    plan = change.incident.plan
    if status not in plan.statuses:
        raise UnknownLevel(f"playbook {plan.name} has no status {status!r}; {choices(status, plan.statuses)}")
    _update(change, replace(work_of(change), status=status))


def _text(text: str, subject: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        raise InvalidText(subject, LONGEST_TEXT, len(text))
    return text


RESPONSES = (
    DeclaredResponse(
        "declare",
        Declare,
        ((PAGED, declare),),
        "Declare the incident: it is not a false alarm.",
        cannot="declare it",
    ),
    DeclaredResponse("notes", NoteAdded, ((ANY, add_note),), "Add a note for the responders."),
    DeclaredResponse(
        "updates",
        UpdatePosted,
        ((PAGED, post_update),),
        "Post an update for the stakeholders.",
        cannot="post an update",
    ),
    DeclaredResponse(
        "status",
        StatusSet,
        ((OPEN, set_status),),
        "Set the status, one of the playbook's.",
        cannot="set its status",
    ),
    DeclaredResponse("roles", RoleTaken, ((ANY, take_role),), "Take, assign or unassign a role."),
    DeclaredResponse("ticks", Ticked, ((ANY, tick),), "Tick or untick an item of a checklist."),
)
