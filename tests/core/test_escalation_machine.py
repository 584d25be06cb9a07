"""The ladder's invariants hold for any sequence of events."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.test_escalation_table import ALICE, NOW, fresh
from tocsin.core.duration import DAY, MINUTE
from tocsin.core.incident.effect import Breached, Effect, Notify, Record
from tocsin.core.incident.escalation import TRANSITIONS, next_due, step
from tocsin.core.incident.event import (
    Acknowledge,
    Actor,
    AlertsChanged,
    CopiesHeld,
    Due,
    Escalate,
    Event,
    ItemAdded,
    ItemDone,
    Opened,
    PostMortemDone,
    RecoveryDoubted,
    Resolve,
    SetFlags,
    SetSeverity,
    Snooze,
    Unsnooze,
    WaitBegan,
    WaitEnded,
)
from tocsin.core.incident.incident import TAKEN, Incident, State, Wait, WaitReason
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.outbox import DIGEST
from tocsin.core.incident.sla import MOST_ITEMS, REMINDED_FOR, Item, Obligations, duty_named, stays_true
from tocsin.core.incident.timeline.notifications import PromiseBreached
from tocsin.core.incident.transitions.change import PAGED
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.core.playbook.playbook import Until

SEVERITIES = st.sampled_from(["high", "middle", "low"])
PEOPLE = st.sampled_from([ALICE, Actor("bob", "slack"), Actor("robot", "api", is_person=False)])
WAITS = st.integers(0, 90 * MINUTE)
REASONS = st.tuples(st.sampled_from(WaitReason), st.sampled_from(["7", "8"]))


class Life(RuleBasedStateMachine):
    """One incident, with the clock, its alerts and its people."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.incident: Incident = self.start()
        self.firing: list[str] = []
        self.notified: set[tuple[int, int, str, str]] = set()
        self.breached: set[tuple[int, str]] = set()
        self.seq = 0

    def start(self) -> Incident:
        return fresh()

    def happen(self, event: Event, waits: tuple[Wait, ...] = ()) -> None:
        """``waits``: what the engine has found that it has to wait for, if this lets it notify anyone."""
        asked = 0

        def must_wait(was: Incident, about_to_be: Incident) -> tuple[Wait, ...]:
            nonlocal asked
            asked += 1
            assert was is self.incident
            assert about_to_be is not was
            return waits

        self.follow(event, *step(self.incident, event, self.now, must_wait))
        assert asked <= 1
        assert not (asked and hasattr(event, "by") and not isinstance(event, WaitEnded)), "a person asks for people"

    def follow(self, event: Event, after: Incident, effects: tuple[Effect, ...]) -> None:
        before = self.incident
        if after is before:
            assert effects == ()
            return
        assert after.version == before.version + 1
        assert after.occurrence - before.occurrence in (0, 1)
        assert after.occurrence > before.occurrence or after.round >= before.round
        self.seq += sum(isinstance(effect, Record) for effect in effects)
        for effect in effects:
            self.check(after, event, effect)
        self.incident = after

    def check(self, after: Incident, event: Event, effect: Effect) -> None:
        if isinstance(effect, Breached):
            once_an_occurrence = (after.occurrence, effect.promise)
            assert once_an_occurrence not in self.breached, f"{once_an_occurrence} was told before"
            self.breached.add(once_an_occurrence)
            assert not (isinstance(event, Due) and after.waits), "no time goes by while its ladder waits"
        if isinstance(effect, Record) and isinstance(effect.entry, PromiseBreached):
            assert effect.entry.due_at <= self.now, "it was told early"
        if not isinstance(effect, Notify):
            return
        for target in effect.targets:
            once = (after.occurrence, after.round, effect.step, target)
            assert once not in self.notified, f"{once} was notified before"
            self.notified.add(once)
        assert effect.late >= 0
        if effect.step == DIGEST or stays_true(effect.step):
            return
        assert after.state is not State.RESOLVED
        if after.is_held_back:
            is_asked = isinstance(event, Escalate | SetFlags) or effect.step.endswith(("@declared", "@acknowledged"))
            assert is_asked, "its ladder is held back, and nobody has asked for this"
        if after.state in TAKEN and not isinstance(event, Acknowledge):
            assert effect.until is Until.RESOLVED, "it waits for an acknowledgment that has been given"

    def waits(self, data: st.DataObject) -> tuple[Wait, ...]:
        until = st.none() | st.integers(1, 30 * MINUTE).map(lambda wait: self.now + wait)
        one = st.builds(lambda key, until: Wait(*key, until), REASONS, until)
        return tuple(data.draw(st.lists(one, max_size=2, unique_by=lambda wait: (wait.reason, wait.by))))

    @initialize(severity=SEVERITIES, hold=st.sampled_from([0, 2 * MINUTE]), data=st.data())
    def open(self, severity: str, hold: int, data: st.DataObject) -> None:
        self.firing = [severity]
        self.happen(Opened(fired=(severity,), first_alert_at=self.now, hold=hold), self.waits(data))

    @precondition(lambda self: self.incident.state in PAGED)
    @rule(data=st.data())
    def have_to_wait(self, data: st.DataObject) -> None:
        for wait in self.waits(data):
            self.happen(WaitBegan(wait=wait))
            assert wait in self.incident.waits

    @precondition(lambda self: self.incident.waits)
    @rule(data=st.data())
    def wait_no_longer(self, data: st.DataObject) -> None:
        before = self.incident
        over = data.draw(st.sampled_from(before.waits))
        self.happen(WaitEnded(reason=over.reason, by=over.by))
        assert over not in self.incident.waits
        if self.incident.waits or self.incident.resolve_at is not None:
            return
        level = before.plan.level(before.severity)
        if level.business or self.incident.is_held_back:
            return
        if before.state is State.TRIGGERED and not before.reached and level.cell("1.1") is not None:
            assert self.incident.reached[:1] == (1,), "nobody had been notified: it begins at the first tier, now"
            assert self.incident.clock_at == self.now
        else:
            assert [p.cell for p in self.incident.ladder] in [
                [p.cell for p in before.ladder[skip:]] for skip in range(len(before.ladder) + 1)
            ], "it goes on where it was"

    @rule(wait=WAITS, data=st.data())
    def late(self, wait: int, data: st.DataObject) -> None:
        """Time goes on, and tocsin looks only at the end of it."""
        self.now += wait
        self.happen(Due(), self.waits(data) if self.incident.state is not State.RESOLVED else ())

    @rule(wait=WAITS)
    def in_time(self, wait: int) -> None:
        """Time goes on, and everything happens at its moment."""
        end = self.now + wait
        while (due_at := next_due(self.incident)) is not None and due_at <= end:
            self.now = max(self.now, due_at)
            self.happen(Due())
        self.now = end

    @rule(severity=SEVERITIES, count=st.integers(1, 6))
    def fire(self, severity: str, count: int) -> None:
        self.firing += [severity] * count
        severities = (severity,) * count
        if self.incident.state is State.RESOLVED:
            self.happen(Opened(fired=severities, first_alert_at=self.now))
        else:
            self.happen(AlertsChanged(fired=severities))

    @precondition(lambda self: self.firing)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.firing.remove(severity := data.draw(st.sampled_from(self.firing)))
        self.happen(AlertsChanged(ended=(severity,), last_end_at=self.now))

    @precondition(lambda self: self.firing)
    @rule(data=st.data(), severity=SEVERITIES)
    def move(self, data: st.DataObject, severity: str) -> None:
        self.firing.remove(old := data.draw(st.sampled_from(self.firing)))
        self.firing.append(severity)
        self.happen(AlertsChanged(moved=((old, severity),)))

    @precondition(lambda self: self.incident.state in PAGED)
    @rule(wait=st.integers(1, 5 * MINUTE), data=st.data())
    def doubt(self, wait: int, data: st.DataObject) -> None:
        before = self.incident
        self.happen(RecoveryDoubted(source="default", look_at=self.now + wait), self.waits(data))
        if before.resolve_at is None and before.doubt is None:
            assert self.incident == before, "nobody has said that it is over"
        else:
            assert self.incident.doubt is not None
            assert self.incident.is_open
            assert self.incident.resolve_at is None

    @rule(by=PEOPLE)
    def acknowledge(self, by: Actor) -> None:
        before = self.incident.state
        self.happen(Acknowledge(by=by))
        if before is State.SNOOZED and not by.is_person:  # an echo of our own, say
            assert self.incident.state is State.SNOOZED
        else:
            assert self.incident.state in (State.ACKNOWLEDGED, State.RESOLVED)

    @rule(by=PEOPLE)
    def resolve(self, by: Actor) -> None:
        self.happen(Resolve(by=by))
        assert self.incident.state is State.RESOLVED

    @precondition(lambda self: self.incident.is_open)
    @rule(event=st.sampled_from([Escalate(by=ALICE), SetFlags(by=ALICE, add=("breach",))]))
    def ask(self, event: Event) -> None:
        self.happen(event)

    @precondition(lambda self: self.incident.is_open)
    @rule(severity=st.none() | SEVERITIES)
    def pin(self, severity: str | None) -> None:
        self.happen(SetSeverity(by=ALICE, severity=severity))

    @rule(severity=st.sampled_from(["immediate", "long-term"]), due_in=st.none() | st.integers(0, 90 * MINUTE))
    def write_down(self, severity: str, due_in: int | None) -> None:
        if self.incident.obligations is None or len(self.incident.obligations.items) < MOST_ITEMS:
            due_at = None if due_in is None else self.now + due_in
            self.happen(ItemAdded(by=ALICE, text="mend it for good", kind=severity, due_at=due_at))

    @precondition(lambda self: self.incident.obligations is not None and self.incident.obligations.items)
    @rule(data=st.data())
    def do_what_was_written_down(self, data: st.DataObject) -> None:
        assert self.incident.obligations is not None
        number = data.draw(st.sampled_from([item.number for item in self.incident.obligations.items]))
        self.happen(ItemDone(by=ALICE, number=number))

    @precondition(lambda self: duty_named(self.incident.obligations, POST_MORTEM) is not None)
    @rule(waived=st.booleans())
    def finish_the_post_mortem(self, *, waived: bool) -> None:
        self.happen(PostMortemDone(by=ALICE, waived=waived, reason="a false alarm"))

    @invariant()
    def what_is_to_be_done_has_somebody_reminded_of_it(self) -> None:
        clock = self.incident.obligations or Obligations()
        left: list[Item | IncidentDuty] = [item for item in clock.items if item.done_at is None]
        for duty in clock.duties:
            assert self.incident.state is State.RESOLVED, "this playbook has only duties after the resolve"
            if duty.is_open:
                left.append(duty)
        assert all(each.remind_at is not None or self.now > each.due_at + REMINDED_FOR - 7 * DAY for each in left)

    @precondition(lambda self: self.incident.state in PAGED)
    @rule(by=PEOPLE, length=st.integers(1, 300 * MINUTE))
    def snooze(self, by: Actor, length: int) -> None:
        self.happen(Snooze(by=by, until=self.now + length))
        assert self.incident.state is State.SNOOZED

    @precondition(lambda self: self.incident.state is State.SNOOZED)
    @rule()
    def unsnooze(self) -> None:
        self.happen(Unsnooze(by=ALICE))
        assert self.incident.state is State.ACKNOWLEDGED

    @rule(wait=st.integers(1, 2 * MINUTE))
    def hold_copies(self, wait: int) -> None:
        self.happen(CopiesHeld(until=self.now + wait))

    @invariant()
    def the_alerts_are_counted(self) -> None:
        counted = {severity: self.firing.count(severity) for severity in set(self.firing)}
        assert self.incident.firing == counted

    @invariant()
    def the_ladder_is_in_order_and_fits_the_state(self) -> None:
        incident = self.incident
        assert [p.due_at for p in incident.ladder] == sorted(p.due_at for p in incident.ladder)
        level = incident.plan.level(incident.severity)
        cells = [level.cell(planned.cell) for planned in incident.ladder]
        assert all(cell is not None for cell in cells), "a step of another severity"
        if incident.state is State.RESOLVED:
            assert incident.ladder == ()
            assert incident.fallback_at is None
        if incident.state in TAKEN:
            assert all(cell is not None and cell.until is Until.RESOLVED for cell in cells)
            assert incident.fallback_at is None

    @invariant()
    def an_open_incident_never_falls_asleep(self) -> None:
        incident = self.incident
        if incident.occurrence == 0:
            return
        flapping = {wait.by for wait in incident.waits if wait.reason is WaitReason.FLAPPING} & {DIGEST}
        assert bool(flapping) <= (incident.digest_at is not None), "nothing would ever say that it has settled"
        if incident.waits:
            assert incident.state in PAGED
            look_at = incident.doubt.look_at if incident.doubt is not None else None
            ends = [wait.until for wait in incident.waits if wait.until is not None]
            if incident.ladder_state is not None and incident.ladder_state.snooze is not None:
                ends.append(incident.ladder_state.snooze.until)
            assert incident.resolve_at is not None or next_due(incident) == min(
                [*ends, *(at for at in (incident.believe_at, incident.digest_at, look_at) if at is not None)],
                default=None,
            )
        elif incident.state is State.TRIGGERED and incident.plan.level(incident.severity).pages:
            assert next_due(incident) is not None
        if incident.is_open and incident.state is not State.PENDING and not incident.alerts_firing:
            assert (incident.resolve_at is not None) is (incident.doubt is None)
        else:
            assert incident.doubt is None
        if incident.state is State.PENDING:
            assert incident.pending_until is not None

    @invariant()
    def snoozed_is_what_says_until_when(self) -> None:
        ladder_state = self.incident.ladder_state
        assert (self.incident.state is State.SNOOZED) == (ladder_state is not None and ladder_state.snooze is not None)
        if self.incident.state is State.SNOOZED:
            assert next_due(self.incident) is not None

    @invariant()
    def what_is_due_moves_on(self) -> None:
        """Letting happen what is due always leads to something later: the timers cannot spin."""
        incident, rounds = self.incident, 0
        while (due_at := next_due(incident)) is not None and due_at <= self.now:
            incident, _ = step(incident, Due(), self.now)
            rounds += 1
            assert rounds < 10

    @invariant()
    def its_times_are_in_order(self) -> None:
        incident = self.incident
        if incident.acknowledged_at is not None:
            assert incident.acknowledged_at >= incident.opened_at
        if incident.resolved_at is not None:
            assert incident.resolved_at >= incident.opened_at
        assert incident.first_opened_at <= incident.opened_at <= self.now


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase

