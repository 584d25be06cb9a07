"""The life of an incident: one table of transitions, and nothing that changes an incident outside it.

Rule 1: an incident changes through `step`, and what an event does is in the rows
of `TRANSITIONS`; the handlers that they name live in ``transitions/`` and are
called from nowhere else. Rule 2: nothing here knows a clock, a person or a
channel: ``now`` comes with the event, targets are names, and what is to be done
comes out as effects. An event that a state does not allow raises and changes
nothing.

        opened            due (pages)                acknowledge
    ----------> pending ---------------> triggered --------------> acknowledged
                   |                       |   ^                     |   |
                   | due (healed)          |   '---------------------'   |
                   v                       v     rises above the ack     v
                   '-------------------> resolved <----------------------'
                                           |   ^ all alerts resolved and the hold-down over,
              opened (next occurrence) <---'     or by a person

A person may snooze what was triggered: ``snoozed`` is acknowledged, and nothing
fires until the time is over, which makes it triggered again.

Every moment at which something about an incident is due is in the incident
itself; `next_due` is the smallest of them.
"""

from collections.abc import Callable

import msgspec

from tocsin.core.clock import next_duty, next_promise
from tocsin.core.effect import Effect
from tocsin.core.errors import IllegalTransition
from tocsin.core.event import (
    Acknowledge,
    Actor,
    AlertsChanged,
    Confirmed,
    CopiesHeld,
    Declare,
    Delivered,
    Discarded,
    Due,
    Escalate,
    Event,
    ItemAdded,
    ItemDone,
    Linked,
    MergedInto,
    MergedWith,
    MethodFailed,
    NoteAdded,
    Opened,
    PersonsCalled,
    PostMortemDone,
    RecoveryDoubted,
    Replan,
    Resolve,
    RoleTaken,
    RoomSettled,
    SetFacts,
    SetFlags,
    SetSeverity,
    ShiftBegan,
    Snooze,
    StatusSet,
    StormGrew,
    StormLooked,
    Ticked,
    TicketSettled,
    Unsnooze,
    UpdatePosted,
    WaitBegan,
    WaitEnded,
)
from tocsin.core.incident import OPEN, Incident, State, Storm
from tocsin.core.playbook import Playbook
from tocsin.core.transitions import (
    acting,
    alerts,
    doubting,
    duties,
    facts,
    merging,
    opening,
    promises,
    reach,
    refusals,
    responses,
    rooms,
    severity,
    storms,
    waiting,
    work,
)
from tocsin.core.transitions.change import PAGED, Change

Handler = Callable[[Change, Event], None]


def step(incident: Incident, event: Event, now: int) -> tuple[Incident, tuple[Effect, ...]]:
    """What an event makes of an incident, and what is to be done about it.

    Raises:
        IllegalTransition: The incident's state does not allow this event.
        UnknownName: The event names a severity that the incident's plan does not have.
    """
    handler = TRANSITIONS.get((incident.state, type(event)))
    if handler is None:
        raise IllegalTransition(refusals.refusal(incident, event))
    change = Change(incident, now)
    handler(change, event)
    if change.effects:
        promises.heard(change, event)
    by = getattr(event, "by", None)
    if isinstance(by, Actor):
        reach.responded(change, by)
    acting.afterwards(change)
    return change.result()


def next_due(incident: Incident) -> int | None:
    """The earliest moment at which anything about the incident is due; None: nothing will ever be."""
    if incident.state is State.RESOLVED:
        due_at = _earlier(_earlier(incident.grace_until, rooms.next_due(incident)), next_duty(incident.clock))
    elif incident.state is State.PENDING:
        due_at = incident.pending_until
    elif incident.resolve_at is not None:
        due_at = incident.resolve_at
    elif incident.is_held_back:
        due_at = min((wait.until for wait in incident.waits if wait.until is not None), default=None)
        if incident.standing is not None and incident.standing.snooze is not None:
            due_at = _earlier(due_at, incident.standing.snooze.until)
            due_at = due_at if incident.waits else _earlier(due_at, _promised_at(incident))
    else:
        step_at = incident.ladder[0].due_at if incident.ladder else None
        method_at = incident.reaching.due_at if incident.reaching is not None else None
        due_at = _earlier(_earlier(step_at, method_at), _earlier(incident.fallback_at, _promised_at(incident)))
        if incident.standing is not None:
            due_at = _earlier(due_at, incident.standing.due_at)
    look_at = incident.storm.look_at if incident.storm is not None else None
    if incident.doubt is not None:
        look_at = _earlier(look_at, incident.doubt.look_at)
    return _earlier(_earlier(due_at, incident.believe_at), _earlier(incident.digest_at, look_at))


