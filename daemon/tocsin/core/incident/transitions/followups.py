"""Follow-ups of an incident: the duties that count from its resolution, and the action items of people.

A drill has none. When the incident opens again, its duties are withdrawn: the next
resolution sets new times. Action items from people are kept unchanged.
"""

from tocsin.core.errors import IllegalTransition, InvalidText, InvalidValue, LimitReached, UnknownLevel, UnknownName
from tocsin.core.incident.effect import FollowUpDone
from tocsin.core.incident.event import ItemAdded, ItemDone, PostMortemDone
from tocsin.core.incident.incident import State
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.sla import (
    FOLLOW_UP,
    ITEM_STEP,
    MOST_ITEMS,
    POST_MORTEM_TEXT,
    Item,
    Obligations,
    duties_of,
    duty_named,
    remind_after,
)
from tocsin.core.incident.timeline.actions import ActionItemAdded, ActionItemDone
from tocsin.core.incident.transitions import duties, owners
from tocsin.core.incident.transitions.acting import act_on_item
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.duties import begin, settle, withdraw
from tocsin.core.incident.transitions.promises import obligations_of, remind, set_obligations
from tocsin.core.incident.wording import because_item_due
from tocsin.core.playbook.duties import POST_MORTEM, PlaybookDuty
from tocsin.core.playbook.playbook import Moment
from tocsin.core.suggestions import choices
from tocsin.core.typed_replace import replace

LONGEST_TEXT = 500
"""Maximum length of the text of an action item, in characters."""


def ask(change: Change, *, healed: bool) -> None:
    """Begin the duties that count from the resolution, at every severity that requires them, paged or not.

    ``healed``: the incident ended before anyone was to be notified; it has none.
    """
    incident = change.incident
    assign(change.incident, obligations=_kept(obligations_of(incident), duties_of(incident.obligations)))
    if healed or incident.drill or not _is_anyones(change):
        return
    severity, plan = incident.peak, incident.plan
    within = plan.level(severity).post_mortem_within
    if within is not None:
        text = POST_MORTEM_TEXT
        begin(change, PlaybookDuty(name=POST_MORTEM, text=text, since=Moment.RESOLVED, within=within), severity)
    for follow_up in plan.duties.follow_ups:
        duty = PlaybookDuty(
            name=follow_up.name,
            text=follow_up.text,
            since=Moment.RESOLVED,
            within=follow_up.within,
            by=follow_up.role,
            severities=follow_up.severities,
        )
        if duty.is_for(severity, incident.flags):
            begin(change, duty, severity)
    for duty in plan.duties.required:
        if duty.since == Moment.RESOLVED and duty.is_for(severity, incident.flags):
            begin(change, duty, severity)


def _is_anyones(change: Change) -> bool:
    """Return whether the incident was more than recorded.

    It has notified a person, or a person has acted on it, or its level waits for business hours. An incident that
    another one explains (a storm, an inhibition, a maintenance window) and that notified no one has no duties.
    """
    incident = change.incident
    is_declared = incident.work is not None and incident.work.declared_at is not None
    if incident.reached or is_declared or incident.acked_severity is not None:
        return True
    return not change.was.waits and incident.member_of is None


def _add(change: Change, text: str, kind: str, due_at: int, *, owner: str = "", role: str = "") -> Item:
    incident, obligations = change.incident, obligations_of(change.incident)
    number = obligations.numbered + 1
    item = Item(
        number=number,
        text=text,
        kind=kind,
        owner=owner,
        role=role,
        severity=incident.peak,
        added_at=change.now,
        due_at=due_at,
        remind_at=remind_after(due_at, 0, change.now),
    )
    set_obligations(change, replace(obligations_of(change.incident), items=(*obligations.items, item), numbered=number))
    return item


def reopen(change: Change) -> None:
    """Withdraw the duties of the former occurrence: the next one has its own."""
    withdraw(change, "the incident has opened again")
    obligations = change.incident.obligations
    if obligations is not None:
        assign(change.incident, obligations=_kept(obligations))


def _kept(obligations: Obligations, owed: tuple[IncidentDuty, ...] = ()) -> Obligations | None:
    """Return what outlives the promises: action items from people, completed ones of earlier versions, and duties."""
    kept = tuple(item for item in obligations.items if item.kind != FOLLOW_UP or item.done_at is not None)
    if not (kept or obligations.numbered or owed):
        return None
    return Obligations(items=kept, numbered=obligations.numbered, duties=owed)


