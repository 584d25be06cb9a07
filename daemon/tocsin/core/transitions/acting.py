"""What a playbook does besides paging: actions when their moment comes, or once a person has confirmed them."""

from collections.abc import Callable

from msgspec import structs

from tocsin.core.acting import NOTHING, Acting, Draft, PlaybookAction, Ticket, TicketState, Verb, Worded, step_of
from tocsin.core.clock import DRAFT_STEP, Item
from tocsin.core.effect import Automate, Notify, Track
from tocsin.core.errors import InvalidValue, UnknownName
from tocsin.core.event import Confirmed, Discarded, TicketSettled
from tocsin.core.incident import Incident
from tocsin.core.outbox import Job, RowState
from tocsin.core.playbook import Kind, Moment, Until
from tocsin.core.throttle import is_told_by_its_storm
from tocsin.core.transitions import owners
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.hearing import heard
from tocsin.core.wording import because_draft

FLAGGED = "flagged"
"""The moment of an action that waits for one of its flags."""
ITEM = "item"
"""The moment at which somebody writes down an action item."""
TICKETED = "ticketed"
"""The moment at which a ticket has its name."""


def act(change: Change, moment: Moment) -> None:
    """Do what the playbook wants at this moment. A drill reaches nobody who is no responder."""
    _act(change, moment, change.incident.flags)


def afterwards(change: Change) -> None:
    """What follows of a change as a whole: the opening once its ladder notifies somebody, and flags that are new."""
    incident = change.incident
    if not incident.plan.actions or not incident.reached:
        return
    flags = change.new_flags
    if change.is_first_reached and Moment.OPENED not in change.standing.moments:
        change.stand(moments=(*change.standing.moments, Moment.OPENED))
        _forget_drafts(change, lambda _: False)
        act(change, Moment.OPENED)
        flags = incident.flags
    if flags and incident.is_open:
        _act(change, FLAGGED, flags)


def _act(change: Change, moment: str, flags: tuple[str, ...]) -> None:
    incident = change.incident
    if incident.drill or is_told_by_its_storm(incident):
        return
    if moment == Moment.RESOLVED:  # an automation, or a ticket that was never opened, is of no use any more
        _forget_drafts(change, lambda draft: draft.action.verb is Verb.MESSAGE or _has_ticket(change, draft.action))
    for number, action in enumerate(incident.plan.actions, start=1):
        if moment in action.at and _is_for(incident, action, flags) and not _is_idle(change, action, moment):
            if action.confirm:
                _draft(change, action, moment)
            else:
                _do(change, action, moment, Worded(action=number))


def _is_for(incident: Incident, action: PlaybookAction, flags: tuple[str, ...]) -> bool:
    if action.severities and incident.severity not in action.severities:
        return False
    return not action.when or any(flag in flags for flag in action.when)


def _is_idle(change: Change, action: PlaybookAction, moment: str) -> bool:
    """Whether there is nothing to do: what is over needs no new ticket, and no automation."""
    if moment != Moment.RESOLVED or action.verb is Verb.MESSAGE:
        return False
    return not _has_ticket(change, action)


def _has_ticket(change: Change, action: PlaybookAction) -> bool:
    ticket = acting_of(change.incident).ticket(action.what) if action.verb is Verb.TRACKER else None
    return ticket is not None and ticket.state is not TicketState.FAILED


def _do(change: Change, action: PlaybookAction, moment: str, worded: Worded) -> None:
    incident = change.incident
    step = step_of(action.verb, incident.version, worded, moment if action.verb is Verb.TRACKER else "")
    if action.verb is Verb.MESSAGE:
        because = f"{action.what}, as it was {moment}"
        _tell(change, step, action.to, because)
        change.record("told", template=action.what, targets=list(action.to))
    elif action.verb is Verb.AUTOMATION:
        change.effects.append(Automate(target=action.what, step=step, because=f"it was {moment}"))
        change.record("automation_asked", target=action.what)
    else:
        _track(change, action.what, moment, step)


def _tell(change: Change, step: str, targets: tuple[str, ...], because: str) -> None:
    tier = max(change.incident.reached, default=1)
    change.notify(
        Notify(kind=Kind.UPDATE, step=step, tier=tier, targets=targets, until=Until.RESOLVED, because=because)
    )


def _track(change: Change, tracker: str, moment: str, step: str) -> None:
    """Open a ticket where there is none; else say there what has happened, and close it with the incident."""
    job = ticket_job(change.incident, tracker, moment)
    if job is None:
        return
    if job is Job.TICKET_OPEN:
        put(change, Ticket(tracker=tracker))
        change.record("ticket_asked", tracker=tracker)
    change.effects.append(Track(tracker=tracker, job=job, step=step, because=f"it was {moment}"))


def ticket_job(incident: Incident, tracker: str, moment: str) -> Job | None:
    """Return what a moment of an incident means for its ticket; None: there is none, and none is opened any more."""
    ticket = acting_of(incident).ticket(tracker)
    if ticket is None or ticket.state is TicketState.FAILED:
        return None if moment == Moment.RESOLVED else Job.TICKET_OPEN
    jobs = {Moment.RESOLVED.value: Job.TICKET_CLOSE, Moment.OPENED.value: Job.TICKET_UPDATE}
    return jobs.get(moment, Job.TICKET_COMMENT)


