"""Actions of a playbook other than paging, carried out at their moment or after a person's confirmation."""

from collections.abc import Iterable

from tocsin.core.duration import MINUTE
from tocsin.core.errors import InvalidValue, UnknownName
from tocsin.core.incident.effect import Automate, Notify, Record, Track
from tocsin.core.incident.event import Confirmed, Discarded
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.sla import DRAFT_STEP, UNCONFIRMED_STEP, Item
from tocsin.core.incident.throttle import is_told_by_its_storm
from tocsin.core.incident.timeline.actions import (
    AutomationRequested,
    DraftConfirmed,
    DraftDiscarded,
    Drafted,
    DraftUnconfirmed,
    PostmortemCompleted,
    TicketRequested,
)
from tocsin.core.incident.timeline.notifications import MessageRequested
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.transitions.acting_state import (
    RECORDED,
    REVIEWED,
    acting_of,
    drop_drafts,
    forget_drafts,
    hear_of_the_end,
    is_first,
    is_under_way,
    put_acting,
    put_ticket,
    ticket_job,
)
from tocsin.core.incident.transitions.change import Change
from tocsin.core.incident.transitions.responder_timeout import restart_timeout
from tocsin.core.incident.wording import AS_IT_WAS, because_draft, because_unconfirmed
from tocsin.core.playbook.actions import (
    MESSAGE_STEP,
    Draft,
    PlaybookAction,
    Ticket,
    TicketState,
    Verb,
    Worded,
    step_of,
)
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.typed_replace import replace

FLAGGED = "flagged"
"""The moment of an action that waits for one of its flags."""
ITEM = "item"
"""The moment at which an action item is added."""
_OPEN = (TicketState.ASKED, TicketState.OPEN)
"""The states of a ticket that is still to be closed."""
TICKETED = "ticketed"
"""The moment at which a ticket gets its name, or `NUMBER_WAIT` after its request."""

NUMBER_WAIT = MINUTE
"""Maximum time for which a message waits for the number of a requested ticket."""


def act(change: Change, moment: Moment) -> None:
    """Carry out the playbook's actions for this moment; in a drill, there are none."""
    if moment is Moment.RESOLVED:  # what waits for a number speaks of the beginning, so it is sent before the end
        stop_waiting_for_number(change)
    else:
        _begin(change)
    _act(change, moment, change.incident.flags)


def act_on_facts(change: Change, names: Iterable[str]) -> None:
    """Carry out the actions that wait for one of these facts, also after the resolve.

    Before the incident is under way, they wait until it is.
    """
    incident = change.incident
    if not incident.is_open or incident.reached or is_under_way(incident):
        _act(change, RECORDED, incident.flags, names)
    elif incident.plan.actions:
        acting = acting_of(incident)
        put_acting(change, replace(acting, recorded=tuple(dict.fromkeys((*acting.recorded, *names)))))


def afterwards(change: Change) -> None:
    """Carry out the actions that a whole change causes: for the first notification, new flags, a late number."""
    incident = change.incident
    if incident.plan.actions and is_under_way(incident):
        if not _was_under_way(change):
            _begin(change)
        elif incident.is_open:
            if incident.reached:
                _catch_up(change, acting_of(incident).behind_at or change.was.peak)
            if change.new_flags:
                _act(change, FLAGGED, change.new_flags)
        elif incident.state is State.RESOLVED and _is_reviewed(change):
            _act(change, REVIEWED, incident.flags)
    number_by = acting_of(change.incident).number_by
    if number_by is not None and number_by <= change.now:
        stop_waiting_for_number(change)


def _is_reviewed(change: Change) -> bool:
    entries = (effect.entry for effect in change.effects if isinstance(effect, Record))
    return any(isinstance(entry, PostmortemCompleted) for entry in entries)


def _was_under_way(change: Change) -> bool:
    return change.was.occurrence == change.incident.occurrence and is_under_way(change.was)


