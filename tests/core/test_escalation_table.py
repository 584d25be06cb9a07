"""The transition table is complete: each pair of state and event is handled, or refused without a change."""

import msgspec
import pytest

from tocsin.core.alerts.subject import Subject
from tocsin.core.duration import MINUTE
from tocsin.core.errors import IllegalTransition, UnknownLevel
from tocsin.core.incident.contact_attempts import Called, Later
from tocsin.core.incident.escalation import TRANSITIONS, next_due, step, unopened
from tocsin.core.incident.event import (
    Acknowledge,
    Actor,
    AlertsChanged,
    CompleteDuty,
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
    MoveMeeting,
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
    TakeOver,
    Ticked,
    TicketSettled,
    Unsnooze,
    UpdatePosted,
    WaitBegan,
    WaitEnded,
    WaiveDuty,
)
from tocsin.core.incident.incident import TAKEN, Incident, Merged, State, Wait, WaitReason
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.playbook.actions import Acting, Draft, PlaybookAction, Ticket, Verb
from tocsin.core.playbook.duties import Meeting, PlaybookDuty
from tocsin.core.playbook.playbook import Cell, Duties, Kind, Level, Playbook, Tier, Until
from tocsin.core.playbook.roles import Checklist, Role

NOW = 1_000 * MINUTE
ALICE = Actor("alice", "api")
WINDOW = Wait(WaitReason.WINDOW, "db-upgrade", NOW + 60 * MINUTE)


def playbook() -> Playbook:
    """Two levels that page and one that informs."""
    high = Level(
        "high",
        0,
        15 * MINUTE,
        240 * MINUTE,
        (
            Cell(tier=1, nth=1, after=0, targets=("one",)),
            Cell(tier=1, nth=2, after=15 * MINUTE, targets=("one",)),
            Cell(tier=2, nth=1, after=30 * MINUTE, until=Until.RESOLVED, targets=("two",)),
            Cell(tier=3, nth=1, flags=("breach",), until=Until.RESOLVED, targets=("three",)),
        ),
        update_every=30 * MINUTE,
        post_mortem_within=48 * 60 * MINUTE,
    )
    middle = Level(
        "middle",
        1,
        60 * MINUTE,
        None,
        (
            Cell(tier=1, nth=1, after=0, targets=("one",)),
            Cell(tier=2, nth=1, after=20 * MINUTE, targets=("two",)),
            Cell(tier=3, nth=1, after=50 * MINUTE, until=Until.RESOLVED, targets=("three",)),
        ),
        update_every=40 * MINUTE,
    )
    low = Level("low", 2, 240 * MINUTE, None, (Cell(tier=1, nth=1, kind=Kind.UPDATE, after=0, targets=("one",)),))
    return Playbook(
        statuses=("Investigating", "Monitoring"),
        roles=(Role(key="scribe", name="Scribe"),),
        checklists=(Checklist(key="start", items=("Look", "Tell")),),
        name="test",
        title="Test",
        levels=(high, middle, low),
        tiers=(Tier(1, "One", ("one",)), Tier(2, "Two", ("two",)), Tier(3, "Three", ("three",))),
        unrouted="middle",
        flags=("breach",),
    )


def fresh() -> Incident:
    return unopened(
        incident_id="id",
        number=1,
        dedup_key="key",
        plan=playbook(),
        subject=Subject(title="Down", service="shop"),
        now=NOW,
    )


CALL = PlaybookDuty(name="call", text="Call", since="acknowledged", within=60 * MINUTE, meeting=Meeting())
DUTY = IncidentDuty(
    name="call",
    text="Call",
    since="acknowledged",
    severity="high",
    occurrence=1,
    asked_at=NOW,
    due_at=NOW + 72 * 60 * MINUTE,
    remind_at=NOW + 48 * 60 * MINUTE,
)
CALLED = Called("one", "1.1", 1, 1, Until.ACKNOWLEDGED, "opened", (Later(2, NOW + 2 * MINUTE),))

EVENTS: list[Event] = [
    Opened(fired=("high",)),
    AlertsChanged(fired=("high",)),
    CopiesHeld(until=NOW + MINUTE),
    RecoveryDoubted(source="default", look_at=NOW + MINUTE),
    Due(),
    Acknowledge(by=ALICE),
    Snooze(by=ALICE, until=NOW + 60 * MINUTE),
    Unsnooze(by=ALICE),
    Replan(by=ALICE, plan=msgspec.structs.replace(playbook(), title="Another")),
    TakeOver(by=Actor("bob", "api")),
    Resolve(by=ALICE),
    Escalate(by=ALICE),
    SetSeverity(by=ALICE, severity="low"),
    SetFlags(by=ALICE, add=("breach",)),
    Declare(by=ALICE),
    NoteAdded(by=ALICE, text="restarted it"),
    UpdatePosted(by=ALICE, text="half of it works"),
    StatusSet(by=ALICE, status="Monitoring"),
    RoleTaken(by=ALICE, role="scribe", person="alice"),
    Ticked(by=ALICE, checklist="start", number=1),
    PostMortemDone(by=ALICE),
    ItemAdded(by=ALICE, text="mend it for good", kind="immediate"),
    ItemDone(by=ALICE, number=1),
    CompleteDuty(by=ALICE, duty="call"),
    WaiveDuty(by=ALICE, duty="call", reason="not needed"),
    MoveMeeting(by=ALICE, duty="call", at=NOW + 20 * MINUTE),
    Delivered(target="one", channel="console", kind="page", step="1.1", outcome="sent"),
    SetFacts(by=ALICE, facts={"cause": "a full disk"}),
    RoomSettled(job=Job.PAGE, outcome=RowState.DEAD),
    WaitBegan(wait=WINDOW),
    WaitEnded(reason=WINDOW.reason, by=WINDOW.by),
    SetFacts(by=ALICE, facts={"root_cause": "a full disk"}),
    RoomSettled(job=Job.ROOM_CREATE, outcome=RowState.SENT, id="C1", name="incident-1"),
    MergedInto(by=ALICE, merged=Merged(into="other", number=2)),
    MergedWith(by=ALICE, number=2),
    Linked(by=ALICE, number=2),
    Confirmed(by=ALICE, draft=1, text="sorry"),
    Discarded(by=ALICE, draft=1),
    TicketSettled(tracker="jira", job=Job.TICKET_OPEN, outcome=RowState.SENT, ref="7", shown="OPS-7"),
    StormGrew(joined=1),
    StormLooked(look_at=NOW),
    PersonsCalled(called=(CALLED,)),
    MethodFailed(person="one", because="the pager is down"),
    ShiftBegan(rotation="on-call", at=NOW, notified=("two",)),
]


