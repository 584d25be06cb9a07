"""Each measure counts what its definition says, from its beginning to its end, and tells missing data apart from 0."""

from typing import Any

import pytest

from core.measured import LATER, NOVEMBER, START, at, duty, incident, page
from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.measures.duties import duty_figures, duty_groups, item_figures, post_mortem_figures, user_figures
from tocsin.core.measures.figures import TimeFigure
from tocsin.core.measures.goals import RecoveryObjectives, a_month, goal_figures, recovery_figures
from tocsin.core.measures.people import night_of, page_figures, person_figures
from tocsin.core.measures.period import between, month
from tocsin.core.measures.records import DutyKind, loss_in, users_in
from tocsin.core.measures.times import between_failures, target_figures, to_acknowledge, to_detect, to_resolve
from tocsin.core.playbook.goals import LevelGoal, PlaybookGoals

NOTHING = TimeFigure(None, 0)


def test_times_are_means_and_without_any_they_are_missing() -> None:
    two = [incident(0, 2, 10), incident(100, 106, 130)]
    assert to_acknowledge(two, NOVEMBER) == TimeFigure(240, 2)
    assert to_resolve(two, NOVEMBER) == TimeFigure(1200, 2)
    assert (to_acknowledge([], NOVEMBER), to_resolve([], NOVEMBER), to_detect([], NOVEMBER)) == (NOTHING,) * 3


def test_a_time_that_straddles_the_edge_belongs_whole_to_the_period_in_which_it_ends() -> None:
    october, december = month("2026-10", "UTC"), month("2026-12", "UTC")
    early = incident(-60, -50, 30)
    late = incident(NOVEMBER.days * 24 * 60 - 10, NOVEMBER.days * 24 * 60 + 10, NOVEMBER.days * 24 * 60 + 20)
    assert to_resolve([early], NOVEMBER) == TimeFigure(90 * 60, 1)
    assert to_resolve([early], october) == NOTHING
    assert to_acknowledge([early], october) == TimeFigure(600, 1)
    assert to_acknowledge([early], NOVEMBER) == NOTHING
    assert (to_acknowledge([late], NOVEMBER), to_resolve([late], NOVEMBER)) == (NOTHING, NOTHING)
    assert to_acknowledge([late], december) == TimeFigure(1200, 1)


def test_an_open_incident_has_no_time_to_resolve_yet() -> None:
    assert to_resolve([incident(0, 1)], NOVEMBER) == NOTHING


def test_an_incident_that_ended_before_it_was_noticed_took_no_time() -> None:
    assert to_resolve([incident(10, None, 12, ended_at=at(10))], NOVEMBER) == TimeFigure(0, 1)


def test_the_time_to_detect_counts_from_the_first_alert_if_it_says_when_it_began() -> None:
    assert to_detect([incident(10, first_alert_at=at(8)), incident(20)], NOVEMBER) == TimeFigure(120, 1)


def test_between_failures_is_the_observed_time_for_each_incident() -> None:
    three = [incident(DAY / MINUTE * day) for day in (20, 21, 22)]
    others = [incident(-5), incident(DAY / MINUTE * 23, occurrence=2)]
    assert between_failures([*three, *others], NOVEMBER, START - DAY, LATER) == TimeFigure(10 * 86_400, 3)
    # The first data are from the 16th.
    assert between_failures(three, NOVEMBER, START + 15 * DAY, LATER) == TimeFigure(5 * 86_400, 3)
    # The period is not over.
    assert between_failures(three, NOVEMBER, START, START + 24 * DAY) == TimeFigure(8 * 86_400, 3)
    assert between_failures([], NOVEMBER, START, LATER) == NOTHING


