"""The life of an incident: one table of transitions, the only code that changes an incident.

Rule 1: an incident changes only through `step`. Each entry of `TRANSITIONS` names
the handler of one event in one state; the handlers are in ``transitions/`` and are
called from nowhere else. Rule 2: nothing here depends on a clock, a person or a
channel: ``now`` is an argument, targets are names, and everything to be done is
returned as effects. An event that the state does not allow raises
`IllegalTransition` and changes nothing.

        opened            due (pages)                acknowledge
    ----------> pending ---------------> triggered --------------> acknowledged
                   |                       |   ^                     |   |
                   | due (healed)          |   '---------------------'   |
                   v                       v     acknowledgment ends     v
                   '-------------------> resolved <----------------------'
                                           |   ^ all alerts resolved and the hold-down over,
              opened (next occurrence) <---'     or by a person

A person may snooze an incident that has paged. A snoozed incident counts as acknowledged,
and its ladder waits until the snooze ends; then it is triggered again.

All due times of an incident are stored in the incident itself; `next_due`
returns the smallest of them.
"""

from collections.abc import Callable

from tocsin.core.alerts.subject import Subject, subject_fields
from tocsin.core.errors import IllegalTransition
from tocsin.core.incident.effect import Effect
from tocsin.core.incident.event import (
    Actor,
    AlertsChanged,
    CopiesHeld,
    Delivered,
    Due,
    Event,
    MergedWith,
    MethodFailed,
    Opened,
    PersonsCalled,
    RecoveryDoubted,
    RoomSettled,
    ShiftBegan,
    StormGrew,
    StormLooked,
    TicketSettled,
    WaitBegan,
    WaitEnded,
)
from tocsin.core.incident.incident import Incident, State, Storm
from tocsin.core.incident.response import DeclaredResponse
from tocsin.core.incident.sla import next_follow_up, next_promise
from tocsin.core.incident.timeline.notifications import DELIVERED
from tocsin.core.incident.transitions import (
    acting,
    alerts,
    doubting,
    duties,
    facts,
    followups,
    merging,
    opening,
    promises,
    reach,
    refusals,
    responses,
    rooms,
    severity,
    storms,
    tickets,
    waiting,
    work,
)
from tocsin.core.incident.transitions.change import PAGED, Change, MustWait, nothing
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.typed_replace import replace

Handler = Callable[[Change, Event], None]


def step(
    incident: Incident, event: Event, now: int, must_wait: MustWait = nothing, *, behind: int = 0
) -> tuple[Incident, tuple[Effect, ...]]:
    """Return the incident after an event, and the effects to carry out.

    ``must_wait`` is called at most once, before a notification that no person has requested. ``behind``: the time in
    microseconds from tocsin's receipt of the event to ``now``, for which notifications are late.

    Raises:
        IllegalTransition: The incident's state does not allow this event.
        InvalidValue: A value of the event cannot be used, such as a severity that the incident's plan does not have.
    """
    handler = TRANSITIONS.get((incident.state, type(event)))
    if handler is None:
        raise IllegalTransition(refusals.refusal(incident, _RESPONSE_TO.get(type(event))))
    change = Change(incident, now, must_wait, behind)
    handler(change, event)
    if change.effects:
        promises.meet_answered(change, event)
    by = getattr(event, "by", None)
    if isinstance(by, Actor):
        reach.responded(change, by)
    acting.afterwards(change)
    duties.afterwards(change)
    return change.result()


def next_due(incident: Incident) -> int | None:
    """Return the earliest time at which anything about the incident is due, or None."""
    if incident.state is State.RESOLVED:
        due_at = _earlier(
            _earlier(incident.grace_until, rooms.next_due(incident)), next_follow_up(incident.obligations)
        )
    elif incident.state is State.PENDING:
        due_at = incident.pending_until
    elif incident.resolve_at is not None:
        due_at = incident.resolve_at
        if not incident.waits:
            due_at = _earlier(due_at, next_follow_up(incident.obligations))
    elif incident.is_held_back:
        due_at = min((wait.until for wait in incident.waits if wait.until is not None), default=None)
        if incident.ladder_state is not None and incident.ladder_state.snooze is not None:
            due_at = _earlier(due_at, incident.ladder_state.snooze.until)
            due_at = due_at if incident.waits else _earlier(due_at, _promised_at(incident))
    else:
        step_at = incident.ladder[0].due_at if incident.ladder else None
        method_at = incident.contact_attempts.due_at if incident.contact_attempts is not None else None
        due_at = _earlier(_earlier(step_at, method_at), _earlier(incident.fallback_at, _promised_at(incident)))
        if incident.ladder_state is not None:
            due_at = _earlier(due_at, incident.ladder_state.due_at)
    if incident.acting is not None:
        due_at = _earlier(due_at, incident.acting.number_by)
    look_at = incident.storm.look_at if incident.storm is not None else None
    if incident.doubt is not None:
        look_at = _earlier(look_at, incident.doubt.look_at)
    return _earlier(_earlier(due_at, incident.believe_at), _earlier(incident.digest_at, look_at))


