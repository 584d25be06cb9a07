"""Events of a calendar: one that takes place once is found as one whose series has a single time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import given

from tocsin.core.calendar import CalendarEvent
from tocsin.core.rotation import first_at

MINUTE = 60_000_000
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
    series = CalendarEvent("ann", zone, starts, timedelta(minutes=length), "FREQ=DAILY;COUNT=1", without=without)
    after = first_at(starts, zone) + from_then * MINUTE
    before = after + looked_at * MINUTE
    assert list(once.spans(after, before)) == list(series.spans(after, before))