def _promised_at(incident: Incident) -> int | None:
    """When a target is breached, or somebody is to be reminded."""
    duty_at = next_duty(incident.clock)
    if incident.drill:
        return duty_at
    is_fresh = incident.clock is None and incident.state is State.TRIGGERED
    if not incident.plan.has_level(incident.severity):  # a damaged row: whoever judges it says so
        return duty_at
    clock = None if is_fresh else promises.clock_of(incident)
    if clock is not None and incident.state is State.SNOOZED:
        clock = msgspec.structs.replace(clock, update_by=None)
    return _earlier(next_promise(clock, incident.plan.level(incident.severity), incident.opened_at), duty_at)


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None:
        return other
    return one if other is None or one < other else other


def unopened(  # noqa: PLR0913 - an incident's identity is that many things, each named at the call
    *,
    incident_id: str,
    number: int,
    dedup_key: str,
    plan: Playbook,
    title: str,
    service: str,
    now: int,
    team: str = "",
    summary: str = "",
    runbook: str = "",
    automation: str = "",
    resolve_after: int | None = None,
    unrouted: bool = False,
    linked_to: str | None = None,
    storm: Storm | None = None,
    by_hand: bool = False,
) -> Incident:
    """An incident that nothing has happened to yet: `Opened` starts its first occurrence."""
    return Incident(
        id=incident_id,
        number=number,
        dedup_key=dedup_key,
        plan=plan,
        title=title,
        service=service,
        team=team,
        summary=summary,
        runbook=runbook,
        automation=automation,
        resolve_after=resolve_after,
        unrouted=unrouted,
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
        event.outcome,
        target=event.target,
        channel=event.channel,
        job=event.kind,
        step=event.step,
        detail=event.detail,
        late=event.late,
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
        ((State.PENDING, State.TRIGGERED), Acknowledge, responses.acknowledge),
        ((State.ACKNOWLEDGED,), Acknowledge, responses.acknowledge_again),
        ((State.SNOOZED,), Acknowledge, responses.acknowledge_snoozed),
        ((State.RESOLVED,), Acknowledge, responses.acknowledge_late),
        (PAGED, Snooze, responses.snooze),
        ((State.SNOOZED,), Unsnooze, responses.unsnooze),
        (OPEN, Resolve, responses.resolve),
        ((State.RESOLVED,), Resolve, responses.resolve_again),
        (OPEN, Escalate, responses.escalate),
        (OPEN, SetSeverity, severity.set_severity),
        (OPEN, Replan, severity.replan),
        (OPEN, SetFlags, responses.set_flags),
        (PAGED, StormGrew, storms.storm_grew),
        ((*PAGED, State.RESOLVED), StormLooked, storms.storm_looked),
        (PAGED, WaitBegan, waiting.wait_began),
        (PAGED, WaitEnded, waiting.wait_ended),
        ((State.TRIGGERED, State.ACKNOWLEDGED, State.SNOOZED), Declare, work.declare),
        (tuple(State), NoteAdded, work.add_note),
        ((State.TRIGGERED, State.ACKNOWLEDGED, State.SNOOZED), UpdatePosted, work.post_update),
        (OPEN, StatusSet, work.set_status),
        (tuple(State), RoleTaken, work.take_role),
        (tuple(State), Ticked, work.tick),
        ((State.RESOLVED,), PostMortemDone, duties.post_mortem_done),
        (tuple(State), ItemAdded, duties.item_added),
        (tuple(State), ItemDone, duties.item_done),
        (PAGED, PersonsCalled, reach.persons_called),
        (PAGED, MethodFailed, reach.method_failed),
        (PAGED, ShiftBegan, reach.shift_began),
        (tuple(State), SetFacts, facts.set_facts),
        (tuple(State), RoomSettled, rooms.settled),
        (OPEN, MergedInto, merging.merged_into),
        (tuple(State), MergedWith, merging.merged_with),
        (tuple(State), Linked, merging.linked),
        (tuple(State), Confirmed, acting.confirmed),
        (tuple(State), Discarded, acting.discarded),
        (tuple(State), TicketSettled, acting.settled),
        (tuple(State), Delivered, _delivered),
    ]
    return {(state, event): handler for states, event, handler in rows for state in states}


TRANSITIONS = _table()
"""(state, event) -> what it does. What is not in here is not allowed."""