def _promised_at(incident: Incident) -> int | None:
    """Return the next time at which a promise is breached or a reminder is due."""
    follow_up_at = next_follow_up(incident.obligations)
    if incident.drill:
        return follow_up_at
    is_fresh = incident.obligations is None and incident.state is State.TRIGGERED
    if not incident.plan.has_level(incident.severity):  # a damaged row, reported by the code that evaluates it
        return follow_up_at
    obligations = None if is_fresh else promises.obligations_of(incident)
    if obligations is not None and incident.state is State.SNOOZED:
        obligations = replace(obligations, update_by=None)
    return _earlier(next_promise(obligations, incident.plan.level(incident.severity), incident.opened_at), follow_up_at)


def _earlier(first: int | None, second: int | None) -> int | None:
    if first is None:
        return second
    return first if second is None or first < second else second


def unopened(  # noqa: PLR0913 - the fields that identify an incident, each passed by keyword
    *,
    incident_id: str,
    number: int,
    dedup_key: str,
    plan: Playbook,
    subject: Subject,
    now: int,
    resolve_after: int | None = None,
    unrouted: bool = False,
    unplaced: str = "",
    linked_to: str | None = None,
    storm: Storm | None = None,
    by_hand: bool = False,
) -> Incident:
    """Return a new incident before its first event; `Opened` starts its first occurrence."""
    return Incident(
        id=incident_id,
        number=number,
        dedup_key=dedup_key,
        plan=plan,
        **subject_fields(subject),
        resolve_after=resolve_after,
        unrouted=unrouted,
        unplaced=unplaced,
        linked_to=linked_to,
        storm=storm,
        by_hand=by_hand,
        first_opened_at=now,
        state=State.RESOLVED,
        severity=plan.unrouted,
        peak=plan.unrouted,
        occurrence=0,
        opened_at=now,
        clock_at=now,
    )


def _delivered(change: Change, event: Delivered) -> None:
    change.quiet = True
    change.record(
        DELIVERED[event.outcome](
            target=event.target,
            channel=event.channel,
            job=event.kind,
            step=event.step,
            detail=event.detail,
            late=event.late,
        )
    )


def _table() -> dict[tuple[State, type[Event]], Handler]:
    rows: list[tuple[tuple[State, ...], type[Event], Callable[..., None]]] = [
        ((State.RESOLVED,), Opened, opening.opened),
        ((State.PENDING,), AlertsChanged, alerts.pending_alerts_changed),
        (PAGED, AlertsChanged, alerts.alerts_changed),
        ((State.RESOLVED,), AlertsChanged, alerts.resolved_alerts_changed),
        (tuple(State), CopiesHeld, alerts.copies_held),
        (PAGED, RecoveryDoubted, doubting.doubted),
        ((State.PENDING,), Due, opening.pending_due),
        (PAGED, Due, opening.paged_due),
        ((State.RESOLVED,), Due, opening.resolved_due),
        (PAGED, StormGrew, storms.storm_grew),
        ((*PAGED, State.RESOLVED), StormLooked, storms.storm_looked),
        (PAGED, WaitBegan, waiting.wait_began),
        (PAGED, WaitEnded, waiting.wait_ended),
        (PAGED, PersonsCalled, reach.persons_called),
        (PAGED, MethodFailed, reach.method_failed),
        (PAGED, ShiftBegan, reach.shift_began),
        (tuple(State), RoomSettled, rooms.settled),
        (tuple(State), MergedWith, merging.merged_with),
        (tuple(State), TicketSettled, tickets.settled),
        (tuple(State), Delivered, _delivered),
    ]
    rows += [(states, each.event, handler) for each in RESPONSES for states, handler in each.handlers]
    return {(state, event): handler for states, event, handler in rows for state in states}


RESPONSES: tuple[DeclaredResponse, ...] = (
    *responses.RESPONSES,
    *severity.RESPONSES,
    *work.RESPONSES,
    *followups.RESPONSES,
    *duties.RESPONSES,
    *facts.RESPONSES,
    *merging.RESPONSES,
    *acting.RESPONSES,
)
"""The responses of people, in the order in which the API lists them."""

_RESPONSE_TO = {each.event: each for each in RESPONSES}

TRANSITIONS = _table()
"""(state, type of event) -> handler. No other combination is allowed."""