def act_on_item(change: Change, item: Item) -> None:
    """A ticket of its own for an action item, closed when that is done."""
    incident, about = change.incident, f"item-{item.number}"
    because = f"action item {item.number}: {item.text}"
    for number, action in enumerate(incident.plan.actions, start=1):
        if ITEM not in action.at or incident.drill or not _is_for(incident, action, incident.flags):
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
    """Put it before a person, in place of an older draft of the same."""
    _forget_drafts(change, lambda draft: draft.action != action)
    acting = acting_of(change.incident)
    number = acting.drafted + 1
    draft = Draft(number=number, action=action, moment=moment, at=change.now)
    _put(change, structs.replace(acting, drafted=number, drafts=(*acting.drafts, draft)))
    targets = tuple(dict.fromkeys((*owners.communication_lead(change.incident), *change.incident.plan.announce)))
    change.record("drafted", draft=number, what=action.what, targets=list(action.targets))
    _tell(change, f"{DRAFT_STEP}{number}", targets, because_draft(change.incident.number, draft))


def confirmed(change: Change, event: Confirmed) -> None:
    """A person has read a draft, perhaps changed it, and wants it done: what goes out is what was read.

    Raises:
        UnknownName: No draft of that number waits.
        InvalidValue: It is a message, and says nothing.
    """
    draft = _waiting(change, event.draft)
    action = draft.action
    if action.verb is Verb.MESSAGE and not event.text.strip():
        raise InvalidValue(f"draft {draft.number} is a message to {', '.join(action.to)}: it needs words")
    _forget_drafts(change, lambda other: other.number != draft.number)
    what, targets = action.what, list(action.targets)
    change.record("confirmed", event.by, draft=draft.number, what=what, targets=targets, text=event.text)
    heard(change)
    _do(change, action, draft.moment, Worded(draft=draft.number))


def discarded(change: Change, event: Discarded) -> None:
    """A person wants none of it.

    Raises:
        UnknownName: No draft of that number waits.
    """
    draft = _waiting(change, event.draft)
    _forget_drafts(change, lambda other: other.number != draft.number)
    change.record("discarded", event.by, draft=draft.number, what=draft.action.what, reason=event.reason)
    heard(change)


def _waiting(change: Change, number: int) -> Draft:
    acting = acting_of(change.incident)
    draft = acting.draft(number)
    if draft is None:
        known = ", ".join(str(each.number) for each in acting.drafts) or "none waits"
        raise UnknownName(f"incident {change.incident.number} has no draft {number} that waits for a word ({known})")
    return draft


def settled(change: Change, event: TicketSettled) -> None:
    """What was asked of a tracker has been done, or never will be."""
    ticket = acting_of(change.incident).ticket(event.tracker, event.about)
    change.quiet = True
    if ticket is None:
        return
    if event.outcome is RowState.DEAD:
        change.quiet = False  # the incident's followers learn that its ticket does not
        change.record("ticket_refused", tracker=event.tracker, job=event.job, detail=event.detail)
        if event.job is Job.TICKET_OPEN:
            put(change, structs.replace(ticket, state=TicketState.FAILED))
    elif event.job is Job.TICKET_OPEN and event.ref:
        change.quiet = False
        opened = structs.replace(
            ticket, state=TicketState.OPEN, ref=event.ref, shown=event.shown or event.ref, url=event.url
        )
        put(change, opened)
        change.record("ticket", tracker=event.tracker, ticket=opened.shown, url=opened.url)
        if opened.about:
            change.quiet = True
            return
        _act(change, TICKETED, change.incident.flags)
    elif event.job is Job.TICKET_CLOSE:
        put(change, structs.replace(ticket, state=TicketState.CLOSED))
        change.record("ticket_closed", tracker=event.tracker, ticket=ticket.shown)
    elif event.job is Job.TICKET_UPDATE and ticket.state is TicketState.CLOSED and change.incident.is_open:
        put(change, structs.replace(ticket, state=TicketState.OPEN))
        change.record("ticket_reopened", tracker=event.tracker, ticket=ticket.shown)


def acting_of(incident: Incident) -> Acting:
    """How far its actions have gone."""
    return incident.acting or NOTHING


def put(change: Change, ticket: Ticket) -> None:
    """Keep what an incident has in one tracker."""
    acting = acting_of(change.incident)
    others = tuple(other for other in acting.tickets if (other.tracker, other.about) != (ticket.tracker, ticket.about))
    _put(change, structs.replace(acting, tickets=(*others, ticket)))


def _forget_drafts(change: Change, keeps: Callable[[Draft], bool]) -> None:
    acting = acting_of(change.incident)
    kept = tuple(draft for draft in acting.drafts if keeps(draft))
    if kept != acting.drafts:
        _put(change, structs.replace(acting, drafts=kept))


def _put(change: Change, acting: Acting) -> None:
    change.set(acting=acting if acting != NOTHING else None)
