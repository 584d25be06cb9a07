import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.duration import HOUR, SECOND
from tocsin.store.clock import PATIENCE, TOLERANCE, SystemClock

START = 1_780_000_000 * SECOND


class Machine:
    """A wall clock that can be set, and one that only counts."""

    def __init__(self) -> None:
        self.wall = START
        self.boot = 77 * SECOND
        self.jumps: list[int] = []
        self.clock = SystemClock(lambda: self.wall, lambda: self.boot, self.jumps.append)

    def passes(self, time: int) -> int:
        self.wall += time
        self.boot += time
        return self.clock.now()


def test_it_tells_the_wall_clocks_time() -> None:
    assert abs(SystemClock().now() - time.time_ns() // 1000) < SECOND


def test_it_follows_the_wall_clock_through_small_corrections() -> None:
    machine = Machine()
    machine.wall += TOLERANCE
    assert machine.clock.now() == START + TOLERANCE
    assert machine.passes(SECOND) == START + TOLERANCE + SECOND
    assert machine.jumps == []


def test_a_small_step_back_stops_it_until_the_wall_clock_has_caught_up() -> None:
    machine = Machine()
    assert machine.passes(SECOND) == START + SECOND
    machine.wall -= SECOND
    assert machine.clock.now() == START + SECOND
    assert machine.passes(3 * SECOND) == START + 3 * SECOND
    assert machine.jumps == []


def test_a_jump_forward_is_believed_and_counted_once() -> None:
    machine = Machine()
    machine.wall += HOUR
    assert machine.clock.now() == START + HOUR
    assert machine.passes(SECOND) == START + HOUR + SECOND
    assert machine.jumps == [HOUR]


def test_after_a_jump_back_the_clock_continues_at_its_own_pace() -> None:
    machine = Machine()
    machine.passes(SECOND)
    machine.wall -= HOUR
    assert machine.clock.now() == START + SECOND
    assert machine.passes(4 * 60 * SECOND) == START + SECOND + 4 * 60 * SECOND
    assert machine.jumps == [-HOUR]


def test_a_wall_clock_that_is_put_right_again_is_followed_again() -> None:
    machine = Machine()
    machine.wall -= HOUR
    machine.passes(SECOND)
    machine.wall += HOUR
    assert machine.passes(SECOND) == START + 2 * SECOND
    machine.wall -= HOUR
    machine.passes(SECOND)
    assert machine.jumps == [-HOUR, -HOUR]


def test_after_five_minutes_of_disagreement_it_comes_to_the_wall_clock_without_standing_still() -> None:
    machine = Machine()
    machine.wall -= 60 * SECOND
    machine.clock.now()
    machine.passes(PATIENCE - SECOND)
    assert machine.passes(SECOND) < START + PATIENCE
    before = machine.clock.now()
    assert machine.passes(10 * SECOND) == before + 9 * SECOND
    for _ in range(70):
        machine.passes(10 * SECOND)
    assert machine.clock.now() == machine.wall
    assert machine.jumps == [-60 * SECOND]


def test_sleep_of_the_machine_is_time_that_has_passed() -> None:
    machine = Machine()
    assert machine.passes(8 * HOUR) == START + 8 * HOUR
    assert machine.jumps == []


STEPS = st.tuples(st.integers(0, 20 * 60 * SECOND), st.one_of(st.just(0), st.integers(-2 * HOUR, 2 * HOUR)))


@given(st.lists(STEPS, max_size=40))
def test_it_never_goes_back_and_never_lags_far_behind_the_steady_clock(steps: list[tuple[int, int]]) -> None:
    machine = Machine()
    answers = [machine.clock.now()]
    for passed, jump in steps:
        machine.wall += jump
        answers.append(machine.passes(passed))
    for (before, after), (passed, _) in zip(pairwise(answers), steps, strict=True):
        assert after >= before
        assert after - before >= passed - passed // 10 - TOLERANCE
        assert after >= machine.wall or after - before <= passed + 2 * HOUR + TOLERANCE
    assert answers[-1] >= machine.wall