def in_state(state: State) -> Incident:
    hold = 2 * MINUTE if state is State.PENDING else 0
    incident, _ = step(fresh(), Opened(fired=("high",), hold=hold), NOW)
    incident, _ = step(incident, ItemAdded(by=ALICE, text="mend it", kind="immediate"), NOW)
    draft = Draft(number=1, action=PlaybookAction(at=("opened",), verb=Verb.MESSAGE, what="x"), moment="opened", at=NOW)
    incident = msgspec.structs.replace(incident, acting=Acting(tickets=(Ticket(tracker="jira"),), drafts=(draft,)))
    owed = msgspec.structs.replace(incident.obligations, duties=(DUTY,))
    plan = msgspec.structs.replace(incident.plan, duties=Duties(required=(CALL,)))
    incident = msgspec.structs.replace(incident, obligations=owed, plan=plan)
    if state is State.ACKNOWLEDGED:
        incident, _ = step(incident, Acknowledge(by=ALICE), NOW)
    elif state is State.SNOOZED:
        incident, _ = step(incident, Snooze(by=ALICE, until=NOW + 60 * MINUTE), NOW)
    elif state is State.RESOLVED:
        incident, _ = step(incident, Resolve(by=ALICE), NOW)
    assert incident.state is state
    return incident


REFUSED = {
    *((state, Opened) for state in State if state is not State.RESOLVED),
    *((state, TakeOver) for state in State if state not in TAKEN),
    (State.RESOLVED, Escalate),
    (State.RESOLVED, Replan),
    *((state, Snooze) for state in (State.PENDING, State.RESOLVED)),
    *((state, Unsnooze) for state in State if state is not State.SNOOZED),
    (State.RESOLVED, SetSeverity),
    (State.RESOLVED, SetFlags),
    *((state, event) for state in (State.PENDING, State.RESOLVED) for event in (WaitBegan, WaitEnded)),
    *((state, RecoveryDoubted) for state in (State.PENDING, State.RESOLVED)),
    *((state, StormGrew) for state in (State.PENDING, State.RESOLVED)),
    *(
        (state, event)
        for state in (State.PENDING, State.RESOLVED)
        for event in (PersonsCalled, MethodFailed, ShiftBegan)
    ),
    (State.PENDING, StormLooked),
    *((state, event) for state in (State.PENDING, State.RESOLVED) for event in (Declare, UpdatePosted)),
    (State.RESOLVED, StatusSet),
    (State.RESOLVED, MergedInto),
    *((state, PostMortemDone) for state in State if state is not State.RESOLVED),
}


def test_every_event_is_tried() -> None:
    assert {type(event) for event in EVENTS} == {*Event.__subclasses__()}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_each_pair_is_allowed_or_refused(state: State, event: Event) -> None:
    incident = in_state(state)
    before = msgspec.structs.asdict(incident)
    assert ((state, type(event)) not in TRANSITIONS) is ((state, type(event)) in REFUSED)
    if (state, type(event)) in REFUSED:
        with pytest.raises(IllegalTransition, match=f"incident 1 is {state}: cannot ") as refused:
            step(incident, event, NOW)
        name = type(event).__name__
        assert name.lower() not in str(refused.value).lower() or name.istitle(), "no name of a class is shown"
    else:
        after, effects = step(incident, event, NOW)
        assert after is incident or after.version == incident.version + 1
        assert (after is incident) <= (effects == ())
    assert msgspec.structs.asdict(incident) == before


def test_an_event_that_fails_changes_nothing() -> None:
    incident = in_state(State.TRIGGERED)
    before = msgspec.structs.asdict(incident)
    with pytest.raises(UnknownLevel, match="no severity 'purple'"):
        step(incident, SetSeverity(by=ALICE, severity="purple"), NOW)
    assert msgspec.structs.asdict(incident) == before


def test_nothing_is_due_once_it_is_resolved_for_good() -> None:
    incident, _ = step(in_state(State.TRIGGERED), AlertsChanged(ended=("high",)), NOW)
    assert next_due(incident) == NOW + 2 * MINUTE
    incident, _ = step(incident, Due(), NOW + 2 * MINUTE)
    assert (incident.state, next_due(incident)) == (State.RESOLVED, NOW + 2 * MINUTE + 24 * 60 * MINUTE)
    for done in (PostMortemDone(by=ALICE), ItemDone(by=ALICE, number=1), CompleteDuty(by=ALICE, duty="call")):
        incident, _ = step(incident, done, NOW + 3 * MINUTE)
    assert next_due(incident) is None


def test_due_before_its_time_does_nothing() -> None:
    for state in State:
        incident = in_state(state)
        due_at = next_due(incident)
        if due_at is not None:
            after, effects = step(incident, Due(), due_at - 1)
            assert (after, effects) == (incident, ())
