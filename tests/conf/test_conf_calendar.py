"""A calendar file as the shifts of a rotation."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conf.workbench import Workbench
from tocsin.conf.losses import losses
from tocsin.core.duration import DAY, HOUR
from tocsin.core.oncall.rotation import OnCallInput, Rotation

HERE = "  vp-engineering-on-call:\n"
SHIFT = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260112T090000"


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def calendar(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{body}END:VCALENDAR\n".replace("\n", "\r\n")


@pytest.fixture
def ics(bench: Workbench) -> Workbench:
    """The shipped configuration with a rotation ``desk`` of a calendar, whose times are Berlin's."""
    bench.edit("people.yaml", HERE, f"  desk: {{calendar: desk.ics, time_zone: Europe/Berlin}}\n{HERE}")
    return bench


def rotation(bench: Workbench, *events: str) -> Rotation:
    bench.write("desk.ics", calendar(*events))
    return bench.load().people.rotations["desk"]


def on_call(found: Rotation, *at: str) -> list[tuple[str, ...]]:
    return [found.on_at(utc(each), OnCallInput(0)) for each in at]


def test_a_weekly_series_hands_over_at_nine_on_both_sides_of_the_nights_in_which_the_clock_moves(
    ics: Workbench,
) -> None:
    two = "DTSTART;TZID=Europe/Berlin:20260112T090000\nDTEND;TZID=Europe/Berlin:20260119T090000"
    found = rotation(
        ics,
        f"SUMMARY:Alex Example\n{SHIFT}\nRRULE:FREQ=WEEKLY;INTERVAL=2",
        f"SUMMARY:sam@example.com\n{two}\nRRULE:FREQ=WEEKLY;INTERVAL=2",
    )
    assert on_call(found, "2026-01-05T07:59", "2026-01-05T08:00", "2026-01-12T08:00") == [(), ("alex",), ("sam",)]
    assert on_call(found, "2026-03-30T06:59", "2026-03-30T07:00") == [("sam",), ("alex",)]
    assert on_call(found, "2026-10-26T07:59", "2026-10-26T08:00") == [("sam",), ("alex",)]
    shifts = found.shifts(utc("2026-01-05T08:00"), utc("2027-01-04T08:00"), OnCallInput(0))
    assert len(shifts) == 52
    assert found.gaps(utc("2026-01-05T08:00"), utc("2027-01-04T08:00"), OnCallInput(0)) == []


@pytest.mark.parametrize(
    ("summary", "who"),
    [("alex", "alex"), ("ALEX EXAMPLE", "alex"), ("On call: alex", "alex"), ("Sam Example (primary)", "sam"),
     ("Bereitschaft sam@example.com", "sam")],
)  # fmt: skip
def test_the_summary_names_a_person(ics: Workbench, summary: str, who: str) -> None:
    assert on_call(rotation(ics, f"SUMMARY:{summary}\n{SHIFT}"), "2026-01-06T00:00") == [(who,)]


def test_the_only_participant_is_on_call_if_the_summary_names_no_one(ics: Workbench) -> None:
    found = rotation(ics, f"SUMMARY:On call\nATTENDEE;CN=Sam:mailto:SAM@example.com\n{SHIFT}")
    assert on_call(found, "2026-01-06T00:00") == [("sam",)]


def test_an_event_that_names_no_one_is_a_warning_at_its_line(ics: Workbench) -> None:
    ics.write("desk.ics", calendar(f"SUMMARY:alex\n{SHIFT}", f"SUMMARY:Christmas party\n{SHIFT}"))
    told = "the event 'Christmas party' names no person of people.yaml"
    hint = "write the name, full name or e-mail address of a person into its summary"
    assert ics.warnings() == [f"desk.ics:10:1: {told}; {hint}"]


def test_excluded_moved_and_cancelled_times_of_a_series(ics: Workbench) -> None:
    day = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260106T090000"
    ics.write(
        "desk.ics",
        calendar(
            f"SUMMARY:alex\n{day}\nRRULE:FREQ=DAILY\nEXDATE;TZID=Europe/Berlin:20260107T090000",
            "SUMMARY:sam\nRECURRENCE-ID;TZID=Europe/Berlin:20260108T090000\n"
            "DTSTART;TZID=Europe/Berlin:20260108T100000\nDTEND;TZID=Europe/Berlin:20260109T090000",
            "SUMMARY:alex\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Berlin:20260109T090000\n"
            "DTSTART;TZID=Europe/Berlin:20260109T090000\nDTEND;TZID=Europe/Berlin:20260110T090000",
        ).replace("UID:1", "UID:0").replace("UID:2", "UID:0"),
    )  # fmt: skip
    found = ics.load().people.rotations["desk"]
    assert on_call(found, *(f"2026-01-{day:02}T10:00" for day in range(6, 11))) == [
        ("alex",), (), ("sam",), (), ("alex",),
    ]  # fmt: skip
    assert on_call(found, "2026-01-08T08:30") == [()]
    assert found.names == ("alex", "sam")