TIMES = (
    "first_opened_at", "opened_at", "first_alert_at", "acknowledged_at", "resolved_at", "last_end_at", "clock_at",
    "taken_at",
    "person_acknowledged_at",
    "pending_until", "resolve_at", "fallback_at", "grace_until", "believe_at", "digest_at",
)  # fmt: skip

SCRIPT = st.lists(
    st.tuples(
        st.integers(0, 40 * MINUTE),
        st.one_of(
            st.just(Due()),
            st.builds(lambda severity: AlertsChanged(fired=(severity,)), SEVERITIES),
            st.builds(lambda severity: AlertsChanged(ended=(severity,)), SEVERITIES),
            st.builds(lambda by: Acknowledge(by=by), PEOPLE),
            st.builds(lambda by: Resolve(by=by), PEOPLE),
            st.just(Escalate(by=ALICE)),
            st.just(WaitBegan(wait=Wait(WaitReason.STORM, "7"))),
            st.just(WaitEnded(reason=WaitReason.STORM, by="7")),
            st.builds(lambda severity: SetSeverity(by=ALICE, severity=severity), SEVERITIES),
        ),
    ),
    max_size=12,
)


def played(script: list[tuple[int, Event]], shift: int) -> tuple[Incident, list[tuple[Effect, ...]]]:
    now = NOW + shift
    start = msgspec.structs.replace(fresh(), first_opened_at=now, opened_at=now, clock_at=now)
    incident, effects = step(start, Opened(fired=("middle",), first_alert_at=now), now)
    heard = [effects]
    for wait, event in script:
        now += wait
        if (incident.state, type(event)) in TRANSITIONS:
            incident, effects = step(incident, event, now)
            heard.append(effects)
    return incident, heard