def _begin(change: Change) -> None:
    """Carry out the actions for the opening, for the flags and the facts, once the incident is under way."""
    incident, moments = change.incident, change.ladder_state.moments
    if _was_under_way(change) or Moment.OPENED in moments or not is_under_way(incident) or not incident.plan.actions:
        return
    change.set_ladder_state(replace(change.ladder_state, moments=(*moments, Moment.OPENED)))
    drop_drafts(change, lambda _: False, "the incident has opened again")
    recorded = acting_of(incident).recorded
    put_acting(change, replace(acting_of(incident), number_by=None, once=(), told=(), behind_at="", recorded=()))
    _act(change, Moment.OPENED, incident.flags)
    if incident.flags and incident.is_open:
        _act(change, FLAGGED, incident.flags)
    if recorded:
        _act(change, RECORDED, incident.flags, recorded)


def _catch_up(change: Change, done_at: str) -> None:
    """Carry out what a higher severity asks for at moments that have passed, and what ``done_at`` did not ask for.

    While the ladder waits, these actions wait as well.
    """
    incident = change.incident
    if done_at == incident.peak:
        return
    acting = acting_of(incident)
    put_acting(change, replace(acting, behind_at=done_at if incident.waits else ""))
    if incident.waits:
        return
    drop_drafts(change, lambda draft: _is_at(incident, draft.action), f"the severity is {incident.severity}")
    declared_at = incident.work.declared_at if incident.work is not None else None
    _act(change, Moment.OPENED, incident.flags, unless_at=done_at)
    if declared_at is not None and declared_at != change.now:
        _act(change, Moment.DECLARED, incident.flags, unless_at=done_at)


def _act(change: Change, moment: str, flags: tuple[str, ...], facts: Iterable[str] = (), unless_at: str = "") -> None:
    """Carry out the actions for a moment; ``unless_at``: only those that this severity has not asked for already."""
    incident = change.incident
    if incident.drill or is_told_by_its_storm(incident):
        return
    if moment == Moment.RESOLVED:
        _act_at_the_end(change)
        return
    recorded, commented = frozenset(facts), set[tuple[str, str]]()
    for number, action in enumerate(incident.plan.actions, start=1):
        is_done = bool(unless_at) and (not action.severities or unless_at in action.severities)
        is_due = _is_due(incident, action, moment, flags, recorded)
        if is_done or not is_due or _is_idle(change, action, moment):
            continue
        if moment in (RECORDED, FLAGGED) and RECORDED in action.at and not is_first(change, _key_of(action)):
            continue
        if moment == RECORDED and action.verb is Verb.TRACKER:
            if (action.what, action.template) in commented:  # several facts at once are one comment
                continue
            commented.add((action.what, action.template))
        _do(change, action, moment, number)


def _act_at_the_end(change: Change) -> None:
    """Carry out the actions for the resolution: also for all who were told of the beginning, at whatever severity.

    A ticket that was never opened is pointless now, unless its draft waits for a person: the draft about the end takes
    its place. If the incident has never been under way, only those hear of its end who were told of it nevertheless,
    for example by a declaration.
    """
    incident = change.incident
    unconfirmed = acting_of(incident).drafts
    # An automation is pointless now. What people should read may still be sent, and a ticket opened and closed.
    drop_drafts(change, lambda draft: draft.action.verb is not Verb.AUTOMATION, "the incident is resolved")
    has_begun = bool(incident.reached) or is_under_way(change.was)
    for number, action in enumerate(incident.plan.actions, start=1):
        is_possible = action.verb is Verb.MESSAGE or _has_ticket(change, action) or _has_draft(change, action)
        is_due = Moment.RESOLVED in action.at and _is_for(incident, action, action.when, incident.flags)
        if has_begun and is_due and is_possible:
            _do(change, action, Moment.RESOLVED, number)
    acting = acting_of(incident)
    open_tickets = {each.tracker for each in acting.tickets if not each.about and each.state in _OPEN}
    _tell_the_rest(change, set(acting.told), open_tickets, is_served=has_begun)
    for draft in unconfirmed:
        _tell_of_unconfirmed(change, draft)


