"""Calendars from Exchange, Outlook, Google and by hand: everything legal is read, independent of other files."""

import pickle
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.conf.calendars import calendar_of
from tocsin.conf.calendars.content import components
from tocsin.conf.calendars.persons import Names
from tocsin.conf.calendars.zones import Zones
from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.oncall.calendar import Calendar
from tocsin.core.oncall.people import Person
from tocsin.core.oncall.rotation import OnCallInput, Rotation

CALENDARS = Path(__file__).parents[1] / "fixtures" / "calendars"
PERSONS = {
    person.name: person
    for person in (
        Person("alex", full_name="Alex Example", email="alex@example.com"),
        Person("abrown", full_name="Alex Brown", email="alex.brown@example.com"),
        Person("taylor", full_name="Taylor Ümlaut", email="taylor@example.com"),
    )
}


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def read(path: Path, zone: str = "UTC", findings: Findings | None = None) -> Calendar:
    node = Node(path.name, Mark(str(path.parent / "people.yaml"), 1, 1))
    return calendar_of(path.name, node, PERSONS, ZoneInfo(zone), findings or Findings())


def shifts(calendar: Calendar, first: str = "2026-01-01", last: str = "2026-12-31") -> list[tuple[str, str, str]]:
    """(from, until, who) of each shift of somebody."""

    def shown(at: int) -> str:
        return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%m-%d %H:%M")

    rotation = Rotation("desk", (calendar,))
    return [
        (shown(shift.starts_at), shown(shift.ends_at), " ".join(shift.names))
        for shift in rotation.shifts(utc(first), utc(last), OnCallInput(0))
        if shift.names
    ]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "desk.ics"
    path.write_bytes(text.strip().replace("\n", "\r\n").encode())
    return path


def events(*bodies: str) -> str:
    inside = "\n".join(f"BEGIN:VEVENT\n{body}\nEND:VEVENT" for body in bodies)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{inside}\nEND:VCALENDAR"