def test_one_incident_has_no_time_between_and_the_first_one_known_has_none_before() -> None:
    first, second = incident(10), incident(70)
    assert between_failures([first], NOVEMBER, first.opened_at, at(10) + 3_000_000) == TimeFigure(None, 1)
    assert between_failures([first], NOVEMBER, START - DAY, LATER) == TimeFigure(None, 1)
    assert between_failures([first, second], NOVEMBER, first.opened_at, at(71)) == TimeFigure(61 * 60, 2)
    # Those of a service, whose first incident is not the first one known.
    assert between_failures([first, second], NOVEMBER, at(0), at(80)) == TimeFigure(40 * 60, 2)


def test_a_target_is_missed_when_its_time_passes_and_met_by_what_it_asks_for() -> None:
    both = ("acknowledge", "resolve")
    some = [
        incident(0, 2, 10, targets=both),
        incident(100, 130, 140, targets=both, missed={"acknowledge": at(115)}),
        incident(200, None, 210, targets=both),  # ended by itself: nothing to acknowledge
        incident(300, None, 310, targets=both, by_person=True),
        incident(400, None, None, targets=both),
    ]
    acknowledge, resolve = target_figures(some, NOVEMBER)
    assert (acknowledge.target, acknowledge.met, acknowledge.missed) == ("acknowledge", 2, 1)
    assert acknowledge.met_ratio == pytest.approx(2 / 3)
    assert (resolve.target, resolve.met, resolve.missed, resolve.met_ratio) == ("resolve", 4, 0, 1.0)


def test_a_target_missed_last_month_is_not_missed_again_by_ending_in_this_one() -> None:
    old = incident(-60, -1, 10, targets=("resolve",), missed={"resolve": at(-30)})
    [figure] = target_figures([old], NOVEMBER)
    assert (figure.met, figure.missed, figure.met_ratio) == (0, 0, None)
    [figure] = target_figures([old], month("2026-10", "UTC"))
    assert (figure.met, figure.missed) == (0, 1)


def test_an_acknowledgment_last_month_meets_its_target_last_month() -> None:
    old = incident(-60, -50, 10, targets=("acknowledge",), by_person=True)
    [figure] = target_figures([old], NOVEMBER)
    assert (figure.met, figure.missed) == (0, 0)
    [figure] = target_figures([old], month("2026-10", "UTC"))
    assert (figure.met, figure.missed) == (1, 0)


def test_action_items_are_counted_at_the_end_of_the_period() -> None:
    items = [
        duty(-100, 50, 10),  # done, added earlier
        duty(0, 20, 30),  # done late
        duty(0, 60),  # overdue
        duty(0, NOVEMBER.days * 24 * 60 + 5),  # open
        duty(0, 60, NOVEMBER.days * 24 * 60 + 1),  # done after the period
        duty(-200, -100, -50),  # done before
        duty(NOVEMBER.days * 24 * 60 + 9, 99_999),  # added after
        duty(0, 60, kind=DutyKind.POST_MORTEM),
    ]
    figures = item_figures(items, NOVEMBER, LATER)
    assert (figures.added, figures.done, figures.done_late, figures.open, figures.overdue) == (4, 2, 1, 3, 2)
    assert figures.completion_ratio == 0.4
    assert item_figures([], NOVEMBER, LATER).completion_ratio is None


def test_postmortems_count_where_they_are_due() -> None:
    def one(due: float, done: float | None = None, *, waived: bool = False):
        return duty(0, due, done, kind=DutyKind.POST_MORTEM, waived=waived)

    some = [one(50, 50), one(50, 51), one(50), one(50, 20, waived=True), one(5000), one(99_999, 1)]
    figures = post_mortem_figures(some, NOVEMBER, at(1000))
    assert (figures.due, figures.in_time, figures.late, figures.waived, figures.pending) == (5, 1, 2, 1, 1)
    assert figures.in_time_ratio == pytest.approx(1 / 3)
    assert post_mortem_figures([], NOVEMBER, LATER).in_time_ratio is None