def _tell_the_rest(change: Change, told: set[str], trackers: set[str], *, is_served: bool = True) -> None:
    """Carry out the actions for the resolution that no longer apply, for those who were told while they did.

    ``is_served``: those that apply are carried out already.
    """
    incident = change.incident
    numbered = enumerate(incident.plan.actions, start=1)
    ending = [(number, action) for number, action in numbered if Moment.RESOLVED in action.at]
    served = {
        (action.verb, target)
        for _, action in ending
        for target in action.targets
        if is_served and _is_for(incident, action, action.when, incident.flags)
    }
    for number, action in ending:
        concerned = {Verb.MESSAGE: told, Verb.TRACKER: trackers}.get(action.verb, set())
        left = tuple(each for each in action.targets if each in concerned and (action.verb, each) not in served)
        if left:
            served |= {(action.verb, each) for each in left}
            to = left if action.verb is Verb.MESSAGE else action.to
            _do(change, replace(action, to=to), Moment.RESOLVED, number)


def _do(change: Change, action: PlaybookAction, moment: str, number: int) -> None:
    if action.confirm:
        _draft(change, action, moment)
    else:
        _carry_out(change, action, moment, Worded(action=number))


def _tell_of_unconfirmed(change: Change, draft: Draft) -> None:
    """Tell the people who could have confirmed a draft that the incident ended without it."""
    acting = acting_of(change.incident)
    waits = acting.draft(draft.number) is not None
    if not waits and any(_replaces(other.action, draft.action) for other in acting.drafts):
        return  # a draft about the resolve has taken its place, and people are told of that one
    change.record(DraftUnconfirmed(draft=draft.number, what=draft.action.what))
    because = because_unconfirmed(draft, waits=waits)
    _tell(change, f"{UNCONFIRMED_STEP}{draft.number}", _told_of_drafts(change.incident), because)


def _told_of_drafts(incident: Incident) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*owners.communication_lead(incident), *incident.plan.announce)))


def _is_due(
    incident: Incident, action: PlaybookAction, moment: str, flags: tuple[str, ...], facts: frozenset[str]
) -> bool:
    """Return whether an action is due. At ``flagged``, its flags trigger it; at other moments, they restrict it."""
    if moment not in action.at or (moment == RECORDED and facts.isdisjoint(action.facts)):
        return False
    return _is_for(incident, action, () if moment == RECORDED and FLAGGED in action.at else action.when, flags)


def _is_at(incident: Incident, action: PlaybookAction) -> bool:
    return not action.severities or incident.severity in action.severities


def _is_for(incident: Incident, action: PlaybookAction, when: tuple[str, ...], flags: tuple[str, ...]) -> bool:
    if action.only_if_told or not _is_at(incident, action):
        return False
    return not when or any(flag in flags for flag in when)


def _key_of(action: PlaybookAction) -> str:
    return "/".join((action.verb, action.what, action.template, *action.to, *action.facts))


def expect_number(change: Change, tracker: str) -> None:
    """Let the actions that need a ticket's number wait for it, once in an occurrence; not if it is known."""
    is_needed = any(TICKETED in action.at for action in change.incident.plan.actions)
    if is_needed and is_first(change, TICKETED):
        ticket = acting_of(change.incident).ticket(tracker)
        wait = 0 if ticket is not None and ticket.is_there else NUMBER_WAIT
        put_acting(change, replace(acting_of(change.incident), number_by=change.now + wait))


def stop_waiting_for_number(change: Change) -> None:
    """Carry out the actions that wait for a ticket's number, whether it is known or not."""
    acting = acting_of(change.incident)
    if acting.number_by is None:
        return
    put_acting(change, replace(acting, number_by=None))
    if change.incident.merged is None:
        _act(change, TICKETED, change.incident.flags)