EXPECTED = {
    "exchange-vtimezone.ics": [("07-06 21:00", "07-06 22:00", "alex")],
    "full-name.ics": [("01-05 09:00", "01-12 09:00", "abrown")],
    "occurrence-names-nobody.ics": [
        ("01-05 09:00", "01-05 17:00", "alex"),
        ("01-06 09:00", "01-06 17:00", "alex"),
        ("01-08 09:00", "01-08 17:00", "alex"),
    ],
    "plain.ics": [("07-06 09:00", "07-06 17:00", "alex")],
    "rdate-period.ics": [("01-05 09:00", "01-05 10:00", "alex"), ("01-07 09:00", "01-07 12:00", "alex")],
    "two-versions.ics": [("01-07 09:00", "01-07 17:00", "taylor")],
    "weekly-bysetpos.ics": [
        ("01-05 08:00", "01-05 16:00", "alex"),
        ("01-12 08:00", "01-12 16:00", "alex"),
        ("01-19 08:00", "01-19 16:00", "alex"),
    ],
    "windows-name.ics": [("07-06 07:00", "07-06 15:00", "alex")],
    "zero-length-beside-a-shift.ics": [("01-07 09:00", "01-07 17:00", "taylor")],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_calendar_gives_its_shifts(name: str) -> None:
    calendar = read(CALENDARS / name)
    assert calendar.unreadable_parts == ()
    assert shifts(calendar)[: len(EXPECTED[name])] == EXPECTED[name]
    assert len(shifts(calendar)) == len(EXPECTED[name]) or name in (
        "occurrence-names-nobody.ics",
        "weekly-bysetpos.ics",
    )


FILES = ("exchange-vtimezone.ics", "plain.ics", "windows-name.ics", "other")


@pytest.mark.parametrize("order", list(permutations(FILES)))
def test_no_file_changes_what_another_one_means(tmp_path: Path, order: tuple[str, ...]) -> None:
    other = (CALENDARS / "exchange-vtimezone.ics").read_text().replace("-0400", "+0300").replace("-0500", "+0300")
    for name in order:
        if name == "other":  # the same TZID, and another meaning
            assert shifts(read(written(tmp_path, other))) == [("07-06 14:00", "07-06 15:00", "alex")]
        else:
            assert shifts(read(CALENDARS / name)) == EXPECTED[name]


def test_a_shift_of_an_unknown_person_is_a_reported_gap() -> None:
    findings = Findings()
    calendar = read(CALENDARS / "occurrence-names-nobody.ics", findings=findings)
    rotation = Rotation("desk", (calendar,), backup=("taylor",))
    assert rotation.on_at(utc("2026-01-07 12:00"), OnCallInput(0)) == ()
    [remark] = rotation.remarks_at(utc("2026-01-07 12:00"), OnCallInput(0))
    assert remark == "the calendar's event 'HOLIDAY - nobody' names no person of people.yaml"
    assert rotation.remarks_at(utc("2026-01-06 12:00"), OnCallInput(0)) == ()
    [warning] = findings.warnings
    assert (warning.line, "no one is on call by the calendar at that time of its series" in warning.message) == (
        12,
        True,
    )


DAY = "DTSTART:20260105T090000Z\nDTEND:20260105T170000Z"
MONDAY = ("01-05 09:00", "01-05 17:00", "alex")
TAYLOR = ("01-05 09:00", "01-05 17:00", "taylor")


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        # SEQUENCE goes before DTSTAMP, and an older version of a canceled event does not come back.
        ((f"UID:1\nSEQUENCE:2\nDTSTAMP:20260101T000000Z\nSUMMARY:taylor\n{DAY}",
          f"UID:1\nSEQUENCE:1\nDTSTAMP:20260301T000000Z\nSUMMARY:alex\n{DAY}"), [TAYLOR]),
        ((f"UID:1\nDTSTAMP:20260101T000000Z\nSUMMARY:alex\n{DAY}",
          f"UID:1\nDTSTAMP:20260301T000000Z\nSUMMARY:taylor\n{DAY}"), [TAYLOR]),
        ((f"UID:1\nSEQUENCE:0\nSUMMARY:alex\n{DAY}", f"UID:1\nSEQUENCE:1\nSTATUS:CANCELLED\nSUMMARY:alex\n{DAY}"), []),
        # Two versions of one time of a series.
        ((f"UID:1\nSUMMARY:alex\nRRULE:FREQ=DAILY;COUNT=2\n{DAY}",
          "UID:1\nSEQUENCE:1\nSUMMARY:taylor\nRECURRENCE-ID:20260106T090000Z\nDTSTART:20260106T100000Z\nDURATION:PT1H",
          "UID:1\nSEQUENCE:2\nSUMMARY:abrown\nRECURRENCE-ID:20260106T090000Z\nDTSTART:20260106T110000Z\nDURATION:PT1H"),
         [MONDAY, ("01-06 11:00", "01-06 12:00", "abrown")]),
        # Without anything that says which is newer both count: a lost shift is worse than one page too many.
        ((f"UID:1\nSUMMARY:alex\n{DAY}", f"UID:1\nSUMMARY:taylor\n{DAY}"),
         [("01-05 09:00", "01-05 17:00", "alex taylor")]),
        # This and all that follow: another person, an hour later, until the next such change.
        ((f"UID:1\nSUMMARY:alex\nRRULE:FREQ=DAILY;COUNT=4\n{DAY}",
          "UID:1\nSUMMARY:taylor\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260106T090000Z\nDTSTART:20260106T100000Z\nDURATION:PT8H",
          "UID:1\nSUMMARY:abrown\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260108T090000Z\nDTSTART:20260108T090000Z\nDURATION:PT1H"),
         [MONDAY, ("01-06 10:00", "01-06 18:00", "taylor"),
          ("01-07 10:00", "01-07 18:00", "taylor"), ("01-08 09:00", "01-08 10:00", "abrown")]),
        ((f"UID:1\nSUMMARY:alex\nRRULE:FREQ=DAILY;COUNT=4\n{DAY}",
          f"UID:1\nSUMMARY:alex\nSTATUS:CANCELLED\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260106T090000Z\n{DAY}"),
         [MONDAY]),
        # A date in EXDATE or RECURRENCE-ID means that day's time.
        ((f"UID:1\nSUMMARY:alex\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20260106\n{DAY}",
          "UID:1\nSUMMARY:taylor\nRECURRENCE-ID;VALUE=DATE:20260107\nDTSTART:20260107T100000Z\nDURATION:PT1H"),
         [MONDAY, ("01-07 10:00", "01-07 11:00", "taylor")]),
        # More than one rule, a length in RDATE, hours, the last age.
        ((f"UID:1\nSUMMARY:alex\nRRULE:FREQ=WEEKLY;COUNT=2\nRRULE:FREQ=DAILY;COUNT=2\n{DAY}",),
         [MONDAY, ("01-06 09:00", "01-06 17:00", "alex"),
          ("01-12 09:00", "01-12 17:00", "alex")]),
        (("UID:1\nSUMMARY:alex\nDTSTART:20260105T000000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY;INTERVAL=12;COUNT=3",),
         [("01-05 00:00", "01-05 01:00", "alex"), ("01-05 12:00", "01-05 13:00", "alex"),
          ("01-06 00:00", "01-06 01:00", "alex")]),
        (("UID:1\nSUMMARY:alex\nDTSTART:19980105T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY",),
         [("01-05 09:00", "01-05 10:00", "alex")]),
        (("UID:1\nSUMMARY:alex\nDTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;UNTIL=99991231T000000Z",),
         [("01-05 09:00", "01-05 10:00", "alex")]),
        # An alarm's texts and times are not the event's.
        ((f"UID:1\nSUMMARY:alex\n{DAY}\nBEGIN:VALARM\nTRIGGER:-PT15M\nSUMMARY:taylor\nDURATION:PT5M\nEND:VALARM",),
         [MONDAY]),
        # A whole day that ends on the day on which it begins, as some exports write it.
        (("UID:1\nSUMMARY:alex\nDTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260105",),
         [("01-05 00:00", "01-06 00:00", "alex")]),
        # Folded inside a word, in lower case, with a quoted parameter and escapes.
        (("uid:1\nsummary;language=en:On call\\, al\n ex\ndtstart;x-a=\"b;c:d\":20260105T090000Z\nduration:pt8h",),
         [MONDAY]),
    ],
)  # fmt: skip
def test_what_is_legal_is_read(tmp_path: Path, bodies: tuple[str, ...], expected: list[tuple[str, str, str]]) -> None:
    calendar = read(written(tmp_path, events(*bodies)))
    assert calendar.unreadable_parts == ()
    assert shifts(calendar) == expected


