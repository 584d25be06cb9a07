import itertools

from hypothesis import given
from hypothesis import strategies as st

from core.test_escalation_table import playbook
from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import Planned
from tocsin.core.incident.transitions.ladder import (
    after_rise,
    climbs_on,
    following,
    planned,
    postponed,
    split_due,
    targets_at,
    without_acknowledged,
)
from tocsin.core.playbook.playbook import Cell, Level

HIGH, MIDDLE, LOW = playbook().levels


def minutes(ladder: tuple[Planned, ...]) -> list[tuple[str, int]]:
    return [(step.cell, step.due_at // MINUTE) for step in ladder]


def test_a_ladder_counts_from_its_clock_and_leaves_flag_steps_out() -> None:
    assert minutes(planned(HIGH, 7 * MINUTE)) == [("1.1", 7), ("1.2", 22), ("2.1", 37)]


def test_after_a_rise_reached_tiers_do_not_begin_again_and_the_others_keep_the_earlier_moment() -> None:
    old = planned(MIDDLE, 0)[1:]  # tier 2 at 20, tier 3 at 50
    assert minutes(after_rise(HIGH, 10 * MINUTE, old, (1,))) == [("2.1", 20), ("1.2", 25)]
    assert minutes(after_rise(HIGH, 1 * MINUTE, (), (1, 2))) == [("1.2", 16)]


def test_after_a_fall_the_lower_ladder_continues_from_the_elapsed_time() -> None:
    left = following(MIDDLE, 0, 0, ("1.1", "1.2"), (1,), acknowledged=False)
    assert minutes(left) == [("2.1", 20), ("3.1", 50)]
    assert minutes(following(MIDDLE, 0, 0, ("1.1",), (1,), acknowledged=True)) == [("3.1", 50)]


def test_what_waited_for_business_hours_moves_no_step_until_resolved_on_a_fall() -> None:
    left = following(MIDDLE, 14 * MINUTE, 14 * MINUTE, ("1.1", "1.2"), (1,), acknowledged=False)
    assert minutes(left) == [("2.1", 34), ("3.1", 50)]


def test_an_acknowledgment_leaves_the_steps_until_resolved() -> None:
    assert minutes(without_acknowledged(planned(HIGH, 0), HIGH)) == [("2.1", 30)]


def test_a_resolution_target_of_a_notified_tier_is_no_further_escalation() -> None:
    left = planned(HIGH, 0)[2:]  # tier 2 at 30, until resolved
    assert climbs_on(HIGH, left, (1,))
    assert not climbs_on(HIGH, left, (1, 2))
    assert climbs_on(HIGH, planned(HIGH, 0)[1:], (1, 2)), "tier 1 again, until acknowledged"


def test_a_tiers_page_goes_to_those_of_its_first_step_at_the_level() -> None:
    plan = playbook()
    few = Level("few", 0, MINUTE, None, (Cell(tier=2, nth=1, after=0, targets=("deputy",)), *LOW.cells))
    assert targets_at(plan, few, 2) == ("deputy",)
    assert targets_at(plan, LOW, 1) == ("one",), "it informs somebody else: whoever asks for a page means the tier"
    assert targets_at(plan, HIGH, 3) == ("three",), "it has a flag step only"


def test_steps_planned_for_one_moment_fire_together_and_no_others() -> None:
    ladder = (Planned("1.1", 1, 5), Planned("2.1", 2, 5), Planned("3.1", 3, 6))
    assert split_due(ladder, 4) == ((), ladder)
    assert split_due(ladder, 100) == (ladder[:2], ladder[2:])


LADDERS = st.lists(st.integers(1, 500), max_size=6).map(
    lambda moments: tuple(Planned(f"{n}.1", n, at * MINUTE) for n, at in enumerate(sorted(moments), start=1))
)


@given(LADDERS, st.integers(0, 500).map(lambda n: n * MINUTE))
def test_postponed_the_distances_are_the_planned_ones(rest: tuple[Planned, ...], lateness: int) -> None:
    moved = postponed(rest, lateness, 0, catch_up=False)
    assert [step.due_at - lateness for step in moved] == [step.due_at for step in rest]


@given(LADDERS, st.integers(0, 600).map(lambda n: n * MINUTE))
def test_catching_up_nothing_comes_early_and_nothing_collapses(rest: tuple[Planned, ...], now: int) -> None:
    moved = postponed(rest, 1, now, catch_up=True)
    assert [step.cell for step in moved] == [step.cell for step in rest]
    assert all(new.due_at >= old.due_at for new, old in zip(moved, rest, strict=True))
    assert all(step.due_at >= now + MINUTE for step in moved)
    moments = sorted({step.due_at for step in moved if step.due_at > max((s.due_at for s in rest), default=0)})
    assert all(later - earlier >= MINUTE for earlier, later in itertools.pairwise(moments))
    together = {(a.cell, b.cell) for a in rest for b in rest if a.due_at == b.due_at}
    assert together <= {(a.cell, b.cell) for a in moved for b in moved if a.due_at == b.due_at}
