"""Calendar events: a single event and a series with one occurrence give the same shift."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import given

from tocsin.core.duration import MINUTE
from tocsin.core.oncall.calendar import Calendar, CalendarEvent
from tocsin.core.oncall.rotation import OnCallInput, first_at
from tocsin.core.schedule.rrule import parse

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]).map(ZoneInfo)
STARTS = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime.fromisoformat("2026-01-01") + timedelta(minutes=minutes)
)
MINUTES = st.integers(-5000, 5000)


@given(ZONES, STARTS, st.integers(1, 5000), MINUTES, st.integers(1, 5000), st.booleans())
def test_once_is_a_series_of_one(
    zone: ZoneInfo, starts: datetime, length: int, from_then: int, looked_at: int, takes_place: bool
) -> None:
    without = frozenset[datetime]() if takes_place else frozenset({starts})
    once = CalendarEvent("ann", zone, starts, timedelta(minutes=length), without=without)
    daily = parse("FREQ=DAILY")
    series = CalendarEvent("ann", zone, starts, timedelta(minutes=length), daily, ends=starts, without=without)
    after = first_at(starts, zone) + from_then * MINUTE
    before = after + looked_at * MINUTE
    assert list(once.spans(after, before)) == list(series.spans(after, before))


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), STARTS, st.integers(1, 500_000)), max_size=30)


@given(EVENTS, STARTS)
def test_the_calendar_index_agrees_with_a_scan_of_all_events(
    events: list[tuple[str, datetime, int]], looked_at: datetime
) -> None:
    utc = ZoneInfo("UTC")
    calendar = Calendar(
        tuple(CalendarEvent(name, utc, starts, timedelta(minutes=length)) for name, starts, length in events)
    )
    expected = [name for name, starts, length in events if starts <= looked_at < starts + timedelta(minutes=length)]
    assert calendar.on_at(first_at(looked_at, utc), OnCallInput(0)) == tuple(dict.fromkeys(expected))
