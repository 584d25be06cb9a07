"""What is left to be done about an incident: the post-mortem and the action items, with who is reminded when.

Owed for an incident that has paged or was declared, from its resolution on; a
drill owes nothing. While it is open again nobody is reminded: its next
resolution sets new times. Action items that people wrote down stay as they are.
"""

import msgspec

from tocsin.core.clock import (
    FOLLOW_UP,
    ITEM_STEP,
    MOST_ITEMS,
    POST_MORTEM_STEP,
    Clock,
    Item,
    PostMortem,
    lead_of,
    remind_after,
)
from tocsin.core.effect import DutyDone
from tocsin.core.errors import IllegalTransition, InvalidValue, UnknownLevel, UnknownName
from tocsin.core.event import ItemAdded, ItemDone, PostMortemDone
from tocsin.core.incident import Incident
from tocsin.core.playbook import FollowUp
from tocsin.core.transitions import owners
from tocsin.core.transitions.acting import act_on_item
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.promises import clock_of, remind, wind
from tocsin.core.wording import because_item_due, because_post_mortem_due

LONGEST_TEXT = 500


def ask(change: Change) -> None:
    """The incident is resolved: what its playbook asks for afterwards begins."""
    incident = change.incident
    clock, level = clock_of(incident), incident.plan.level(incident.peak)
    change.set(clock=_kept(clock))
    declared = incident.work is not None and incident.work.declared_at is not None
    if incident.drill or not (declared or _has_paged(incident)):
        return
    if level.post_mortem_within is not None:
        _ask_for_post_mortem(change, level.post_mortem_within)
    for follow_up in incident.plan.duties.follow_ups:
        if not follow_up.severities or incident.peak in follow_up.severities:
            _ask_for(change, follow_up)


def _has_paged(incident: Incident) -> bool:
    return bool(incident.reached) and incident.plan.level(incident.peak).pages


def _ask_for_post_mortem(change: Change, within: int) -> None:
    due_at = change.now + within
    post_mortem = PostMortem(
        severity=change.incident.peak,
        asked_at=change.now,
        due_at=due_at,
        remind_at=remind_after(due_at, lead_of(within), change.now),
    )
    wind(change, post_mortem=post_mortem)
    change.record("post_mortem_asked", due_at=due_at, owner=list(owners.post_mortem_owner(change.incident)))


def _ask_for(change: Change, follow_up: FollowUp) -> None:
    due_at = change.now + follow_up.within
    _add(change, follow_up.text, FOLLOW_UP, due_at, role=follow_up.role)


def _add(change: Change, text: str, kind: str, due_at: int, *, owner: str = "", role: str = "") -> Item:
    incident, clock = change.incident, clock_of(change.incident)
    number = clock.numbered + 1
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
    wind(change, items=(*clock.items, item), numbered=number)
    return item


def reopen(change: Change) -> None:
    """It is open again: what its playbook asked for is withdrawn until the next resolution."""
    clock = change.incident.clock
    if clock is None:
        return
    change.set(clock=_kept(clock))


def _kept(clock: Clock) -> Clock | None:
    """What outlives the end of an occurrence, and its beginning: what people wrote down, and what is done."""
    kept = tuple(item for item in clock.items if item.kind != FOLLOW_UP or item.done_at is not None)
    return Clock(items=kept, numbered=clock.numbered) if kept or clock.numbered else None


def due(change: Change) -> None:
    """Remind the owners of what is due, or soon will be; once for all that was missed meanwhile."""
    incident, clock = change.incident, clock_of(change.incident)
    mortem = clock.post_mortem
    if mortem is not None and mortem.remind_at is not None and mortem.remind_at <= change.now:
        late, count = change.now - mortem.remind_at, mortem.reminded + 1
        again = remind_after(mortem.due_at, 0, change.now)
        wind(change, post_mortem=msgspec.structs.replace(mortem, remind_at=again, reminded=count))
        because = because_post_mortem_due(mortem, change.now)
        step = f"{POST_MORTEM_STEP}{count}"
        remind(change, step, owners.post_mortem_owner(incident), because, late=late)
    for item in clock.items:
        if item.remind_at is not None and item.remind_at <= change.now:
            _remind_of(change, item)