def test_other_duties_count_where_they_are_due_and_while_they_are_open() -> None:
    def one(due: float, done: float | None = None, name: str = "runbook", **more: Any):
        return duty(0, due, done, kind=DutyKind.DUTY, name=name, **more)

    after = NOVEMBER.days * 24 * 60 + 9
    some = [
        *(one(50, 50), one(50, 51), one(50), one(50, 20, waived=True), one(after, name="review")),
        *(one(50, 1, playbook="mgmt-vibe"), one(-50, -60, name="former")),
        *(duty(0, 60, kind=DutyKind.POST_MORTEM), duty(0, 60)),
    ]
    figures = duty_figures(some, NOVEMBER, LATER)
    assert (figures.due, figures.in_time, figures.late, figures.waived, figures.pending) == (5, 2, 2, 1, 0)
    assert (figures.open, figures.overdue) == (2, 1)
    groups = duty_groups(some, NOVEMBER, LATER)
    assert [(each.playbook, each.duty, each.due, each.in_time, each.late, each.open) for each in groups] == [
        ("erlmcp", "review", 0, 0, 0, 1),
        ("erlmcp", "runbook", 4, 1, 2, 1),
        ("mgmt-vibe", "runbook", 1, 1, 0, 0),
    ]


def test_affected_users_are_those_of_incidents_that_began_each_once() -> None:
    some = [
        incident(0, users_affected=100),
        incident(0, users_affected=100, occurrence=2),
        incident(5, users_affected=300),
        incident(9),
        incident(-5, users_affected=7),
    ]
    figures = user_figures(some, NOVEMBER)
    assert (figures.total, figures.per_incident, figures.known, figures.unknown) == (400, 200, 2, 1)
    assert user_figures([incident(1)], NOVEMBER).total is None


@pytest.mark.parametrize(
    ("text", "users"),
    [("300", 300), ("about 1,200 people", 1200), ("~ 3k", 3000), ("2M", 2_000_000), ("1 200", 1200), ("0", 0),
     ("30 %", None), ("30% of 200", None), ("1.5k", None), ("all", None), ("", None), ("-5", None), ("12 mails", 12),
     ("2 million", 2_000_000), ("about 3 thousand users", 3000), ("10-20", None), ("10 to 20", None), ("1/3", None),
     ("3 of 12", 3), ("1 in 5", None), ("4x", None), ("2 millions", 2_000_000), ("500 - all in eu", 500)],
)  # fmt: skip
def test_a_number_of_users_is_read_and_a_share_is_not(text: str, users: int | None) -> None:
    assert users_in(text) == users


@pytest.mark.parametrize(
    ("text", "loss"),
    [("5m", 5 * MINUTE), ("1 h 30 min", 90 * MINUTE), ("None.", 0), ("no", 0), ("0s", 0), ("yes", None), ("", None),
     ("2 mins", 2 * MINUTE), ("2 hours", 2 * HOUR), ("yes, about 5 minutes of orders", 5 * MINUTE),
     ("1h30m", 90 * MINUTE),
     ("no, nothing was lost", 0), ("no idea", None), ("some rows", None), ("5 to 10 min", None), ("5m-10m", None),
     ("3 millions", None), ("5m 1d", None), ("9999999d", None), ("1 day", DAY)],
)  # fmt: skip
def test_a_loss_of_data_is_a_duration(text: str, loss: int | None) -> None:
    assert loss_in(text) == loss


def test_recovery_counts_from_the_first_alert_and_is_met_up_to_its_target() -> None:
    objectives = {"checkout": RecoveryObjectives(rto=HOUR, rpo=5 * MINUTE), "mail": RecoveryObjectives(rto=HOUR)}
    some = [
        incident(10, None, 60, first_alert_at=at(-5), data_loss=5 * MINUTE),
        incident(100, None, 161, data_loss=6 * MINUTE),
        incident(200, None, 210),
        incident(200, None, 220, occurrence=2),
    ]
    rto, rpo, mail = recovery_figures(some, objectives)
    assert (rto.objective, rto.met, rto.missed, rto.unknown, rto.worst_seconds) == ("rto", 2, 2, 0, 65 * 60)
    assert (rpo.objective, rpo.met, rpo.missed, rpo.unknown, rpo.worst_seconds) == ("rpo", 1, 1, 1, 360)
    assert (mail.service, mail.met_ratio, mail.worst_seconds) == ("mail", None, None)