def due(change: Change) -> None:
    """Remind the owners of duties and action items; once for all reminders missed meanwhile."""
    duties.due(change)
    for item in obligations_of(change.incident).items:
        if item.remind_at is not None and item.remind_at <= change.now:
            _remind_of(change, item)


def _remind_of(change: Change, item: Item) -> None:
    late, count = change.now - (item.remind_at or change.now), item.reminded + 1
    next_at = remind_after(item.due_at, 0, change.now)
    _replace(change, replace(item, remind_at=next_at, reminded=count))
    step = f"{ITEM_STEP}{item.number}.{count}"
    remind(change, step, owners.item_owner(change.incident, item), because_item_due(item, change.now), late=late)


def _replace(change: Change, item: Item) -> None:
    items = obligations_of(change.incident).items
    set_obligations(
        change,
        replace(
            obligations_of(change.incident),
            items=tuple(item if other.number == item.number else other for other in items),
        ),
    )


def post_mortem_done(change: Change, event: PostMortemDone) -> None:
    """Complete or waive the postmortem; a repetition changes nothing."""
    if event.waived and not event.reason.strip():
        raise InvalidValue("reason is empty; say why no postmortem is needed")
    if event.link and not event.link.startswith(("https://", "http://")):
        raise InvalidValue("link must begin with https:// or http://")
    if duty_named(change.incident.obligations, POST_MORTEM) is None:
        raise IllegalTransition(f"incident {change.incident.number} needs no postmortem")
    change.quiet = True
    settle(change, POST_MORTEM, event.by, waived=event.waived, reason=event.reason, link=event.link)


def item_added(change: Change, event: ItemAdded) -> None:
    """Add a person's action item."""
    incident = change.incident
    kinds = {kind.name: kind.within for kind in incident.plan.duties.action_items}
    text = event.text.strip()
    if not text or len(text) > LONGEST_TEXT:
        raise InvalidText("an action item", LONGEST_TEXT, len(text))
    if event.kind not in kinds:
        hint = choices(event.kind, kinds)
        raise UnknownLevel(f"playbook {incident.plan.name} has no action items {event.kind!r}; {hint}")
    if len(obligations_of(incident).items) >= MOST_ITEMS:
        raise LimitReached(f"incident {incident.number} has {MOST_ITEMS} action items; no more are kept")
    change.quiet = True
    due_at = change.now + kinds[event.kind] if event.due_at is None else event.due_at
    item = _add(change, text, event.kind, due_at, owner=event.owner)
    added = ActionItemAdded(
        number=item.number,
        text=text,
        item_kind=item.kind,
        due_at=due_at,
        owner=owners.item_owner(incident, item),
    )
    change.record(added, event.by)
    act_on_item(change, item)


def item_done(change: Change, event: ItemDone) -> None:
    """Complete an action item; a repetition changes nothing."""
    item = next((item for item in obligations_of(change.incident).items if item.number == event.number), None)
    if item is None:
        raise UnknownName(f"incident {change.incident.number} has no action item {event.number}")
    change.quiet = True
    if item.done_at is not None:
        return
    done = replace(item, remind_at=None, done_at=change.now, done_by=event.by.name)
    _replace(change, done)
    late = max(0, change.now - item.due_at)
    change.record(ActionItemDone(number=item.number, text=item.text, late=late), event.by)
    _count(change, item)
    act_on_item(change, done)


def _count(change: Change, item: Item) -> None:
    outcome = "in_time" if change.now <= item.due_at else "late"
    change.effects.append(FollowUpDone(is_post_mortem=False, severity=item.severity, outcome=outcome))


RESPONSES = (
    DeclaredResponse("action-items", ItemAdded, ((ANY, item_added),), "Add an action item."),
    DeclaredResponse("action-items/{item:[0-9]{1,9}}/done", ItemDone, ((ANY, item_done),), "Complete an action item."),
    DeclaredResponse(
        "postmortem",
        PostMortemDone,
        (((State.RESOLVED,), post_mortem_done),),
        "Complete or waive the postmortem.",
        cannot="complete its postmortem",
        instead="resolve it first",
    ),
)
