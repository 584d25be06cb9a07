"""Calendars that would need too much work are bounded and reported; the other shifts are still read."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.test_calendars_of_others import PERSONS, events, read, utc
from tocsin.conf.source import Findings
from tocsin.core.oncall.rotation import OnCallInput, Rotation

SHIFT = "UID:good\nSUMMARY:taylor\nDTSTART:20260105T090000Z\nDTEND:20260106T090000Z"
DAY = "DTSTART:20200105T090000Z\nDTEND:20200105T100000Z"
SECONDS = 20.0
"""Processor time to read a file and look at a year of it."""


def many(number: int, body: str) -> str:
    return events(*(f"UID:{each}\n{body}" for each in range(number)), SHIFT)


def of_rule(rule: str, number: int = 1) -> Callable[[], str]:
    return lambda: many(number, f"SUMMARY:alex\n{DAY}\nRRULE:{rule}")


def dates(name: str, number: int) -> str:
    return f"{name}:" + ",".join(
        f"20{each // 336 % 90 + 10}{each // 28 % 12 + 1:02}{each % 28 + 1:02}T090000Z" for each in range(number)
    )


def zone(rule: str) -> str:
    parts = f"DTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:{rule}"
    defined = f"BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\n{parts}\nEND:STANDARD\nEND:VTIMEZONE"
    event = "UID:1\nSUMMARY:alex\nDTSTART;TZID=Mine:20200105T090000\nDURATION:PT1H"
    return events(event, SHIFT).replace("BEGIN:VEVENT", f"{defined}\nBEGIN:VEVENT", 1)


NESTED = "BEGIN:VTODO\n" * 50_000 + "END:VTODO\n" * 50_000 + "BEGIN:VEVENT"

FLOODS: dict[str, tuple[Callable[[], str], str]] = {
    "every second without end": (of_rule("FREQ=SECONDLY"), "86400 times a day"),
    "every minute": (of_rule("FREQ=MINUTELY"), "1440 times a day"),
    "a set of positions": (of_rule("FREQ=YEARLY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYSETPOS=1"), "BYSETPOS chooses"),
    "too many hourly series": (of_rule("FREQ=HOURLY", 2000), "more than 1000 times a day"),
    "too many daily series": (of_rule("FREQ=DAILY", 5000), "more than 1000 times a day"),
    "counts without end": (of_rule("FREQ=DAILY;COUNT=999999999", 900), "takes too long to count"),
    "counts of nothing": (of_rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9", 900), "takes too long to count"),
    "100,000 events": (lambda: many(100_000, f"SUMMARY:alex\n{DAY}"), "is larger than 4 MiB"),
    "30,000 events": (lambda: many(30_000, f"SUMMARY:alex\n{DAY}"), "only the 20000 that begin last are read"),
    "50,000 broken events": (lambda: many(50_000, "SUMMARY:alex\nDTSTART:soon"), "events like those named"),
    "further dates": (lambda: many(1, f"SUMMARY:alex\n{DAY}\n{dates('RDATE', 60_000)}"), "only the 20000"),
    "left out dates": (lambda: many(1, f"SUMMARY:alex\n{DAY}\nRRULE:FREQ=DAILY\n{dates('EXDATE', 60_000)}"), ""),
    "a long line": (lambda: many(1, f"SUMMARY:alex{'x' * (2 << 20)}\n{DAY}"), "a line is longer than 1 MiB"),
    "deep nesting": (lambda: events(SHIFT).replace("BEGIN:VEVENT", NESTED, 1), "nested deeper than 16 levels"),
    "NULs": (lambda: many(1, f"SUMMARY:al\0ex{chr(0) * 1000}\n{DAY}"), "names no person"),
    "a time zone of a second": (lambda: zone("FREQ=SECONDLY"), "which neither the file nor the IANA database defines"),
    "a time zone of every day": (lambda: zone("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"), "neither the file nor"),
    "a longest event": (lambda: many(1, "SUMMARY:alex\nDTSTART:19000101T000000Z\nDTEND:21990101T000000Z"), "ten years"),
    "the end of time": (lambda: many(1, "SUMMARY:alex\nDTSTART:21991231T235959Z\nDURATION:P9D\nRRULE:FREQ=DAILY"), ""),
}  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_bounded_and_told(tmp_path: Path, flood: str) -> None:
    text, told = FLOODS[flood]
    path = tmp_path / "desk.ics"
    path.write_text(text())
    findings = Findings()
    begun = process_time()
    rotation = Rotation("desk", (read(path, findings=findings),))
    rotation.shifts(utc("2026-01-01"), utc("2026-12-31"), OnCallInput(0))
    assert process_time() - begun < SECONDS
    assert findings.problems == []
    assert len(findings.warnings) <= 52
    if told:
        assert any(told in warning.message for warning in findings.warnings), findings.warnings[:3]
    if flood not in ("100,000 events", "further dates"):  # the good shift stands behind the limit
        assert "taylor" in rotation.on_at(utc("2026-01-05 12:00"), OnCallInput(0))


LINES = st.sampled_from(
    [
        "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VTIMEZONE", "END:VTIMEZONE", "TZID:X",
        "BEGIN:STANDARD", "END:STANDARD", "TZOFFSETFROM:+0100", "TZOFFSETTO:-9999", "UID:1", "SUMMARY:alex",
        "SEQUENCE:1", "DTSTART:20260105T090000Z", "DTSTART;TZID=X:20260105T090000", "DTEND:20260105T100000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY;COUNT=0",
        "RDATE;VALUE=PERIOD:20260105T090000Z/PT1H", "EXDATE:20260105",
        "RECURRENCE-ID:20260105T090000Z", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260106T090000Z", "STATUS:CANCELLED",
        " folded",
    ]
) | st.text(max_size=30)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=40))
def test_any_lines_are_read_without_an_error(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "desk.ics"
    path.write_bytes("\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines]).encode(errors="surrogatepass"))
    findings = Findings()
    calendar = read(path, findings=findings)
    assert findings.problems == []
    rotation = Rotation("desk", (calendar,))
    for shift in rotation.shifts(utc("2026-01-01"), utc("2026-03-01"), OnCallInput(0)):
        assert set(shift.names) <= PERSONS.keys()
        rotation.remarks_at(shift.starts_at, OnCallInput(0))