def _is_idle(change: Change, action: PlaybookAction, moment: str) -> bool:
    """Return whether an action has nothing to do: a resolved incident needs no new ticket and no automation."""
    if change.incident.is_open:
        return False
    if action.verb is Verb.MESSAGE:
        return moment == RECORDED and FLAGGED in action.at  # something done before the end, of which people were told
    return not _has_ticket(change, action)


def _has_ticket(change: Change, action: PlaybookAction) -> bool:
    ticket = acting_of(change.incident).ticket(action.what) if action.verb is Verb.TRACKER else None
    return ticket is not None and ticket.state is not TicketState.FAILED


def _has_draft(change: Change, action: PlaybookAction) -> bool:
    """Return whether a draft for the same ticket waits, to be replaced by one of this action."""
    drafts = acting_of(change.incident).drafts
    is_ticket = action.verb is Verb.TRACKER and action.confirm
    return is_ticket and any(_replaces(action, draft.action) for draft in drafts)


def _carry_out(change: Change, action: PlaybookAction, moment: str, worded: Worded) -> None:
    incident = change.incident
    step = step_of(action.verb, incident.version, worded)
    if action.verb is Verb.MESSAGE:
        _send(change, step, action.to, f"{action.what}{AS_IT_WAS}{moment}")
        change.record(MessageRequested(template=action.what, targets=action.to))
        if moment not in (Moment.RESOLVED, REVIEWED):
            hear_of_the_end(change, action.to)
    elif action.verb is Verb.AUTOMATION:
        change.effects.append(Automate(target=action.what, step=step, because=f"it was {moment}"))
        change.record(AutomationRequested(target=action.what))
    else:
        _track(change, action.what, moment, worded)


def _send(change: Change, step: str, targets: tuple[str, ...], because: str) -> None:
    """Send a message; if another action sends the same one now, a person in the targets of both gets it once."""
    for place, effect in enumerate(change.effects):
        if isinstance(effect, Notify) and effect.because == because and effect.step.startswith(MESSAGE_STEP):
            together = tuple(dict.fromkeys((*effect.targets, *targets)))
            change.effects[place] = replace(effect, targets=together)
            return
    _tell(change, step, targets, because)


def _tell(change: Change, step: str, targets: tuple[str, ...], because: str) -> None:
    tier = max(change.incident.reached, default=1)
    change.notify(
        Notify(kind=Kind.UPDATE, step=step, tier=tier, targets=targets, until=Until.RESOLVED, because=because)
    )


def _track(change: Change, tracker: str, moment: str, worded: Worded) -> None:
    """Open a ticket if there is none, else comment on it; after the end, close what was not closed."""
    incident = change.incident
    is_late = bool(worded.draft) and not incident.is_open and moment not in (RECORDED, REVIEWED)
    job = ticket_job(incident, tracker, moment, is_confirmed=bool(worded.draft))
    if job is None:
        return
    step = step_of(Verb.TRACKER, incident.version, worded, moment)
    if job is Job.TICKET_OPEN:
        put_ticket(change, Ticket(tracker=tracker))
        change.record(TicketRequested(tracker=tracker))
        if moment == Moment.RESOLVED:  # a step of its own, as closing the ticket is another
            step = step_of(Verb.TRACKER, incident.version, worded, Moment.OPENED)
    change.effects.append(Track(tracker=tracker, job=job, step=step, because=f"it was {moment}"))
    if job is Job.TICKET_OPEN or moment == Moment.OPENED:
        expect_number(change, tracker)
    if is_late and job is not Job.TICKET_CLOSE:
        closing = step_of(Verb.TRACKER, incident.version, worded, Moment.RESOLVED)
        because = f"it was {Moment.RESOLVED}"
        change.effects.append(Track(tracker=tracker, job=Job.TICKET_CLOSE, step=closing, because=because))


