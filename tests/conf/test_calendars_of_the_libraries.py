"""The test calendars of two calendar libraries: none is refused, and none causes an error."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from icalendar.timezone import tzp

from conf.sdists import calendars
from conf.test_calendars_of_others import read, utc
from tocsin.conf.source import Findings
from tocsin.core.oncall.rotation import OnCallInput, Rotation

BROKEN = {
    "'INVALID-DATE' is not a date or time",
    "'P999999999999999999W' is not a duration",
    "'199709T180000Z' is not a date or time",
    "COUNT cannot be -1",
    "'083000' is not a date or time",
    "'133000Z' is not a date or time",
    "there is no FREQ=INVALID_TYPE_CAUSES_ERROR",
    "it ends before it begins",
    "it has no DTSTART",
    "the calendar has no END:VCALENDAR",
    "has no end and is not read",
    "the rrule has RSCALE, which cannot be used here",
    "the rrule has UNTL, which cannot be used here",
    "which neither the file nor the IANA database defines",
}
"""The faults of those that were made to be wrong; RSCALE is RFC 7529, other calendars than ours."""


@pytest.fixture(scope="session")
def real() -> Mapping[str, bytes]:
    return dict(calendars())


def test_there_are_as_many_as_the_libraries_carry(real: Mapping[str, bytes]) -> None:
    assert len(real) > 250


def test_each_calendar_is_read_and_unreadable_parts_are_reported(real: Mapping[str, bytes], tmp_path: Path) -> None:
    unexpected: list[str] = []
    for name, content in real.items():
        path = tmp_path / "desk.ics"
        path.write_bytes(content)
        findings = Findings()
        calendar = read(path, findings=findings)
        assert findings.problems == [], name
        Rotation("desk", (calendar,)).shifts(utc("2019-01-01"), utc("2019-07-01"), OnCallInput(0))
        if b"BEGIN:VEVENT" not in content:
            continue
        unexpected += [
            f"{name}: {fault}" for fault in calendar.unreadable_parts if not any(said in fault for said in BROKEN)
        ]
        assert len(findings.warnings) >= min(len(calendar.unreadable_parts), 1), name
    assert unexpected == []


OURS = {
    "issue_156_RDATE_with_PERIOD_TZID_khal.ics": "they ignore RDATE beside RECURRENCE-ID",
    "issue_156_RDATE_with_PERIOD_TZID_khal_2.ics": "the same",
    "end_before_start_event.ics": "they swap DTSTART and DTEND; a shift of unknown length is told as a fault",
    "issue_132_swapped_start_and_end.ics": "the same",
    "issue_128_only_first_event.ics": "they ignore COUNT=-1; it is told as a fault",
    "issue_86_x_wr_timezone_without_time_zone_in_dt.ics": "times without a zone are the rotation's",
}
"""Files that we read differently, and why."""


@pytest.mark.filterwarnings("ignore")
def test_the_shifts_are_those_that_their_own_reader_finds(real: Mapping[str, bytes], tmp_path: Path) -> None:
    compared, different = 0, set()
    for name, content in real.items():
        tzp.use_zoneinfo()  # forgets the time zones of the files before
        try:
            expected = theirs(content)
        except Exception:  # noqa: BLE001 - what their reader cannot read has nothing to compare
            continue
        path = tmp_path / "desk.ics"
        path.write_bytes(content)
        spans = {(s.starts_at, s.ends_at) for event in read(path).events for s in event.spans(*map(micros, SEEN))}
        compared += 1
        if spans != expected:
            different.add(name.rpartition("/")[2])
    assert different == set(OURS)
    assert compared > 200


SEEN = (datetime(2015, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))


def micros(at: date) -> int:
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def theirs(content: bytes) -> set[tuple[int, int]]:
    spans: set[tuple[int, int]] = set()
    for calendar in icalendar.Calendar.from_ical(content, multiple=True):
        for event in recurring_ical_events.of(calendar).between(*SEEN):
            starts = event["DTSTART"].dt
            ends = event["DTEND"].dt if "DTEND" in event else starts
            if ends == starts and not isinstance(starts, datetime):
                ends = starts + timedelta(days=1)
            if str(event.get("STATUS", "")) != "CANCELLED" and micros(starts) < micros(ends):
                spans.add((micros(starts), micros(ends)))
    return spans