def test_days_times_in_utc_durations_and_further_dates(ics: Workbench) -> None:
    found = rotation(
        ics,
        "SUMMARY:alex\nDTSTART;VALUE=DATE:20260110\nDTEND;VALUE=DATE:20260112",
        "SUMMARY:sam\nDTSTART:20260115T120000Z\nDURATION:PT4H\nRDATE:20260117T120000Z",
        "SUMMARY:kim\nDTSTART:20260120T090000\nDTEND:20260120T170000",
    )
    assert on_call(found, "2026-01-09T22:59", "2026-01-09T23:00", "2026-01-11T22:59", "2026-01-11T23:00") == [
        (), ("alex",), ("alex",), (),
    ]  # fmt: skip
    assert on_call(found, "2026-01-15T12:00", "2026-01-15T16:00", "2026-01-17T13:00") == [("sam",), (), ("sam",)]
    assert on_call(found, "2026-01-20T08:00") == [("kim",)]


def test_until_and_count_end_a_series(ics: Workbench) -> None:
    found = rotation(
        ics,
        f"SUMMARY:alex\n{SHIFT}\nRRULE:FREQ=WEEKLY;UNTIL=20260120T000000Z",
        "SUMMARY:sam\nDTSTART:20260201T000000Z\nDTEND:20260202T000000Z\nRRULE:FREQ=DAILY;COUNT=3",
    )
    assert on_call(found, "2026-01-25T00:00", "2026-01-26T09:00") == [("alex",), ()]
    assert on_call(found, "2026-02-03T23:59", "2026-02-04T00:00") == [("sam",), ()]


def test_whose_event_begins_next_is_the_secondary(ics: Workbench) -> None:
    ics.edit("people.yaml", "calendar: desk.ics,", "calendar: desk.ics, secondary: next,")
    found = rotation(ics, f"SUMMARY:alex\n{SHIFT}", "SUMMARY:sam\nDTSTART:20260115T120000Z\nDURATION:PT4H")
    assert found.secondary_at(utc("2026-01-06T00:00"), OnCallInput(0)) == ("sam",)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("SUMMARY:alex\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND:garbage", "'garbage' is not a date or time"),
        ("SUMMARY:alex\nDTEND:20260105T090000Z", "it has no DTSTART"),
        ("SUMMARY:alex\nDTSTART:20260105T090000Z\nDTEND:20260104T090000Z", "it ends before it begins"),
        ("SUMMARY:alex\nDTSTART:20260105T090000Z\nDTEND:20380104T090000Z", "it is longer than ten years"),
        ("SUMMARY:alex\nDTSTART:20260105T090000Z\nDTEND:20260105T100000Z\nRRULE:FREQ=SECONDLY",
         "it comes up to 86400 times a day"),
        ("SUMMARY:alex\nDTSTART:00010101T000000\nDTEND:00010102T000000", "the year 1 is out of reach"),
        ("SUMMARY:alex\nDTSTART;VALUE=DATE:20260105\nRDATE;VALUE=DATE:00010101", "the year 1 is out of reach"),
        ("SUMMARY:alex\nDTSTART;VALUE=DATE:20260105\nEXDATE:soon", "'soon' is not a date or time"),
        ("SUMMARY:alex\nDTSTART:20260105T090000Z\nDURATION:P1D\nRECURRENCE-ID:soon", "'soon' is not a date or time"),
        ("SUMMARY:alex\nDTSTART;TZID=Mars/Olympus:20260105T090000\nDURATION:P1D",
         "is in the time zone 'Mars/Olympus', which neither the file nor the IANA database defines"),
    ],
)  # fmt: skip
def test_an_unreadable_event_is_skipped_and_reported_at_its_line(ics: Workbench, event: str, told: str) -> None:
    ics.write("desk.ics", calendar(f"SUMMARY:sam\n{SHIFT}", event))
    [warning] = ics.warnings()
    assert warning.startswith("desk.ics:10:1: the event 'alex' " if "SUMMARY" in event else "desk.ics:10:1: ")
    assert told in warning
    found = ics.load().people.rotations["desk"]
    assert on_call(found, "2026-01-06T09:00")[0][:1] == ("sam",)
    assert len(found.unreadable_parts) == 1
    assert told in found.unreadable_parts[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello", "desk.ics:1:1: desk.ics is not a calendar"),
        (b"", "desk.ics:1:1: desk.ics is not a calendar"),
        (b"\xff\xfe", "desk.ics:1:1: desk.ics is not a calendar"),
        (b"\0" * 5000, "desk.ics:1:1: desk.ics is not a calendar"),
        (b"<html><title>Sign in</title></html>", "desk.ics:1:1: desk.ics is not a calendar"),
        (None, "desk.ics cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_calendar_leaves_its_rotation_to_the_backup(
    ics: Workbench, content: bytes | None, told: str
) -> None:
    if content is not None:
        (ics.config / "desk.ics").write_bytes(content)
    [warning] = ics.warnings()
    assert told in warning
    assert "no one is on call by it" in warning
    bundle = ics.load()
    assert bundle.people.rotations["desk"].unreadable_parts
    assert bundle.lost_calendars == frozenset({str(ics.config / "desk.ics")})


def test_a_calendar_that_is_cut_off_is_read_as_far_as_it_goes_and_is_no_reason_to_give_up_a_whole_one(
    ics: Workbench,
) -> None:
    whole = calendar(f"SUMMARY:alex\n{SHIFT}")
    ics.write("desk.ics", whole)
    before = ics.load()
    assert before.lost_calendars == frozenset()
    ics.write("desk.ics", whole[: whole.index("END:VCALENDAR") + 4])
    cut = ics.load()
    assert cut.lost_calendars == frozenset({str(ics.config / "desk.ics")})
    [loss] = losses(before, cut)
    assert loss.message == (
        "cannot be read as a whole calendar any more (line 1 the calendar has no END:VCALENDAR: "
        "events may be missing): its last shifts stay in force; restore the file"
    )


def test_a_changed_calendar_is_another_configuration(ics: Workbench) -> None:
    ics.write("desk.ics", calendar(f"SUMMARY:alex\n{SHIFT}"))
    before = ics.load().fingerprint
    ics.write("desk.ics", calendar(f"SUMMARY:sam\n{SHIFT}"))
    assert ics.load().fingerprint != before


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_file_content_is_reported_without_an_error(tmp_path_factory: pytest.TempPathFactory, junk: str) -> None:
    bench = Workbench(tmp_path_factory.mktemp("junk"))
    bench.edit("people.yaml", HERE, f"  desk: {{calendar: desk.ics}}\n{HERE}")
    (bench.config / "desk.ics").write_text(
        calendar(f"SUMMARY:alex\n{junk}\n{SHIFT}"), encoding="utf-8", errors="surrogatepass"
    )
    bench.problems()


def test_shifts_far_ahead_are_found_without_walking_from_the_start_each_time(ics: Workbench) -> None:
    found = rotation(ics, f"SUMMARY:alex\n{SHIFT}\nRRULE:FREQ=WEEKLY")
    shift = found.shift_at(utc("2035-01-05T12:00"), OnCallInput(0))
    assert shift.names == ("alex",)
    assert shift.ends_at - shift.starts_at > 365 * DAY - HOUR


def series(*exception: str) -> str:
    """Each Monday 09:00 in Berlin for a day, alex; and what stands in the place of 12 January."""
    every_week = ["UID:1", "SUMMARY:alex", "DTSTART;TZID=Europe/Berlin:20260105T090000"]
    every_week += ["DTEND;TZID=Europe/Berlin:20260106T090000", "RRULE:FREQ=WEEKLY"]
    events = [("BEGIN:VEVENT", *lines, "END:VEVENT") for lines in (every_week, ("UID:1", *exception))]
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *events[0], *events[1], "END:VCALENDAR", "")
    return "\r\n".join(lines)