def test_several_calendars_in_one_file_are_read_as_one(tmp_path: Path) -> None:
    text = events(f"UID:1\nSUMMARY:alex\n{DAY}") + "\n" + events(f"UID:2\nSUMMARY:taylor\n{DAY}")
    assert shifts(read(written(tmp_path, text))) == [("01-05 09:00", "01-05 17:00", "alex taylor")]


def test_a_fold_may_split_a_character_and_a_file_may_be_utf_16_or_windows_1252(tmp_path: Path) -> None:
    text = events(f"UID:1\nSUMMARY:Taylor Ümlaut\n{DAY}").replace("\n", "\r\n").encode()
    expected = [("01-05 09:00", "01-05 17:00", "taylor")]
    place = text.index("Ü".encode()) + 1
    path = tmp_path / "desk.ics"
    for raw in (text, text[:place] + b"\r\n " + text[place:], b"\xef\xbb\xbf" + text, text.decode().encode("utf-16"),
                text.replace(b"\r\n", b"\n"), text.replace(b"\r\n", b"\r")):  # fmt: skip
        path.write_bytes(raw)
        assert (shifts(read(path)), read(path).unreadable_parts) == (expected, ())
    path.write_bytes(text.decode().encode("cp1252"))
    assert shifts(read(path)) == expected
    assert "is not UTF-8 text" in read(path).unreadable_parts[0]


