"""Maintenance windows: activity, end, and validation."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin.core.duration import DAY, HOUR, MINUTE, SECOND
from tocsin.core.errors import WindowError
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.oncall.maintenance_window import Hidden, Window, expect_length, hidden, window_matchers
from tocsin.core.schedule.recurrence import Recurrence, Span, moment

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def at(text: str) -> int:
    """Microseconds of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def recurrence(rule: str, starts: str, duration: int, zone: ZoneInfo = BERLIN) -> Recurrence:
    return Recurrence(rule, datetime.fromisoformat(starts), zone, duration)


def window(when: Span | Recurrence, match: str = 'service="shop"', name: str = "upgrade") -> Window:
    return Window(name, parse_matchers(match), when)


def utc(spans: list[Span]) -> list[tuple[str, str]]:
    return [tuple(f"{datetime.fromtimestamp(end // SECOND, UTC):%m-%d %H:%M}" for end in span) for span in spans]  # type: ignore[misc]


ONCE = Span(at("2026-11-25 10:00"), at("2026-11-25 12:00"))
SHOP = {"service": "shop"}


def test_it_is_active_from_its_start_until_just_before_its_end() -> None:
    found = window(ONCE)
    assert [
        found.span_at(moment) for moment in (ONCE.starts_at - 1, ONCE.starts_at, ONCE.ends_at - 1, ONCE.ends_at)
    ] == [
        None,
        ONCE,
        ONCE,
        None,
    ]
    assert found.upcoming(ONCE.starts_at - 1, 3) == [ONCE]
    assert found.upcoming(ONCE.starts_at, 3) == []


def test_a_weekly_window_keeps_its_wall_time_when_the_clocks_change() -> None:
    weekly = window(recurrence("FREQ=WEEKLY;BYDAY=SU", "2026-10-18 04:00", 2 * HOUR))
    assert utc(weekly.upcoming(at("2026-10-17 00:00"), 3)) == [
        ("10-18 02:00", "10-18 04:00"),
        ("10-25 03:00", "10-25 05:00"),  # the clocks went back in the night
        ("11-01 03:00", "11-01 05:00"),
    ]


def test_its_duration_is_time_that_passes_also_through_the_change() -> None:
    spring = window(recurrence("FREQ=YEARLY", "2026-03-29 01:00", 4 * HOUR))
    assert utc(spring.upcoming(at("2026-03-28 00:00"), 1)) == [("03-29 00:00", "03-29 04:00")]  # 06:00 on the wall
    autumn = window(recurrence("FREQ=YEARLY", "2026-10-25 01:00", 4 * HOUR))
    assert utc(autumn.upcoming(at("2026-10-24 00:00"), 1)) == [("10-24 23:00", "10-25 03:00")]  # 04:00 on the wall


@pytest.mark.parametrize(
    ("zone", "skipped", "begins", "twice", "first"),
    [
        (BERLIN, "2026-03-29 02:30", "2026-03-29 01:30", "2026-10-25 02:30", "2026-10-25 00:30"),
        (NEW_YORK, "2026-03-08 02:30", "2026-03-08 07:30", "2026-11-01 01:30", "2026-11-01 05:30"),
    ],
)
def test_a_time_that_is_skipped_begins_after_the_skip_and_of_one_shown_twice_the_first_counts(
    zone: ZoneInfo, skipped: str, begins: str, twice: str, first: str
) -> None:
    assert moment(datetime.fromisoformat(skipped), zone) == at(begins)
    assert moment(datetime.fromisoformat(twice), zone) == at(first)
    daily = window(recurrence("FREQ=DAILY", skipped, HOUR, zone))
    assert daily.upcoming(at(begins) - 1, 1) == [Span(at(begins), at(begins) + HOUR)]


def test_the_night_after_a_change_is_at_the_wall_time_again() -> None:
    daily = window(recurrence("FREQ=DAILY", "2026-03-07 02:30", HOUR, NEW_YORK))
    assert [begin for begin, _ in utc(daily.upcoming(at("2026-03-07 00:00"), 3))] == [
        "03-07 07:30",
        "03-08 07:30",  # 03:30 on the wall: 02:30 does not exist
        "03-09 06:30",
    ]


