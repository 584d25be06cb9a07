"""Our reader of calendars against an independent one: icalendar with recurring-ical-events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.test_calendars_of_others import events, read, utc
from core.test_rrule import EVERY, rules
from tocsin.core.oncall.calendar import Calendar

ZONES = ("", "Europe/Berlin", "America/New_York", "Z")
NAMES = ("alex", "abrown", "taylor")
SEEN_FROM, SEEN_UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
STARTS = st.datetimes(datetime.fromisoformat("2025-11-01"), datetime.fromisoformat("2026-03-01")).map(
    lambda local: local.replace(minute=0, second=0, microsecond=0)
)
Spans = list[tuple[int, int, str]]


def ours(path: Path) -> Spans:
    calendar: Calendar = read(path)
    assert calendar.unreadable_parts == ()
    spans = {
        (span.starts_at, span.ends_at, event.person)
        for event in calendar.events
        for span in event.spans(utc(str(SEEN_FROM.date())), utc(str(SEEN_UNTIL.date())))
    }
    return sorted(spans)


def theirs(text: str) -> Spans:
    """Return the other reader's events; it keeps canceled ones."""
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(SEEN_FROM, SEEN_UNTIL)

    def micros(at: datetime) -> int:
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1_000_000)

    return sorted(
        {
            (micros(event["DTSTART"].dt), micros(event["DTEND"].dt), str(event["SUMMARY"]))
            for event in found
            if str(event.get("STATUS", "")) != "CANCELLED"
        }
    )


def timed(name: str, at: datetime, zone: str) -> str:
    text = at.strftime("%Y%m%dT%H%M%S")
    if zone == "Z":
        return f"{name}:{text}Z"
    return f"{name};TZID={zone}:{text}" if zone else f"{name}:{text}"


@st.composite
def series(draw: st.DrawFn, uid: int) -> list[str]:
    """An event: once, or a series with exceptions of every kind. Its times avoid the nights in which clocks move."""
    zone = draw(st.sampled_from(ZONES))
    starts = draw(STARTS).replace(hour=draw(st.integers(4, 20)))
    length = timedelta(hours=draw(st.integers(1, 3)))
    head = [f"UID:{uid}", f"SEQUENCE:{draw(st.integers(0, 3))}", "DTSTAMP:20260101T000000Z"]
    master = [*head, f"SUMMARY:{draw(st.sampled_from(NAMES))}", timed("DTSTART", starts, zone)]
    master.append(timed("DTEND", starts + length, zone))
    if not draw(st.booleans()):
        return ["\n".join(master)]
    days = draw(st.integers(1, 9))
    rule = f"FREQ=DAILY;INTERVAL={days};COUNT={draw(st.integers(2, 30))}"
    master.append(f"RRULE:{rule}")
    times = [starts + number * timedelta(days=days) for number in range(30)]
    if draw(st.booleans()):
        # Never one that is replaced below: whether that excludes the replacement as well, RFC 5545 does not say.
        master.append(timed("EXDATE", draw(st.sampled_from(times[2:])), zone))
    if draw(st.booleans()):
        master.append(timed("RDATE", starts + timedelta(days=draw(st.integers(40, 60)), hours=1), zone))
    found = ["\n".join(master)]
    if draw(st.booleans()):
        replaced = times[draw(st.integers(0, 1))]
        exception = [f"UID:{uid}", "SEQUENCE:4", "DTSTAMP:20260201T000000Z", timed("RECURRENCE-ID", replaced, zone)]
        exception.append(f"SUMMARY:{draw(st.sampled_from(NAMES))}")
        moved = replaced + timedelta(hours=draw(st.integers(-2, 2)))
        exception += [timed("DTSTART", moved, zone), timed("DTEND", moved + timedelta(hours=1), zone)]
        if draw(st.booleans()):
            exception.append("STATUS:CANCELLED")
        found.append("\n".join(exception))
    return found


@st.composite
def calendars(draw: st.DrawFn) -> str:
    number = draw(st.integers(1, 4))
    return events(*(event for uid in range(number) for event in draw(series(uid)))).replace("\n", "\r\n")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(calendars())
def test_both_find_the_same_shifts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "desk.ics"
    path.write_text(text, newline="")
    assert ours(path) == theirs(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(rules(EVERY[:5]), STARTS, st.sampled_from(ZONES))
def test_both_find_the_same_shifts_of_a_rule(tmp_path: Path, rule: str, starts: datetime, zone: str) -> None:
    starts = starts.replace(hour=12)
    body = ["UID:1", "DTSTAMP:20260101T000000Z", "SUMMARY:alex", timed("DTSTART", starts, zone)]
    if "HOURLY" in rule or "BYHOUR" in rule:  # these cannot avoid the nights in which clocks move
        body[3] = timed("DTSTART", starts, "Z")
    path = tmp_path / "desk.ics"
    text = events("\n".join([*body, "DURATION:PT1H", f"RRULE:{rule}"])).replace("\n", "\r\n")
    path.write_text(text, newline="")
    assert ours(path) == theirs(text)


@pytest.mark.parametrize("name", ["exchange-vtimezone.ics", "plain.ics", "two-versions.ics", "rdate-period.ics"])
def test_both_find_the_same_shifts_of_a_real_file(name: str) -> None:
    path = Path(__file__).parents[1] / "fixtures" / "calendars" / name
    assert ours(path) == theirs(path.read_text())