def _remind_of(change: Change, item: Item) -> None:
    late, count = change.now - (item.remind_at or change.now), item.reminded + 1
    again = remind_after(item.due_at, 0, change.now)
    _replace(change, msgspec.structs.replace(item, remind_at=again, reminded=count))
    step = f"{ITEM_STEP}{item.number}.{count}"
    remind(change, step, owners.item_owner(change.incident, item), because_item_due(item, change.now), late=late)


def _replace(change: Change, item: Item) -> None:
    items = clock_of(change.incident).items
    wind(change, items=tuple(item if other.number == item.number else other for other in items))


def post_mortem_done(change: Change, event: PostMortemDone) -> None:
    """A person says that it is done, or that none is needed; the second word changes nothing."""
    clock = clock_of(change.incident)
    mortem = clock.post_mortem
    if mortem is None:
        raise IllegalTransition(f"no post-mortem of incident {change.incident.number} is asked for")
    change.quiet = True
    if mortem.done_at is not None:
        return
    done = msgspec.structs.replace(
        mortem, remind_at=None, done_at=change.now, done_by=event.by.name, waived=event.waived, link=event.link
    )
    wind(change, post_mortem=done)
    change.record(
        "post_mortem_waived" if event.waived else "post_mortem_done",
        event.by,
        link=event.link,
        reason=event.reason,
        late=max(0, change.now - mortem.due_at),
    )
    _count(change, mortem, waived=event.waived)


def item_added(change: Change, event: ItemAdded) -> None:
    """A person writes down what is to be done, by when, and who is to do it."""
    incident = change.incident
    kinds = {kind.name: kind.within for kind in incident.plan.duties.action_items}
    text = event.text.strip()
    if not text or len(text) > LONGEST_TEXT:
        raise InvalidValue(f"an action item has 1 to {LONGEST_TEXT} characters; this one has {len(text)}")
    if event.kind not in kinds:
        known = ", ".join(kinds) or "none"
        raise UnknownLevel(f"playbook {incident.plan.name} has no action items {event.kind!r}; it has: {known}")
    if len(clock_of(incident).items) >= MOST_ITEMS:
        raise IllegalTransition(f"incident {incident.number} has {MOST_ITEMS} action items; no more are kept")
    change.quiet = True
    due_at = change.now + kinds[event.kind] if event.due_at is None else event.due_at
    item = _add(change, text, event.kind, due_at, owner=event.owner)
    change.record(
        "item_added",
        event.by,
        number=item.number,
        text=text,
        kind=item.kind,
        due_at=due_at,
        owner=list(owners.item_owner(incident, item)),
    )
    act_on_item(change, item)


def item_done(change: Change, event: ItemDone) -> None:
    """A person says that it is done; the second word changes nothing."""
    item = next((item for item in clock_of(change.incident).items if item.number == event.number), None)
    if item is None:
        raise UnknownName(f"incident {change.incident.number} has no action item {event.number}")
    change.quiet = True
    if item.done_at is not None:
        return
    done = msgspec.structs.replace(item, remind_at=None, done_at=change.now, done_by=event.by.name)
    _replace(change, done)
    late = max(0, change.now - item.due_at)
    change.record("item_done", event.by, number=item.number, text=item.text, late=late)
    _count(change, item)
    act_on_item(change, done)


def _count(change: Change, what: PostMortem | Item, *, waived: bool = False) -> None:
    outcome = "waived" if waived else "in_time" if change.now <= what.due_at else "late"
    is_post_mortem = isinstance(what, PostMortem)
    change.effects.append(DutyDone(is_post_mortem=is_post_mortem, severity=what.severity, outcome=outcome))