@pytest.mark.parametrize(
    ("exception", "who"),
    [
        (("SUMMARY:sam", "DTSTART;TZID=America/New_York:20260112T030000", "DURATION:P1D"), ("sam",)),
        (("SUMMARY:sam", "DTSTART:20260112T080000Z", "DTEND:20260113T080000Z"), ("sam",)),
        (("SUMMARY:alex", "STATUS:CANCELLED", "DTSTART:20260112T080000Z", "DTEND:20260113T080000Z"), ()),
    ],
)
@pytest.mark.parametrize(
    "names_it", ["RECURRENCE-ID;TZID=Europe/Berlin:20260112T090000", "RECURRENCE-ID:20260112T080000Z"]
)
def test_a_shift_that_was_moved_or_cancelled_in_another_zone_takes_place_once_or_not_at_all(
    bench: Workbench, exception: tuple[str, ...], who: tuple[str, ...], names_it: str
) -> None:
    bench.edit("people.yaml", HERE, f"  desk: {{calendar: desk.ics, time_zone: Europe/Berlin}}\n{HERE}")
    bench.write("desk.ics", series(names_it, *exception))
    desk = bench.load().people.rotations["desk"]
    assert on_call(desk, "2026-01-12T12:00") == [who]
    assert on_call(desk, "2026-01-19T12:00") == [("alex",)]


@pytest.mark.parametrize("key", ['only: [{from: "09:00", to: "17:00"}]', "every: weekly", 'starts: "2026-01-05 09:00"'])
def test_a_key_that_a_calendar_does_not_listen_to_is_refused(bench: Workbench, key: str) -> None:
    bench.edit("people.yaml", HERE, f"  desk: {{calendar: desk.ics, {key}}}\n{HERE}")
    bench.write("desk.ics", calendar("SUMMARY:alex\nDTSTART:20260105T090000\nDURATION:P1D"))
    assert any("says nothing of a calendar" in problem for problem in bench.problems())