def shifted(incident: Incident, shift: int) -> Incident:
    moved = {name: None if (at := getattr(incident, name)) is None else at + shift for name in TIMES}
    ladder = tuple(msgspec.structs.replace(planned, due_at=planned.due_at + shift) for planned in incident.ladder)
    flips = tuple(at + shift for at in incident.flips)
    clock = None if incident.obligations is None else shifted_clock(incident.obligations, shift)
    return msgspec.structs.replace(incident, ladder=ladder, flips=flips, obligations=clock, **moved)


def shifted_clock(clock: Obligations, shift: int) -> Obligations:
    moments = {name: getattr(clock, name) for name in ("since", "paused_at", "update_by")}
    duties = []
    for duty in clock.duties:
        moved = {name: getattr(duty, name) for name in ("asked_at", "due_at", "remind_at", "breached_at", "done_at")}
        duties.append(
            msgspec.structs.replace(duty, **{n: None if at is None else at + shift for n, at in moved.items()})
        )
    closed_at = None if clock.closed_at is None else clock.closed_at + shift
    return msgspec.structs.replace(
        clock,
        **{name: None if at is None else at + shift for name, at in moments.items()},
        caps={promise: at + shift for promise, at in clock.caps.items()},
        duties=tuple(duties),
        closed_at=closed_at,
    )


