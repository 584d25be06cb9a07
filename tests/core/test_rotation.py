"""Rotations: the on-call person at any moment, exact across clock changes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.oncall.rotation import (
    Membership,
    OnCallHours,
    OnCallInput,
    Override,
    RosterLayer,
    Rotation,
    Shift,
    TurnsLayer,
    first_at,
    overlaps,
    wall,
)

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SPRING_BERLIN = "2026-03-29"
AUTUMN_BERLIN = "2026-10-25"
NOW = OnCallInput(0)

ZONES = st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")])


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def every(
    period: timedelta,
    *members: str,
    zone: ZoneInfo = BERLIN,
    starts: str = "2026-01-05 09:00",
    only: tuple[OnCallHours, ...] = (),
) -> TurnsLayer:
    begins = local(starts)
    return TurnsLayer(members, zone, begins, anchor=begins, period=period, only=only)


def weekly(*members: str, zone: ZoneInfo = BERLIN, starts: str = "2026-01-05 09:00") -> TurnsLayer:
    return every(timedelta(days=7), *members, zone=zone, starts=starts)


def on_call(turns: TurnsLayer, at: str, *overrides: Override) -> tuple[str, ...]:
    return Rotation("r", (turns,), overrides=overrides).on_at(utc(at), NOW)


def override(person: str, starts: str, ends: str, swaps_with: str = "") -> Override:
    return Override(rotation="r", person=person, swaps_with=swaps_with, starts_at=utc(starts), ends_at=utc(ends))


# Hand-overs at the same time of the wall clock, in summer and in winter.


@pytest.mark.parametrize(
    ("before", "after"),
    [("2026-03-23T07:59:59", "2026-03-23T08:00"), ("2026-03-30T06:59:59", "2026-03-30T07:00"),
     ("2026-10-19T06:59:59", "2026-10-19T07:00"), ("2026-10-26T07:59:59", "2026-10-26T08:00")],
)  # fmt: skip
def test_a_hand_over_at_nine_is_at_nine_on_both_sides_of_both_nights(before: str, after: str) -> None:
    turns = weekly("ann", "ben")
    assert on_call(turns, before) != on_call(turns, after)
    assert on_call(turns, after) == on_call(turns, after[:11] + "23:59")


def test_the_week_in_which_the_clock_moves_is_an_hour_shorter_or_longer() -> None:
    shifts = Rotation("r", (weekly("ann", "ben"),)).shifts(utc("2026-03-23T08:00"), utc("2026-04-06T07:00"), NOW)
    assert [(shift.ends_at - shift.starts_at) / HOUR for shift in shifts] == [167, 168]
    shifts = Rotation("r", (weekly("ann", "ben"),)).shifts(utc("2026-10-19T07:00"), utc("2026-11-02T08:00"), NOW)
    assert [(shift.ends_at - shift.starts_at) / HOUR for shift in shifts] == [169, 168]


def test_a_hand_over_at_a_time_that_the_clock_skips_is_at_the_jump() -> None:
    assert first_at(local(f"{SPRING_BERLIN} 02:30"), BERLIN) == utc(f"{SPRING_BERLIN}T01:00")
    assert first_at(local(f"{SPRING_BERLIN} 02:00"), BERLIN) == utc(f"{SPRING_BERLIN}T01:00")
    assert first_at(local(f"{SPRING_BERLIN} 03:00"), BERLIN) == utc(f"{SPRING_BERLIN}T01:00")
    daily = every(timedelta(days=1), "ann", "ben", starts="2026-03-28 02:30")
    assert on_call(daily, f"{SPRING_BERLIN}T00:59:59") == ("ann",)
    assert on_call(daily, f"{SPRING_BERLIN}T01:00") == ("ben",)


def test_a_hand_over_at_a_time_that_the_clock_shows_twice_is_at_the_first() -> None:
    assert first_at(local(f"{AUTUMN_BERLIN} 02:30"), BERLIN) == utc(f"{AUTUMN_BERLIN}T00:30")
    daily = every(timedelta(days=1), "ann", "ben", starts="2026-10-24 02:30")
    assert on_call(daily, f"{AUTUMN_BERLIN}T00:29:59") == ("ann",)
    assert on_call(daily, f"{AUTUMN_BERLIN}T00:30") == ("ben",)
    assert on_call(daily, f"{AUTUMN_BERLIN}T01:29") == ("ben",)


def test_a_turn_within_the_skipped_hour_does_not_take_place() -> None:
    hourly = every(timedelta(hours=1), "ann", "ben", "cas", starts=f"{SPRING_BERLIN} 01:00")
    shifts = Rotation("r", (hourly,)).shifts(utc(f"{SPRING_BERLIN}T00:00"), utc(f"{SPRING_BERLIN}T03:00"), NOW)
    assert [(shift.names, (shift.ends_at - shift.starts_at) / HOUR) for shift in shifts] == [
        (("ann",), 1), (("cas",), 1), (("ann",), 1),
    ]  # fmt: skip


def test_half_hour_jumps_of_lord_howe_count_as_well() -> None:
    assert first_at(local("2026-10-04 02:15"), LORD_HOWE) == utc("2026-10-03T15:30")


# Custom shifts.


def test_hand_overs_of_the_week_give_weekdays_to_one_and_weekends_to_the_other() -> None:
    monday, friday = timedelta(hours=9), timedelta(days=4, hours=17)
    turns = TurnsLayer(
        ("ann", "ben"), BERLIN, local("2026-01-05 09:00"), anchor=local("2026-01-05 00:00"), period=timedelta(days=7),
        offsets=(monday, friday),
    )  # fmt: skip
    assert [on_call(turns, at) for at in ("2026-07-03T14:59", "2026-07-03T15:00", "2026-07-06T06:59")] == [
        ("ann",), ("ben",), ("ben",),
    ]  # fmt: skip
    assert on_call(turns, "2026-07-06T07:00") == ("ann",)


def test_no_one_is_on_call_before_it_starts_or_outside_of_its_hours() -> None:
    office = OnCallHours(frozenset(range(5)), timedelta(hours=9), timedelta(hours=17))
    turns = every(timedelta(days=7), "ann", "ben", only=(office,))
    assert on_call(turns, "2026-01-05T07:59") == ()
    assert [on_call(turns, f"2026-07-03T{at}") for at in ("06:59", "07:00", "14:59", "15:00")] == [
        (), ("ben",), ("ben",), (),
    ]  # fmt: skip
    assert on_call(turns, "2026-07-04T10:00") == ()


def test_hours_that_end_on_the_next_day_hold_over_midnight() -> None:
    nights = OnCallHours(frozenset({5}), timedelta(hours=22), timedelta(hours=30))
    turns = every(timedelta(days=7), "ann", only=(nights,))
    assert [on_call(turns, at) for at in ("2026-07-04T19:59", "2026-07-04T20:00", "2026-07-05T03:59")] == [
        (), ("ann",), ("ann",),
    ]  # fmt: skip
    assert on_call(turns, "2026-07-05T04:00") == ()


def test_the_first_layer_with_an_on_call_person_decides() -> None:
    office = OnCallHours(frozenset(range(5)), timedelta(hours=9), timedelta(hours=17))
    rotation = Rotation("r", (every(timedelta(days=7), "ann", only=(office,)), weekly("ben", "cas")))
    assert rotation.on_at(utc("2026-07-03T10:00"), NOW) == ("ann",)
    assert rotation.on_at(utc("2026-07-03T16:00"), NOW) == ("cas",)


def test_a_shift_begins_when_a_source_names_others() -> None:
    rotation = Rotation("r", (RosterLayer("slack:chat:S1"),))
    now = utc("2026-07-03T10:00")
    inputs = OnCallInput(now, rosters={"slack:chat:S1": Membership(("ben",), now - 5, ("ann", "cas"))})
    assert rotation.on_at(now - 6, inputs) == ("ann", "cas")
    assert rotation.shift_at(now, inputs)[::2] == (now - 5, ("ben",))


def test_all_people_named_by_a_source_are_on_call_and_none_if_it_names_none() -> None:
    rotation = Rotation("r", (RosterLayer("slack:chat:S1"),))
    assert rotation.on_at(0, OnCallInput(0, rosters={"slack:chat:S1": Membership(("ann", "ben"))})) == ("ann", "ben")
    assert rotation.on_at(0, NOW) == ()


# Overrides and swaps.


def test_an_override_holds_from_its_beginning_until_before_its_end() -> None:
    taken = override("zoe", "2026-07-01T10:00", "2026-07-01T12:00")
    at = ("2026-07-01T09:59:59", "2026-07-01T10:00", "2026-07-01T11:59:59", "2026-07-01T12:00")
    assert [on_call(weekly("ann", "ben"), each, taken) for each in at] == [("ben",), ("zoe",), ("zoe",), ("ben",)]


def test_the_later_of_two_overrides_counts_and_one_made_manually_before_one_of_the_file() -> None:
    first, second = (override(who, "2026-07-01T10:00", "2026-07-01T12:00") for who in ("yan", "zoe"))
    assert on_call(weekly("ann", "ben"), "2026-07-01T11:00", first, second) == ("zoe",)
    rotation = Rotation("r", (weekly("ann", "ben"),), overrides=(second,))
    assert rotation.on_at(utc("2026-07-01T11:00"), OnCallInput(0, overrides=(first,))) == ("yan",)


def test_a_swap_exchanges_the_shifts_of_two_people_and_affects_no_other() -> None:
    swap = override("ann", "2026-01-05T00:00", "2026-01-19T08:00", swaps_with="ben")
    turns = weekly("ann", "ben", "cas")
    at = ("2026-01-06T00:00", "2026-01-13T00:00", "2026-01-20T00:00", "2026-01-27T00:00")
    assert [on_call(turns, each, swap) for each in at] == [("ben",), ("ann",), ("cas",), ("ann",)]


def test_only_overrides_of_the_same_time_that_name_others_overlap() -> None:
    one = override("ann", "2026-07-01T10:00", "2026-07-01T12:00")
    other = override("ben", "2026-07-01T11:59", "2026-07-01T13:00")
    after = override("cas", "2026-07-01T13:00", "2026-07-01T14:00")
    assert overlaps((one, other, after)) == [(one, other)]


def test_the_secondary_is_the_next_in_turn_even_during_an_override() -> None:
    rotation = Rotation("r", (weekly("ann", "ben", "cas"),), secondary_is_next=True)
    assert rotation.secondary_at(utc("2026-01-06T00:00"), NOW) == ("ben",)
    taken = OnCallInput(0, overrides=(override("ben", "2026-01-06T00:00", "2026-01-07T00:00"),))
    assert rotation.secondary_at(utc("2026-01-06T00:00"), taken) == ("cas",)
    alone = Rotation("r", (weekly("ann"),), secondary_is_next=True)
    assert alone.secondary_at(utc("2026-01-06T00:00"), NOW) == ()


def test_a_shift_is_known_from_its_beginning_to_its_end() -> None:
    rotation = Rotation("r", (weekly("ann", "ben"),))
    shift = rotation.shift_at(utc("2026-03-28T12:00"), NOW)
    assert shift == Shift(utc("2026-03-23T08:00"), utc("2026-03-30T07:00"), ("ben",))
    taken = OnCallInput(0, overrides=(override("zoe", "2026-03-25T00:00", "2026-03-26T00:00"),))
    assert rotation.shift_at(utc("2026-03-25T12:00"), taken) == Shift(
        utc("2026-03-25T00:00"), utc("2026-03-26T00:00"), ("zoe",)
    )


def test_a_gap_is_when_no_one_is_on_call() -> None:
    office = OnCallHours(frozenset(range(5)), timedelta(hours=9), timedelta(hours=17))
    rotation = Rotation("r", (every(timedelta(days=7), "ann", only=(office,)),))
    gaps = rotation.gaps(utc("2026-07-03T07:00"), utc("2026-07-06T07:00"), NOW)
    assert [tuple(gap) for gap in gaps] == [(utc("2026-07-03T15:00"), utc("2026-07-06T07:00"))]


# By properties. What is expected is walked along the wall clock, one hand-over after the other.

STARTS = st.integers(0, 365 * 24 * 60).map(lambda minutes: local("2026-01-01") + timedelta(minutes=minutes))
PERIODS = st.sampled_from([30, 60, 90, 420, 720, 1440, 2880, 10080]).map(lambda minutes: timedelta(minutes=minutes))
MEMBERS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(tuple)


def walked(turns: TurnsLayer, at: int) -> str:
    """Return the person on call: count the hand-overs whose time the wall clock has shown by then."""
    count, begins = -1, turns.starts
    while first_at(begins, turns.zone) <= at:
        count, begins = count + 1, begins + turns.period
    return turns.members[count % len(turns.members)]


@given(ZONES, STARTS, PERIODS, MEMBERS, st.integers(0, 30 * 24 * 60))
def test_at_every_minute_exactly_the_member_is_on_call_whose_turn_it_is(
    zone: ZoneInfo, starts: datetime, period: timedelta, members: tuple[str, ...], minutes: int
) -> None:
    turns = TurnsLayer(members, zone, starts, anchor=starts, period=period)
    at = first_at(starts, zone) + minutes % (60 * (period // timedelta(minutes=1))) * MINUTE
    assert turns.on_at(at, NOW) == (walked(turns, at),)
    assert turns.on_at(first_at(starts, zone) - 1, NOW) == ()


@given(ZONES, STARTS, st.integers(0, 3 * 24 * 60))
def test_a_hand_over_never_comes_before_an_earlier_one(zone: ZoneInfo, starts: datetime, minutes: int) -> None:
    later = starts + timedelta(minutes=minutes)
    assert first_at(starts, zone) <= first_at(later, zone)
    shown = wall(first_at(later, zone), zone)
    assert shown >= later
    assert wall(first_at(later, zone) - 1_000_000, zone) < later or shown == later


OVERRIDES = st.lists(
    st.builds(
        lambda person, other, begins, length: Override(
            rotation="r", person=person, swaps_with=other if other != person else "",
            starts_at=utc("2026-10-20T00:00") + begins * HOUR,
            ends_at=utc("2026-10-20T00:00") + (begins + length) * HOUR,
        ),
        st.sampled_from("abz"), st.sampled_from(["", "a", "b"]), st.integers(0, 240), st.integers(1, 48),
    ),
    max_size=4,
)  # fmt: skip


@given(ZONES, PERIODS, MEMBERS, OVERRIDES, st.booleans())
def test_shifts_tile_time_without_gap_or_overlap_and_say_who_is_on_call(
    zone: ZoneInfo, period: timedelta, members: tuple[str, ...], overrides: list[Override], office: bool
) -> None:
    only = (OnCallHours(frozenset(range(5)), timedelta(hours=9), timedelta(hours=17)),) if office else ()
    starts = local("2026-10-21 02:30")
    turns = TurnsLayer(members, zone, starts, anchor=starts, period=period, only=only)
    rotation, inputs = Rotation("r", (turns,)), OnCallInput(0, overrides=tuple(overrides))
    after, before = utc("2026-10-20T00:00"), utc("2026-10-30T00:00")
    shifts = rotation.shifts(after, before, inputs)
    assert (shifts[0].starts_at, shifts[-1].ends_at) == (after, before)
    for shift, following in pairwise(shifts):
        assert shift.ends_at == following.starts_at
        assert shift.names != following.names
    for shift in shifts:
        assert shift.ends_at > shift.starts_at
        middle = (shift.starts_at + shift.ends_at) // 2
        for at in (shift.starts_at, middle, shift.ends_at - 1):
            assert rotation.on_at(at, inputs) == shift.names


def test_the_next_years_are_worked_out_in_no_time() -> None:
    rotation = Rotation("r", (every(timedelta(hours=12), "ann", "ben", "cas"),))
    shifts = rotation.shifts(utc("2040-01-01T00:00"), utc("2040-01-01T00:00") + 365 * DAY, NOW)
    assert len(shifts) == 731
