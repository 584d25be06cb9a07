"""The ladder's invariants for a playbook with moments, flags, business hours, silence and next tiers."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core import ladders
from core.test_escalation_machine import Life
from core.test_escalation_table import ALICE, NOW
from tocsin.core.duration import HOUR
from tocsin.core.incident.effect import Effect, Notify
from tocsin.core.incident.event import Acknowledge, Escalate, Event, SetFlags
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.timeline.responses import NoteTaken
from tocsin.core.incident.transitions.change import Change
from tocsin.core.incident.transitions.climb import fire_on
from tocsin.core.incident.transitions.responder_timeout import restart_timeout
from tocsin.core.playbook.playbook import Moment, Until

FLAGS = st.lists(st.sampled_from(["breach", "customer", "blocked"]), max_size=2, unique=True).map(tuple)


class RichLife(Life):
    """See `Life`."""

    def start(self) -> Incident:
        return ladders.fresh(NOW)

    def check(self, after: Incident, event: Event, effect: Effect) -> None:
        super().check(after, event, effect)
        if not isinstance(effect, Notify) or isinstance(event, Escalate) or effect.until is Until.RESOLVED:
            return
        level = after.plan.level(after.severity)
        cell = level.cell(effect.step.partition("@")[0].partition(":")[0])
        is_business = level.is_business if cell is None else cell.key in level.business
        assert not is_business or after.plan.business_hours.are_open(self.now), "outside of its hours"

    @precondition(lambda self: self.incident.is_open)
    @rule(add=FLAGS, remove=FLAGS)
    def flag(self, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        self.happen(SetFlags(by=ALICE, add=add, remove=remove))

    @precondition(lambda self: self.incident.is_open)
    @rule(asked=st.booleans())
    def declare(self, asked: bool) -> None:
        change = Change(self.incident, self.now)
        fire_on(change, Moment.DECLARED, asked=asked)
        after, effects = change.result()
        if after is not self.incident:
            self.follow(SetFlags(by=ALICE), after, effects)

    @precondition(lambda self: self.incident.is_open)
    @rule()
    def say_something(self) -> None:
        change = Change(self.incident, self.now)
        restart_timeout(change)
        change.record(NoteTaken(text="noted"), ALICE)
        self.follow(SetFlags(by=ALICE), *change.result())

    @precondition(lambda self: self.incident.is_open)
    @rule()
    def acknowledge_and_wait(self) -> None:
        self.happen(Acknowledge(by=ALICE))
        silent_at = self.incident.ladder_state.silent_at if self.incident.ladder_state is not None else None
        timeout = self.incident.plan.level(self.incident.severity).ack_timeout
        expected = None if timeout is None or self.incident.member_of is not None else self.now + timeout
        assert silent_at == (expected if self.incident.state is State.ACKNOWLEDGED else None)

    @rule(hours=st.integers(1, 100))
    def days_go_by(self, hours: int) -> None:
        self.in_time_until(self.now + hours * HOUR)

    def in_time_until(self, end: int) -> None:
        self.in_time(end - self.now)


RichLife.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestRichLife = RichLife.TestCase