@pytest.mark.parametrize(
    ("rule", "begins"),
    [
        ("FREQ=DAILY;COUNT=2", ["11-24 21:00", "11-25 21:00"]),
        ("FREQ=DAILY;UNTIL=20261125", ["11-24 21:00", "11-25 21:00"]),
        ("FREQ=DAILY;UNTIL=20261125T220000", ["11-24 21:00", "11-25 21:00"]),
        ("FREQ=DAILY;UNTIL=20261125T205959Z", ["11-24 21:00"]),
        ("rrule:freq=monthly;byday=-1su;count=2", ["11-29 21:00", "12-27 21:00"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=3", ["11-24 21:00", "11-26 21:00", "12-08 21:00"]),
        ("FREQ=DAILY;BYHOUR=1,13;BYMINUTE=30;COUNT=2", ["11-25 00:30", "11-25 12:30"]),
    ],
)
def test_a_recurrence_ends_and_counts_as_the_rfc_says(rule: str, begins: list[str]) -> None:
    found = window(recurrence(rule, "2026-11-24 22:00", HOUR)).upcoming(at("2026-11-24 00:00"), 4)
    assert [begin for begin, _ in utc(found)] == begins


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("FREQ=SECONDLY", "FREQ=SECONDLY comes too often"),
        ("FREQ=HOURLY;COUNT=3", "FREQ=HOURLY comes too often"),
        ("FREQ=FORTNIGHTLY", "there is no FREQ=FORTNIGHTLY"),
        ("BYDAY=SU", "the rrule has no FREQ"),
        ("every sunday", "'EVERY SUNDAY' is not a part of an rrule"),
        ("FREQ=DAILY;;COUNT=1", "'' is not a part of an rrule"),
        ("FREQ=DAILY;FREQ=DAILY", "the rrule has FREQ twice"),
        ("FREQ=DAILY;BYSECOND=1", "the rrule has BYSECOND, which cannot be used here"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL cannot be 0"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL cannot be -1"),
        ("FREQ=DAILY;COUNT=99999999999", "COUNT cannot be 99999999999"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20270101", "the rrule has both COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL cannot be 20270230: there is no such time"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL cannot be TOMORROW"),
        ("FREQ=DAILY;UNTIL=20200101", "the rrule names no time within ten years of `starts`"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR cannot be 24"),
        ("FREQ=DAILY;BYHOUR=", "'BYHOUR=' is not a part of an rrule"),
        ("FREQ=DAILY;BYHOUR=1,,2", "BYHOUR cannot be empty"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH cannot be -1"),
        ("FREQ=WEEKLY;BYDAY=1SU", "BYDAY cannot be 1SU here"),
        ("FREQ=WEEKLY;BYDAY=SO", "BYDAY cannot be SO"),
        ("FREQ=WEEKLY;WKST=XX", "WKST cannot be XX"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY means nothing with FREQ=WEEKLY"),
        ("FREQ=DAILY;BYMONTH=2,4;BYMONTHDAY=31", "none of the months of BYMONTH has a day of BYMONTHDAY"),
        ("FREQ=DAILY;INTERVAL=14;BYDAY=MO", "counted in whole weeks from `starts`, it never falls on a day of BYDAY"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,10,20,30,40", "the rrule comes 25 times a day"),
        ("FREQ=DAILY\nEXDATE:20261125T000000", "the rrule has FREQ"),
        ("X" * 501, "the rrule is longer than 500 characters"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_reason(rule: str, told: str) -> None:
    if "\n" in rule:
        told = "there is no FREQ=DAILY\nEXDATE:20261125T000000"
    with pytest.raises(WindowError) as refused:
        recurrence(rule, "2026-11-24 22:00", HOUR)
    assert str(refused.value) == told
    assert refused.value.hint


@pytest.mark.parametrize("starts", ["1999-12-31 00:00", "0001-01-01 00:00", "9999-12-31 00:00"])
def test_a_start_in_another_age_is_refused(starts: str) -> None:
    with pytest.raises(WindowError, match="is out of reach"):
        recurrence("FREQ=DAILY", starts, HOUR)


@pytest.mark.parametrize(("rule", "hours"), [("FREQ=DAILY", 24), ("FREQ=WEEKLY", 7 * 24 + 1)])
def test_what_would_never_end_is_refused(rule: str, hours: int) -> None:
    with pytest.raises(WindowError, match="it would never end"):
        recurrence(rule, "2026-11-24 22:00", hours * HOUR)


def test_days_that_follow_each_other_are_one_activity() -> None:
    weekend = window(recurrence("FREQ=WEEKLY;BYDAY=SA,SU", "2026-11-21 00:00", DAY))
    saturday_noon = at("2026-11-28 11:00")
    assert hidden([weekend], [SHOP], saturday_noon) == Hidden(("upgrade",), at("2026-11-29 23:00"))


def test_overlapping_and_adjacent_windows_end_with_the_last_of_them() -> None:
    first = window(ONCE, name="first")
    overlaps = window(Span(ONCE.ends_at - MINUTE, ONCE.ends_at + HOUR), name="overlaps")
    follows = window(Span(ONCE.ends_at + HOUR, ONCE.ends_at + 2 * HOUR), name="follows")
    later = window(Span(ONCE.ends_at + 2 * HOUR + 1, ONCE.ends_at + 3 * HOUR), name="later")
    every = [later, follows, overlaps, first]
    assert hidden(every, [SHOP], ONCE.starts_at) == Hidden(("first",), ONCE.ends_at + 2 * HOUR)
    assert hidden([first, follows], [SHOP], ONCE.starts_at) == Hidden(("first",), ONCE.ends_at)


def test_one_alert_outside_of_every_window_is_enough_to_page() -> None:
    windows = [window(ONCE), window(ONCE, 'service="blog"', "blog")]
    inside = ONCE.starts_at
    assert hidden(windows, [SHOP, {"service": "blog"}], inside)
    assert hidden(windows, [SHOP, {"service": "other"}], inside) is None
    assert hidden(windows, [], inside) is None
    assert hidden(windows, [SHOP], ONCE.ends_at) is None


def test_of_alerts_in_different_windows_the_one_that_ends_first_counts() -> None:
    short, long = (
        window(ONCE, name="short"),
        window(Span(ONCE.starts_at, ONCE.ends_at + HOUR), 'service="blog"', "long"),
    )
    assert hidden([short, long], [{"service": "blog"}, SHOP], ONCE.starts_at) == Hidden(("short",), ONCE.ends_at)


@pytest.mark.parametrize("match", ["{}", 'team=""', 'team!="x"', 'a=~".*",b!~"c"'])
def test_matchers_that_take_an_alert_without_labels_are_refused(match: str) -> None:
    with pytest.raises(WindowError, match="matches alerts that have no label at all"):
        window_matchers(match)


def test_matchers_that_do_not_parse_are_refused_with_their_place() -> None:
    with pytest.raises(WindowError, match="bad matcher") as refused:
        window_matchers('a="b",c')
    assert refused.value.offset is not None


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (Span(10, 10), "ends before it begins"),
        (Span(0, 59 * SECOND), "is shorter than a minute"),
        (Span(0, 31 * DAY + 1), "is longer than 31 days"),
    ],
)
def test_an_unreasonable_shift_length_is_refused(span: Span, told: str) -> None:
    with pytest.raises(WindowError, match=told):
        expect_length(span)


ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]
)
STARTS = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")).map(
    lambda local: local.replace(second=0, microsecond=0)
)


@given(STARTS, ZONES, st.integers(1, 20), st.integers(0, 4000 * 24 * 60))
def test_a_daily_window_is_active_exactly_when_one_of_its_days_says_so(
    starts: datetime, zone: ZoneInfo, hours: int, minutes: int
) -> None:
    """Against the plain reading: walk the days around, and look whether one of them covers the moment."""
    daily = window(Recurrence("FREQ=DAILY", starts, zone, hours * HOUR))
    now = moment(starts, zone) + minutes * MINUTE
    days = round(minutes / 60 / 24)
    around = [starts + timedelta(days=day) for day in range(max(0, days - 3), days + 4)]
    expected = [at for at in (moment(day, zone) for day in around) if at <= now < at + hours * HOUR]
    found = daily.span_at(now)
    assert (found.starts_at if found else None) == (max(expected) if expected else None)


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=6)


@given(spans, st.integers(0, 60))
def test_the_end_is_the_first_moment_at_which_no_window_is_active(lengths: list[tuple[int, int]], now: int) -> None:
    windows = [window(Span(start, start + length)) for start, length in lengths]
    covered = {second for start, length in lengths for second in range(start, start + length)}
    found = hidden(windows, [SHOP], now)
    assume(now in covered or found is None)
    if now not in covered:
        assert found is None
        return
    end = now
    while end in covered:
        end += 1
    assert found is not None
    assert found.until == end
