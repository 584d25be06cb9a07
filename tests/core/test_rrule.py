"""RRULEs: the same times as an independent implementation, with bounded work for any rule."""

from datetime import datetime, timedelta
from time import process_time

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.core.errors import WindowError
from tocsin.core.schedule.rrule import LAST_DAY, parse

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
STARTS = st.datetimes(datetime.fromisoformat("1998-01-01"), datetime.fromisoformat("2030-01-01")).map(
    lambda local: local.replace(second=0, microsecond=0)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def some(values: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=3, unique=True).map(lambda each: ",".join(map(str, each)))


def signed(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most) | st.integers(-most, -1)


@st.composite
def rules(draw: st.DrawFn, frequencies: tuple[str, ...]) -> str:
    """A rule whose meaning RFC 5545 leaves open nowhere, and that always comes again soon.

    dateutil looks for the next time until the year 9999, so a rule that has none would hang the test, not us.
    """
    frequency = draw(st.sampled_from(frequencies))
    parts = {"FREQ": frequency}
    if draw(st.booleans()):
        parts["INTERVAL"] = str(draw(st.sampled_from([1, 2, 3, 5, 12])))
    if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()):
        nth = st.tuples(st.sampled_from([1, 2, 4, -1, -3]), st.sampled_from(DAYS)).map(
            lambda pair: f"{pair[0]}{pair[1]}"
        )
        parts["BYDAY"] = draw(some(nth) | some(st.sampled_from(DAYS)))
    elif frequency in ("MONTHLY", "YEARLY"):
        parts["BYMONTHDAY"] = draw(some(signed(28)))
        if draw(st.booleans()):
            parts["BYMONTH"] = draw(some(st.integers(1, 12)))
    elif frequency == "WEEKLY":
        parts["BYDAY"] = draw(some(st.sampled_from(DAYS)))
        parts["WKST"] = draw(st.sampled_from(DAYS))
    if frequency not in ("HOURLY", "MINUTELY", "SECONDLY") and draw(st.booleans()):
        parts["BYHOUR"] = draw(some(st.integers(0, 23)))
        if draw(st.booleans()):
            parts["BYMINUTE"] = draw(some(st.integers(0, 59)))
    if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()):
        parts["BYSETPOS"] = draw(some(st.sampled_from([1, 2, -1])))
    if frequency in ("MINUTELY", "SECONDLY"):
        parts["INTERVAL"] = str(draw(st.sampled_from([900, 1440, 4000, 86400])))
    return ";".join(f"{name}={value}" for name, value in parts.items())


EVERY = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules(EVERY), STARTS, st.integers(-10, 300), st.integers(1, 100))
def test_a_rule_names_the_times_that_dateutil_names(rule: str, starts: datetime, later: int, days: int) -> None:
    first = starts + timedelta(days=later)
    last = first + timedelta(days=days)
    assert list(parse(rule).between(starts, first, last)) == rrulestr(rule, dtstart=starts).between(
        first, last, inc=True
    )


@settings(deadline=None)
@given(rules(EVERY), STARTS, st.integers(2, 40))
def test_count_ends_with_the_same_time_as_dateutils(rule: str, starts: datetime, count: int) -> None:
    counted = parse(f"{rule};COUNT={count}")
    times = list(rrulestr(f"{rule};COUNT={count}", dtstart=starts))
    reached = counted.last_of(starts, 10_000_000)[0]
    assert reached == (times[-1] if times and times[-1].date() <= LAST_DAY else None)


@pytest.mark.parametrize(
    ("rule", "starts", "times"),
    [
        # Where dateutil and RFC 5545 differ, the RFC counts.
        ("FREQ=YEARLY;BYWEEKNO=20", "2026-05-13 09:00", ["2026-05-13 09:00", "2027-05-19 09:00"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE,SA;BYSETPOS=1,2", "2026-01-06 09:00", ["2026-01-07 09:00", "2026-01-12 09:00"]),
        ("FREQ=MONTHLY;BYDAY=TH,-1SA;BYSETPOS=-1", "2026-01-01 09:00", ["2026-01-31 09:00", "2026-02-28 09:00"]),
        ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;BYSECOND=0", "2026-01-05 08:00", ["2026-01-05 08:00", "2026-01-12 08:00"]),
        ("FREQ=HOURLY;INTERVAL=9", "2026-01-05 08:00", ["2026-01-05 08:00", "2026-01-05 17:00", "2026-01-06 02:00"]),
        ("FREQ=MINUTELY;INTERVAL=720", "2026-01-05 08:00", ["2026-01-05 08:00", "2026-01-05 20:00"]),
        ("FREQ=SECONDLY;INTERVAL=43200", "2026-01-05 08:00", ["2026-01-05 08:00", "2026-01-05 20:00"]),
        ("freq=daily;byhour=9;byminute=60", "", []),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29 09:00", ["2024-02-29 09:00", "2028-02-29 09:00"]),
    ],
)  # fmt: skip
def test_what_the_rfc_says(rule: str, starts: str, times: list[str]) -> None:
    if not times:
        with pytest.raises(WindowError, match="BYMINUTE cannot be 60"):
            parse(rule)
        return
    found = parse(rule).between(at(starts), at(starts), at("2030-01-01"))
    assert [next(found) for _ in times] == [at(text) for text in times]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;INTERVAL=900;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=14;BYDAY=TU",
        "FREQ=SECONDLY;INTERVAL=604800;BYDAY=TU",
        "FREQ=YEARLY;BYYEARDAY=1;BYMONTH=12",
        "FREQ=MINUTELY;INTERVAL=999999999;BYMONTH=2",
    ],
)
def test_a_rule_that_never_comes_costs_no_more_than_one_that_does(rule: str) -> None:
    starts = at("2026-01-05 09:00")
    named = parse(rule).between(starts, at("2026-02-01"), at("2027-02-01"))
    begun = process_time()
    assert list(named) == []
    assert process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("FREQ=SECONDLY", "86400 times a day"),
        ("FREQ=MINUTELY", "1440 times a day"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=" + ",".join(map(str, range(60))), "300 times a day"),
        ("FREQ=YEARLY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYSETPOS=1", "BYSETPOS chooses from too many times"),
        ("FREQ=DAILY;" + "X" * 500, "longer than 500 characters"),
        ("FREQ=SOMETIMES", "there is no FREQ=SOMETIMES"),
        ("FREQ=DAILY;BYDAY=1MO", "BYDAY cannot be 1MO here"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL cannot be 0"),
        ("", "is not a part of an rrule"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(rule: str, told: str) -> None:
    with pytest.raises(WindowError, match=told) as refused:
        parse(rule)
    assert refused.value.hint


def test_counting_gives_up_after_a_bounded_amount_of_work() -> None:
    with pytest.raises(WindowError, match="takes too long to count"):
        parse("FREQ=DAILY;COUNT=9999").last_of(at("2026-01-05 09:00"), 1000)
