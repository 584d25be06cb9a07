"""Actions of a playbook other than paging, carried out at their moment or after a person's confirmation."""

from collections.abc import Callable, Iterable

from tocsin.core.duration import MINUTE
from tocsin.core.errors import InvalidValue, UnknownName
from tocsin.core.incident.effect import Automate, Notify, Track
from tocsin.core.incident.event import Confirmed, Discarded
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.sla import DRAFT_STEP, UNCONFIRMED_STEP, Item
from tocsin.core.incident.throttle import is_told_by_its_storm
from tocsin.core.incident.timeline.actions import (
    AutomationRequested,
    DraftConfirmed,
    DraftDiscarded,
    DraftDropped,
    Drafted,
    DraftUnconfirmed,
    TicketRequested,
)
from tocsin.core.incident.timeline.notifications import MessageRequested
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.responder_timeout import restart_timeout
from tocsin.core.incident.wording import AS_IT_WAS, because_draft, because_unconfirmed
from tocsin.core.playbook.actions import (
    MESSAGE_STEP,
    NOTHING,
    Acting,
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
RECORDED = "recorded"
"""The moment at which a person records one of an action's facts."""

NUMBER_WAIT = MINUTE
"""Maximum time for which a message waits for the number of a requested ticket."""


def act(change: Change, moment: Moment) -> None:
    """Carry out the playbook's actions for this moment; in a drill, there are none."""
    if moment is Moment.RESOLVED:  # what waits for a number speaks of the beginning, so it is sent before the end
        stop_waiting_for_number(change)
    _act(change, moment, change.incident.flags)


def act_on_facts(change: Change, names: Iterable[str]) -> None:
    """Carry out the actions that wait for one of these facts, also after the resolve."""
    if change.incident.reached:
        _act(change, RECORDED, change.incident.flags, names)


def afterwards(change: Change) -> None:
    """Carry out the actions that a whole change causes: for the first notification, new flags, a late number."""
    if change.incident.plan.actions and change.incident.reached:
        _act_on_news(change)
    number_by = acting_of(change.incident).number_by
    if number_by is not None and number_by <= change.now:
        stop_waiting_for_number(change)


def _act_on_news(change: Change) -> None:
    incident = change.incident
    flags = change.new_flags
    if change.is_first_reached and Moment.OPENED not in change.ladder_state.moments:
        change.set_ladder_state(replace(change.ladder_state, moments=(*change.ladder_state.moments, Moment.OPENED)))
        _drop_drafts(change, lambda _: False, "the incident has opened again")
        _put(change, replace(acting_of(change.incident), number_by=None, once=(), told=(), behind_at=""))
        act(change, Moment.OPENED)
        flags = incident.flags
    elif incident.is_open and incident.occurrence == change.was.occurrence:
        _catch_up(change, acting_of(incident).behind_at or change.was.peak)
    if flags and incident.is_open:
        _act(change, FLAGGED, flags)


def _catch_up(change: Change, done_at: str) -> None:
    """Carry out what a higher severity asks for at moments that have passed, and what ``done_at`` did not ask for.

    While the ladder waits, these actions wait as well.
    """
    incident = change.incident
    if done_at == incident.peak:
        return
    acting = acting_of(incident)
    _put(change, replace(acting, behind_at=done_at if incident.waits else ""))
    if incident.waits:
        return
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
        if moment in (RECORDED, FLAGGED) and RECORDED in action.at and not _is_first(change, _key_of(action)):
            continue
        if moment == RECORDED and action.verb is Verb.TRACKER:
            if (action.what, action.template) in commented:  # several facts at once are one comment
                continue
            commented.add((action.what, action.template))
        _do(change, action, moment, number)


def _act_at_the_end(change: Change) -> None:
    """Carry out the actions for the resolution: also for all who were told of the beginning, at whatever severity.

    A ticket that was never opened is pointless now, unless a person confirms its draft.
    """
    incident = change.incident
    unconfirmed = acting_of(incident).drafts
    # An automation is pointless now. What people should read may still be sent, and a ticket opened and closed.
    _drop_drafts(change, lambda draft: draft.action.verb is not Verb.AUTOMATION, "the incident is resolved")
    for number, action in enumerate(incident.plan.actions, start=1):
        is_possible = action.verb is Verb.MESSAGE or _has_ticket(change, action)
        if Moment.RESOLVED in action.at and is_possible and _is_for(incident, action, action.when, incident.flags):
            _do(change, action, Moment.RESOLVED, number)
    acting = acting_of(incident)
    open_tickets = {each.tracker for each in acting.tickets if not each.about and each.state in _OPEN}
    _tell_the_rest(change, set(acting.told), open_tickets)
    for draft in unconfirmed:
        _tell_of_unconfirmed(change, draft)


def _tell_the_rest(change: Change, told: set[str], trackers: set[str]) -> None:
    """Carry out the actions for the resolution that no longer apply, for those who were told while they did."""
    incident = change.incident
    numbered = enumerate(incident.plan.actions, start=1)
    ending = [(number, action) for number, action in numbered if Moment.RESOLVED in action.at]
    served = {
        (action.verb, target)
        for _, action in ending
        for target in action.targets
        if _is_for(incident, action, action.when, incident.flags)
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
    if not waits and any(draft.action == other.action for other in acting.drafts):
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


def _is_for(incident: Incident, action: PlaybookAction, when: tuple[str, ...], flags: tuple[str, ...]) -> bool:
    if action.only_if_told or (action.severities and incident.severity not in action.severities):
        return False
    return not when or any(flag in flags for flag in when)


def _key_of(action: PlaybookAction) -> str:
    return "/".join((action.verb, action.what, action.template, *action.to, *action.facts))


def _is_first(change: Change, key: str) -> bool:
    """Return whether something happens for the first time in this occurrence, and remember that it has."""
    acting = acting_of(change.incident)
    if key in acting.once:
        return False
    _put(change, replace(acting, once=(*acting.once, key)))
    return True


def expect_number(change: Change, tracker: str) -> None:
    """Let the actions that need a ticket's number wait for it, once in an occurrence; not if it is known."""
    is_needed = any(TICKETED in action.at for action in change.incident.plan.actions)
    if is_needed and _is_first(change, TICKETED):
        ticket = acting_of(change.incident).ticket(tracker)
        wait = 0 if ticket is not None and ticket.is_there else NUMBER_WAIT
        _put(change, replace(acting_of(change.incident), number_by=change.now + wait))


def stop_waiting_for_number(change: Change) -> None:
    """Carry out the actions that wait for a ticket's number, whether it is known or not."""
    acting = acting_of(change.incident)
    if acting.number_by is None:
        return
    _put(change, replace(acting, number_by=None))
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


def _carry_out(change: Change, action: PlaybookAction, moment: str, worded: Worded) -> None:
    incident = change.incident
    step = step_of(action.verb, incident.version, worded, moment if action.verb is Verb.TRACKER else "")
    if action.verb is Verb.MESSAGE:
        _send(change, step, action.to, f"{action.what}{AS_IT_WAS}{moment}")
        change.record(MessageRequested(template=action.what, targets=action.to))
        if moment != Moment.RESOLVED:
            hear_of_the_end(change, action.to)
    elif action.verb is Verb.AUTOMATION:
        change.effects.append(Automate(target=action.what, step=step, because=f"it was {moment}"))
        change.record(AutomationRequested(target=action.what))
    else:
        _track(change, action.what, moment, step)
        if not incident.is_open and moment not in (Moment.RESOLVED, RECORDED):  # confirmed too late: closed as well
            _track(change, action.what, Moment.RESOLVED, step_of(action.verb, incident.version, worded, "resolved"))


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


def _track(change: Change, tracker: str, moment: str, step: str) -> None:
    """Open a ticket if there is none; else comment on it, and close it with the incident."""
    job = ticket_job(change.incident, tracker, moment)
    if job is None:
        return
    if job is Job.TICKET_OPEN:
        put(change, Ticket(tracker=tracker))
        change.record(TicketRequested(tracker=tracker))
    change.effects.append(Track(tracker=tracker, job=job, step=step, because=f"it was {moment}"))
    if job is Job.TICKET_OPEN or moment == Moment.OPENED:
        expect_number(change, tracker)


def ticket_job(incident: Incident, tracker: str, moment: str) -> Job | None:
    """Return the ticket job for a moment of an incident; None: there is no ticket, and none is to be opened."""
    ticket = acting_of(incident).ticket(tracker)
    if ticket is None or ticket.state is TicketState.FAILED:
        is_pointless = moment == Moment.RESOLVED or (moment == RECORDED and not incident.is_open)
        return None if is_pointless else Job.TICKET_OPEN  # a draft may be confirmed after the resolve
    jobs = {Moment.RESOLVED.value: Job.TICKET_CLOSE, Moment.OPENED.value: Job.TICKET_UPDATE}
    return jobs.get(moment, Job.TICKET_COMMENT)


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
            put(change, Ticket(tracker=action.what, about=about))
            job = Job.TICKET_OPEN
        elif ticket is not None and item.done_at is not None:
            job = Job.TICKET_CLOSE
        else:
            continue
        change.effects.append(Track(tracker=action.what, job=job, step=step, because=because, about=about))


def _draft(change: Change, action: PlaybookAction, moment: str) -> None:
    """Submit an action for confirmation, in place of an older draft of the same action or for the same ticket."""
    number = acting_of(change.incident).drafted + 1
    _drop_drafts(change, lambda draft: not _replaces(action, draft.action), f"draft {number} takes its place")
    acting = acting_of(change.incident)
    draft = Draft(number=number, action=action, moment=moment, at=change.now)
    _put(change, replace(acting, drafted=number, drafts=(*acting.drafts, draft)))
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
    _forget_drafts(change, lambda other: other.number != draft.number)
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
    _forget_drafts(change, lambda other: other.number != draft.number)
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


def acting_of(incident: Incident) -> Acting:
    """Return the state of an incident's actions and tickets."""
    return incident.acting or NOTHING


def hear_of_the_end(change: Change, targets: tuple[str, ...]) -> None:
    """Record that these targets have been told of the incident, and are to be told of its end."""
    acting = acting_of(change.incident)
    _put(change, replace(acting, told=tuple(dict.fromkeys((*acting.told, *targets)))))


def put(change: Change, ticket: Ticket) -> None:
    """Store a ticket in place of its older state."""
    acting = acting_of(change.incident)
    others = tuple(other for other in acting.tickets if (other.tracker, other.about) != (ticket.tracker, ticket.about))
    _put(change, replace(acting, tickets=(*others, ticket)))


def _drop_drafts(change: Change, keeps: Callable[[Draft], bool], because: str) -> None:
    """Drop drafts that no person has decided on; the timeline says which, and why."""
    for draft in acting_of(change.incident).drafts:
        if not keeps(draft):
            change.record(DraftDropped(draft=draft.number, what=draft.action.what, because=because))
    _forget_drafts(change, keeps)


def _forget_drafts(change: Change, keeps: Callable[[Draft], bool]) -> None:
    acting = acting_of(change.incident)
    kept = tuple(draft for draft in acting.drafts if keeps(draft))
    if kept != acting.drafts:
        _put(change, replace(acting, drafts=kept))


def _put(change: Change, acting: Acting) -> None:
    assign(change.incident, acting=acting if acting != NOTHING else None)


RESPONSES = (
    DeclaredResponse(
        "drafts/{draft:[0-9]{1,9}}/confirm",
        Confirmed,
        ((ANY, confirmed),),
        "Confirm a draft and send the text of the request.",
    ),
    DeclaredResponse("drafts/{draft:[0-9]{1,9}}/discard", Discarded, ((ANY, discarded),), "Discard a draft."),
)