def test_a_goal_is_met_below_its_limit_and_without_data_neither_met_nor_missed() -> None:
    goals = PlaybookGoals(
        mttr=(LevelGoal("P0", 30 * MINUTE), LevelGoal("P1", HOUR)),
        mttd=5 * MINUTE,
        incidents_a_month=1,
        post_mortems_in_time=True,
    )
    mortems = post_mortem_figures([duty(0, 9, 8, kind=DutyKind.POST_MORTEM)], NOVEMBER, LATER)
    resolve = {"P0": TimeFigure(1800, 1)}
    figures = list(goal_figures("quick", goals, resolve, TimeFigure(299, 1), 0.0, mortems))
    assert [(each.goal, each.severity, each.met) for each in figures] == [
        ("mttr", "P0", False),
        ("mttr", "P1", None),
        ("mttd", "", True),
        ("incidents_a_month", "", True),
        ("post_mortems_in_time", "", True),
    ]


def test_incidents_a_month_are_not_extrapolated() -> None:
    assert a_month(3, NOVEMBER, START, LATER) == 3
    assert a_month(3, between("2026-11-01", "2026-11-07", "UTC"), START, LATER) == 3
    assert a_month(6, between("2026-09-02", "2026-11-30", "UTC"), START, LATER) == 2
    assert a_month(0, NOVEMBER, None, LATER) is None
    assert a_month(0, NOVEMBER, NOVEMBER.ends_at, LATER) is None


def test_a_night_is_on_the_clock_of_the_person_and_bears_the_date_of_its_evening() -> None:
    evening, morning, day = at(22 * 60), at(24 * 60 + 6 * 60 + 59), at(7 * 60)
    assert str(night_of(evening, "UTC")) == str(night_of(morning, "UTC")) == "2026-11-01"
    assert night_of(day, "UTC") is None
    assert night_of(evening - 1, "UTC") is None
    # 02:00 on the day on which the clock goes back.
    assert str(night_of(day, "America/New_York")) == "2026-10-31"
    assert str(night_of(at(17 * 60), "Asia/Kathmandu")) == "2026-11-01"  # an offset of 5 h 45 min: 22:45


def test_people_are_counted_with_their_nights() -> None:
    pages = [
        page(60, "alex"), page(90, "alex", incident_id="incident-2"), page(600, "alex"), page(700, "sam"),
        page(-60, "sam"), page(1500, "alex"),
    ]  # fmt: skip
    alex, sam = person_figures(pages, NOVEMBER, {"sam": "America/New_York"})
    assert (alex.person, alex.pages, alex.incidents, alex.at_night, alex.nights) == ("alex", 4, 2, 3, 2)
    assert (sam.person, sam.pages, sam.at_night, sam.share) == ("sam", 1, 1, 0.2)
    figures = page_figures((alex, sam), NOVEMBER, START + 10 * DAY)
    assert (figures.pages, figures.people, figures.per_person, figures.at_night, figures.nights) == (5, 2, 2.5, 4, 3)
    assert (figures.per_night, figures.busiest_ratio) == (0.4, 1.6)
    # The clock goes back in this month: it has 31 nights, and an hour more than 31 days.
    october = month("2026-10", "Europe/Berlin")
    assert page_figures(person_figures([page(-120)] * 31, october, {}), october, LATER).per_night == 1
    nobody = page_figures((), NOVEMBER, LATER)
    assert (nobody.per_person, nobody.busiest_ratio, nobody.per_night) == (None, None, 0)
