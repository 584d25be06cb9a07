"""What people do about an incident besides taking it: declare it, note, post updates, set its status, take roles."""

from typing import Any

from msgspec import structs

from tocsin.core.errors import InvalidValue, UnknownLevel
from tocsin.core.event import Actor, Declare, NoteAdded, RoleTaken, StatusSet, Ticked, UpdatePosted
from tocsin.core.playbook import Moment
from tocsin.core.transitions import promises
from tocsin.core.transitions.acting import act
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import fire_on
from tocsin.core.transitions.hearing import heard
from tocsin.core.work import LONGEST_NAME, LONGEST_TEXT, NOTHING, Tick, Work


def declare(change: Change, event: Declare) -> None:
    """A person says that it is an incident; the second word changes nothing."""
    if len(event.reason) > LONGEST_TEXT:
        raise InvalidValue(f"a reason has at most {LONGEST_TEXT} characters; this one has {len(event.reason)}")
    if work_of(change).declared_at is None:
        declared(change, event.by, event.reason)
        heard(change)


def declared(change: Change, by: Actor, reason: str = "") -> None:
    """It is one from now on: steps that wait for that fire, and updates are due."""
    _do(change, declared_at=change.now, declared_by=by.name)
    change.record("declared", by, severity=change.incident.severity, reason=reason)
    promises.report(change)
    fire_on(change, Moment.DECLARED)
    act(change, Moment.DECLARED)


def add_note(change: Change, event: NoteAdded) -> None:
    """Something worth remembering, for those who work on it."""
    change.quiet = True
    change.record("note", event.by, text=_text(event.text, "a note"))
    if change.incident.is_open:
        heard(change)


def post_update(change: Change, event: UpdatePosted) -> None:
    """How it goes, for those who wait."""
    text = _text(event.text, "an update")
    if event.status:
        _set_status(change, event.status)
    number = work_of(change).updates + 1
    _do(change, updates=number)
    change.record("update_posted", event.by, number=number, text=text, status=work_of(change).status)
    promises.update_posted(change)
    heard(change)
    act(change, Moment.UPDATED)


def set_status(change: Change, event: StatusSet) -> None:
    """Where it stands, in the playbook's words; the one that it has changes nothing."""
    before = work_of(change).status
    if event.status == before:
        return
    _set_status(change, event.status)
    change.record("status", event.by, before=before or "none", after=event.status)
    heard(change)


def take_role(change: Change, event: RoleTaken) -> None:
    """A person has a role from now on, or nobody has it any more."""
    incident, work = change.incident, work_of(change)
    role = incident.plan.role(event.role)
    if role is None:
        known = ", ".join(each.key for each in incident.plan.roles) or "none"
        raise UnknownLevel(f"playbook {incident.plan.name} has no role {event.role!r}; it has: {known}")
    if len(event.person) > LONGEST_NAME:
        raise InvalidValue(f"a name has at most {LONGEST_NAME} characters; this one has {len(event.person)}")
    before = work.roles.get(role.key, "")
    if before == event.person:
        return
    roles = {key: person for key, person in (work.roles | {role.key: event.person}).items() if person}
    _do(change, roles=roles)
    change.record("role", event.by, role=role.name, person=event.person or "nobody", before=before or "nobody")
    heard(change)


def tick(change: Change, event: Ticked) -> None:
    """An item is done, or is not after all; the second word changes nothing."""
    plan, work = change.incident.plan, work_of(change)
    checklist = next((each for each in plan.checklists if each.key == event.checklist), None)
    if checklist is None:
        known = ", ".join(each.key for each in plan.checklists) or "none"
        raise UnknownLevel(f"playbook {plan.name} has no checklist {event.checklist!r}; it has: {known}")
    if not 0 < event.number <= len(checklist.items):
        raise UnknownLevel(f"checklist {checklist.key} has the items 1 to {len(checklist.items)}")
    ticks = [each for each in work.ticks if (each.checklist, each.number) != (checklist.key, event.number)]
    if event.done is (len(ticks) < len(work.ticks)):
        return
    if event.done:
        ticks.append(Tick(checklist.key, event.number, event.by.name, change.now))
    _do(change, ticks=tuple(ticks))
    change.quiet = True
    text = checklist.items[event.number - 1]
    change.record("ticked" if event.done else "unticked", event.by, checklist=checklist.key, text=text)
    if change.incident.is_open:
        heard(change)


def work_of(change: Change) -> Work:
    """What has been done so far."""
    return change.incident.work or NOTHING


def _do(change: Change, **fields: Any) -> None:
    change.set(work=structs.replace(work_of(change), **fields))


def _set_status(change: Change, status: str) -> None:
    plan = change.incident.plan
    if status not in plan.statuses:
        known = ", ".join(plan.statuses) or "none"
        raise UnknownLevel(f"playbook {plan.name} has no status {status!r}; it has: {known}")
    _do(change, status=status)


def _text(text: str, what: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        raise InvalidValue(f"{what} has 1 to {LONGEST_TEXT} characters; this one has {len(text)}")
    return text