def act_on_item(change: Change, item: Item) -> None:
    """Open a separate ticket for an action item, or close it once the item is done."""
    incident, about = change.incident, f"item-{item.number}"
    because = f"action item {item.number}: {item.text}"
    for number, action in enumerate(incident.plan.actions, start=1):
        if ITEM not in action.at or incident.drill or not _is_for(incident, action, action.when, incident.flags):
            continue
        step = step_of(action.verb, incident.version, Worded(action=number), about)
        ticket = acting_of(incident).ticket(action.what, about)
        if ticket is None and item.done_at is None:
            put_ticket(change, Ticket(tracker=action.what, about=about))
            job = Job.TICKET_OPEN
        elif ticket is not None and item.done_at is not None:
            job = Job.TICKET_CLOSE
        else:
            continue
        change.effects.append(Track(tracker=action.what, job=job, step=step, because=because, about=about))


def _draft(change: Change, action: PlaybookAction, moment: str) -> None:
    """Submit an action for confirmation, in place of an older draft of the same action or for the same ticket."""
    number = acting_of(change.incident).drafted + 1
    drop_drafts(change, lambda draft: not _replaces(action, draft.action), f"draft {number} takes its place")
    acting = acting_of(change.incident)
    draft = Draft(number=number, action=action, moment=moment, at=change.now)
    put_acting(change, replace(acting, drafted=number, drafts=(*acting.drafts, draft)))
    targets = _told_of_drafts(change.incident)
    change.record(Drafted(draft=number, what=action.what, targets=action.targets))
    _tell(change, f"{DRAFT_STEP}{number}", targets, because_draft(change.incident.number, draft))


def _replaces(action: PlaybookAction, other: PlaybookAction) -> bool:
    """Return whether a draft of an action makes an older one pointless: a ticket needs only the newest text."""
    is_same_ticket = (action.verb, action.what) == (other.verb, other.what) and action.verb is Verb.TRACKER
    return action == other or is_same_ticket


def confirmed(change: Change, event: Confirmed) -> None:
    """Carry out a draft with the text that a person has read and confirmed.

    Raises:
        UnknownName: No draft of that number waits.
        InvalidValue: The draft is a message, and the text is empty.
    """
    draft = _waiting(change, event.draft)
    action = draft.action
    if action.verb is Verb.MESSAGE and not event.text.strip():
        raise InvalidValue(f"draft {draft.number} is a message to {', '.join(action.to)}: its text is empty")
    forget_drafts(change, lambda other: other.number != draft.number)
    what, targets = action.what, action.targets
    change.record(DraftConfirmed(draft=draft.number, what=what, targets=targets, text=event.text), event.by)
    restart_timeout(change)
    _carry_out(change, action, draft.moment, Worded(draft=draft.number))
    if action.verb is Verb.MESSAGE and draft.moment != Moment.RESOLVED and not change.incident.is_open:
        _tell_the_rest(change, set(action.to), set())  # they hear of the beginning only now


def discarded(change: Change, event: Discarded) -> None:
    """Discard a draft.

    Raises:
        UnknownName: No draft of that number waits.
    """
    draft = _waiting(change, event.draft)
    forget_drafts(change, lambda other: other.number != draft.number)
    change.record(DraftDiscarded(draft=draft.number, what=draft.action.what, reason=event.reason), event.by)
    restart_timeout(change)


def _waiting(change: Change, number: int) -> Draft:
    acting = acting_of(change.incident)
    draft = acting.draft(number)
    if draft is None:
        known = ", ".join(str(draft.number) for draft in acting.drafts) or "none waits"
        raise UnknownName(
            f"incident {change.incident.number} has no draft {number} that waits for confirmation ({known})"
        )
    return draft


RESPONSES = (
    DeclaredResponse(
        "drafts/{draft:[0-9]{1,9}}/confirm",
        Confirmed,
        ((ANY, confirmed),),
        "Confirm a draft and send the text of the request.",
    ),
    DeclaredResponse("drafts/{draft:[0-9]{1,9}}/discard", Discarded, ((ANY, discarded),), "Discard a draft."),
)
