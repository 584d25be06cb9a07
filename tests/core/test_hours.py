"""Business hours on the wall clock, across changes to summer time, with holidays."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.schedule.hours import BusinessHours

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str, zone: str = "UTC") -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) - EPOCH) // timedelta(microseconds=1)


BERLIN = BusinessHours(time_zone="Europe/Berlin", holidays=("2026-12-25",))


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-20 09:00", "2026-11-20 09:00"),
        ("2026-11-20 16:59:59", "2026-11-20 16:59:59"),
        ("2026-11-20 17:00", "2026-11-23 09:00"),
        ("2026-11-20 08:59", "2026-11-20 09:00"),
        ("2026-12-24 17:00", "2026-12-28 09:00"),  # the 25th, a Friday, is a holiday
        ("2026-03-27 18:00", "2026-03-30 09:00"),  # the clock goes forward in between
        ("2026-10-23 18:00", "2026-10-26 09:00"),  # and back
    ],
)
def test_it_opens_when_the_wall_clock_says_so(moment: str, opening: str) -> None:
    assert BERLIN.opening(at(moment, "Europe/Berlin")) == at(opening, "Europe/Berlin")


def test_hours_may_last_until_midnight_and_a_skipped_hour_is_read_with_the_offset_before() -> None:
    sunday = BusinessHours(days=(6,), opens=2 * 60 + 30, closes=24 * 60, time_zone="Europe/Berlin")
    # 29 March 2026 has no 02:30: it is read as 03:30 of summer time.
    assert sunday.opening(at("2026-03-29 00:00", "Europe/Berlin")) == at("2026-03-29 01:30")
    assert sunday.are_open(at("2026-03-29 23:59", "Europe/Berlin"))
    assert not sunday.are_open(at("2026-03-30 00:00", "Europe/Berlin"))


def test_where_nothing_opens_for_a_year_a_page_is_not_forgotten() -> None:
    moment = at("2026-11-20 20:00")
    assert BusinessHours(days=()).opening(moment) == moment


def test_an_unknown_time_zone_is_utc() -> None:
    assert BusinessHours(time_zone="Mars/Base").opening(at("2026-11-20 20:00")) == at("2026-11-23 09:00")


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])


@given(
    zone=ZONES,
    minutes=st.integers(0, 60 * 24 * 365 * 30),
    days=st.sets(st.integers(0, 6), min_size=1).map(sorted).map(tuple),
    times=st.tuples(st.integers(0, 23 * 60), st.integers(1, 24 * 60)).filter(lambda pair: pair[0] < pair[1]),
)
def test_the_opening_is_within_them_not_earlier_and_the_wall_clock_agrees(
    zone: str, minutes: int, days: tuple[int, ...], times: tuple[int, int]
) -> None:
    hours = BusinessHours(days=days, opens=times[0], closes=times[1], time_zone=zone)
    now = at("2000-01-01") + minutes * 60_000_000
    opening = hours.opening(now)
    assert opening >= now
    assert hours.opening(opening) == opening
    local = (EPOCH + timedelta(microseconds=opening)).astimezone(ZoneInfo(zone))
    assert local.weekday() in days
    # A night in which the clock moves may show another hour than the one that was written.
    moves = local.utcoffset() != (local - timedelta(days=1)).utcoffset()
    assert moves or times[0] <= local.hour * 60 + local.minute < times[1]