@given(script=SCRIPT, shift=st.integers(1, 10**15))
def test_the_same_story_at_another_time_is_the_same_story(script: list[tuple[int, Event]], shift: int) -> None:
    incident, heard = played(script, 0)
    later, heard_later = played(script, shift)
    assert later == shifted(incident, shift)
    assert [[e for e in effects if isinstance(e, Notify)] for effects in heard_later] == [
        [e for e in effects if isinstance(e, Notify)] for effects in heard
    ]


@given(first=st.integers(0, 100 * MINUTE), waits=st.lists(st.integers(0, 100 * MINUTE), max_size=8))
def test_however_late_no_step_is_skipped_doubled_early_or_nearer_than_planned(first: int, waits: list[int]) -> None:
    incident, effects = step(fresh(), Opened(fired=("middle",)), NOW)
    now, fired = NOW, {effect.step: NOW for effect in effects if isinstance(effect, Notify)}
    for wait in [first, *waits, *[MINUTE] * 400]:
        now += wait
        incident, effects = step(incident, Due(), now)
        for effect in effects:
            if isinstance(effect, Notify) and effect.step != "fallback":
                assert effect.step not in fired
                fired[effect.step] = now
    planned = {"1.1": 0, "2.1": 20 * MINUTE, "3.1": 50 * MINUTE}
    assert set(fired) == set(planned)
    assert all(fired[cell] >= NOW + after for cell, after in planned.items())
    assert fired["3.1"] - fired["2.1"] >= planned["3.1"] - planned["2.1"]