@pytest.mark.parametrize(
    ("tzid", "begins"),
    [
        ("Europe/Berlin", "08:00"),
        ("europe/berlin", "08:00"),
        ("/example.com/20240101/Europe/Berlin", "08:00"),
        ("Eastern Standard Time", "14:00"),
        ("India Standard Time", "03:30"),
        ("UTC", "09:00"),
        ("EST", "14:00"),
    ],
)
def test_names_of_time_zones(tmp_path: Path, tzid: str, begins: str) -> None:
    calendar = read(
        written(tmp_path, events(f"UID:1\nSUMMARY:alex\nDTSTART;TZID={tzid}:20260105T090000\nDURATION:PT1H"))
    )
    assert calendar.unreadable_parts == ()
    assert shifts(calendar)[0][0] == f"01-05 {begins}"


@pytest.mark.parametrize("tzid", ["Nowhere", "../../etc/passwd", "America", "", "x" * 500, "a\\nb"])
def test_an_unknown_time_zone_is_read_as_the_rotations_and_reported(tmp_path: Path, tzid: str) -> None:
    body = f"UID:1\nSUMMARY:alex\nDTSTART;TZID={tzid}:20260105T090000\nDURATION:PT1H"
    calendar = read(written(tmp_path, events(body)), "Europe/Berlin")
    assert shifts(calendar)[0][0] == "01-05 08:00"
    assert len(calendar.unreadable_parts) == (1 if tzid else 0)


VTIMEZONE = """\
BEGIN:VTIMEZONE
TZID:{tzid}
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


@settings(deadline=None)
@given(
    st.datetimes(datetime.fromisoformat("1997-01-01"), datetime.fromisoformat("2037-12-31")),
    st.sampled_from([0, 1]),
)
def test_a_vtimezone_with_berlins_rules_is_berlin(local: datetime, fold: int) -> None:
    found, _ = components(VTIMEZONE.format(tzid="Desk").encode())
    zone, berlin = Zones(found).zone("Desk"), ZoneInfo("Europe/Berlin")
    at = local.replace(fold=fold)
    assert at.replace(tzinfo=zone).utcoffset() == at.replace(tzinfo=berlin).utcoffset()
    shown, expected = (local.replace(tzinfo=UTC).astimezone(each) for each in (zone, berlin))
    assert (shown.replace(tzinfo=None), shown.fold) == (expected.replace(tzinfo=None), expected.fold)


@pytest.mark.parametrize(
    ("summary", "names"),
    [
        ("alex", ("alex",)), ("@alex", ("alex",)), ("On call: @alex!", ("alex",)),
        ("alex, taylor", ("alex", "taylor")),
        ("taylor/alex", ("taylor", "alex")), ("On Call - Alex Brown - Primary", ("abrown",)),
        ("Brown, Alex", ("abrown",)),
        ("alex.brown@example.com", ("abrown",)), ("Alex  Brown + alex", ("abrown", "alex")),
        ("TAYLOR U\u0308MLAUT (until 9)", ("taylor",)), ("alexandra", ()), ("alex@other.example", ()),
        ("someone@alex", ()), ("alex-two", ()), ("", ()),
    ],
)  # fmt: skip
def test_a_summary_names_persons_and_the_longest_name_counts(summary: str, names: tuple[str, ...]) -> None:
    assert Names(PERSONS).named(summary, ()) == names


@given(st.lists(st.sampled_from(["alex", "abrown", "taylor"]), min_size=1, unique=True), st.text("-/, &+", min_size=1))
def test_every_full_name_in_a_summary_is_recognized(names: list[str], between: str) -> None:
    summary = f" {between} ".join(PERSONS[name].full_name for name in names)
    assert Names(PERSONS).named(summary, ()) == tuple(names)


def test_a_shift_by_a_zone_of_its_own_file_survives_the_way_to_the_committing_process() -> None:
    calendar = read(CALENDARS / "exchange-vtimezone.ics")
    assert shifts(pickle.loads(pickle.dumps(calendar))) == EXPECTED["exchange-vtimezone.ics"]
