"""windows.yaml: planned maintenance windows, and mistakes reported at their position."""

from datetime import UTC, datetime

import pytest

from conf.workbench import Workbench
from tocsin.core.duration import HOUR, SECOND
from tocsin.core.schedule.recurrence import Span

GOOD = """\
windows:
  - name: Sunday upgrades
    match: 'cluster="eu1",service=~"postgres|pgbouncer"'
    time_zone: Europe/Berlin
    starts: "2026-11-01 02:00"
    rrule: "FREQ=WEEKLY;BYDAY=SU"
    duration: 2h
    comment: ask the database team
    author: dana
  - name: Move
    match: datacenter="fra2"
    starts: "2026-12-05 20:00"
    ends: "2026-12-06 06:00"
"""


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def test_windows_are_what_the_file_says(bench: Workbench) -> None:
    bench.write("windows.yaml", GOOD)
    sundays, move = bench.load().windows
    assert (sundays.name, sundays.comment, sundays.author, sundays.id) == (
        "Sunday upgrades",
        "ask the database team",
        "dana",
        None,
    )
    assert sundays.matches({"cluster": "eu1", "service": "postgres"})
    assert not sundays.matches({"cluster": "eu1", "service": "web"})
    assert sundays.upcoming(at("2026-11-02 00:00"), 1) == [
        Span(at("2026-11-08 01:00"), at("2026-11-08 01:00") + 2 * HOUR)
    ]
    assert move.when == Span(at("2026-12-05 20:00"), at("2026-12-06 06:00"))  # UTC, as no zone is named


def test_the_shipped_file_has_none_and_its_example_is_one(bench: Workbench) -> None:
    assert bench.load().windows == ()
    example = bench.text("windows.yaml").partition("windows: []\n")[2]
    bench.write("windows.yaml", "\n".join(line.removeprefix("# ") for line in example.splitlines()))
    assert [window.name for window in bench.load().windows] == ["Sunday database upgrades", "Data centre move"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "windows: []\n"])
def test_a_file_may_hold_no_window(bench: Workbench, text: str) -> None:
    bench.write("windows.yaml", text)
    assert bench.load().windows == ()


def test_the_file_may_be_missing_and_belongs_to_the_fingerprint_where_it_is_not(bench: Workbench) -> None:
    (bench.config / "windows.yaml").unlink()
    without = bench.load()
    bench.write("windows.yaml", GOOD)
    assert bench.load().fingerprint != without.fingerprint


def test_a_file_that_is_not_read_is_a_warning(bench: Workbench) -> None:
    bench.write("windows.yml", GOOD)
    assert bench.warnings() == ["windows.yml: is not read; name it windows.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "offset", "told"),
    [
        ("name: Move", "nam: Move", 0, "unknown key 'nam'; did you mean name?"),
        ("name: Move", 'name: "Mo\\nve"', 6, "the name is not one line of text; remove line breaks"),
        ("name: Move", "name: Sunday upgrades", 6, "there is another window 'Sunday upgrades'; the first is in line 2"),
        ('match: datacenter="fra2"', "match: 'datacenter=\"fra2'", 19, "bad matcher: the closing quote"),
        ('match: datacenter="fra2"', "match: 'datacenter=~\"(\"'", 20, "bad matcher: '('"),
        ('match: datacenter="fra2"', "match: '{}'", 7, "{} matches alerts that have no label"),
        ('match: datacenter="fra2"', "match: datacenter!=\"x\"", 7, "matches alerts that have no label at all"),
        ("time_zone: Europe/Berlin", "time_zone: Europe/Berln", 11, "'Europe/Berln'; did you mean Europe/Berlin?"),
        ("time_zone: Europe/Berlin", "time_zone: ../../etc/passwd", 11, "there is no time zone '../../etc/passwd'"),
        ('starts: "2026-11-01 02:00"', "starts: 2026-11-01 02:00", 8, "an unquoted date is not text to YAML"),
        ('starts: "2026-11-01 02:00"', 'starts: "2026-11-31 02:00"', 8, "there is no time 2026-11-31"),
        ('starts: "2026-11-01 02:00"', 'starts: "tomorrow"', 8, "'tomorrow' is not a time; write the time"),
        ('starts: "2026-11-01 02:00"', 'starts: "2026-11-01T02:00Z"', 8, "'2026-11-01T02:00Z' is not a time"),
        ('starts: "2026-11-01 02:00"', 'starts: "1026-11-01 02:00"', 8, "the year 1026 is out of reach; write"),
        ('rrule: "FREQ=WEEKLY;BYDAY=SU"', 'rrule: "FREQ=SECONDLY"', 7, "FREQ=SECONDLY comes too often"),
        ('rrule: "FREQ=WEEKLY;BYDAY=SU"', 'rrule: "FREQ=WEEKLY;BYDAY=SO"', 7, "BYDAY cannot be SO; write MO, TU"),
        ("duration: 2h", "duration: 2", 10, "a duration needs its unit; write 2s for seconds"),
        ("duration: 2h", "duration: 5s", 10, "is shorter than a minute; write for example 2h"),
        ("duration: 2h", "duration: 32d", 10, "is longer than 31 days; for longer, write a rule"),
        ("duration: 2h", 'ends: "2026-11-01 04:00"', 0, "a window with rrule has no `ends`"),
        ('    ends: "2026-12-06 06:00"\n', "", None, "does not say when it is over; write duration: 2h, or"),
        ('ends: "2026-12-06 06:00"', 'ends: "2026-12-06 06:00"\n    duration: 1h', 0, "has both `ends` and `duration`"),
        ('ends: "2026-12-06 06:00"', 'ends: "2026-12-05 06:00"', 6, "ends before it begins; the end must be later"),
        ('ends: "2026-12-06 06:00"', 'ends: "2027-12-05 06:00"', 6, "is longer than 31 days"),
        ('ends: "2026-12-06 06:00"', 'ends: "late"', 6, "'late' is not a time"),
        ("author: dana", "author: 7", 8, "text is expected here; put it in quotes"),
        ("windows:\n", "window:\n", 0, "unknown key 'window'; did you mean windows?"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_at_its_position(
    bench: Workbench, old: str, new: str, offset: int | None, told: str
) -> None:
    bench.write("windows.yaml", GOOD)
    line, column = bench.edit("windows.yaml", old, new)
    problems = [problem for problem in bench.problems() if told in problem]
    assert len(problems) == 1, bench.problems()
    place = "10:5" if offset is None else f"{line}:{column + offset}"
    assert problems[0].startswith(f"windows.yaml:{place}: ")


def test_a_window_that_would_never_end_is_refused(bench: Workbench) -> None:
    bench.write("windows.yaml", GOOD.replace("FREQ=WEEKLY;BYDAY=SU", "FREQ=DAILY").replace("2h", "1d"))
    (problem,) = bench.problems()
    assert "it would never end; shorten `duration`" in problem


def test_a_recurrence_without_a_duration_is_refused_at_its_window(bench: Workbench) -> None:
    bench.write("windows.yaml", GOOD.replace("    duration: 2h\n", ""))
    assert bench.problems() == ["windows.yaml:2:5: does not say when it is over; write duration: 2h"]


def test_every_mistake_is_reported_at_once(bench: Workbench) -> None:
    bench.write("windows.yaml", GOOD.replace("Berlin", "Berln").replace("fra2", "fra2\\").replace("06:00", "26:00"))
    assert len(bench.problems()) == 3


def test_matchers_that_the_two_grammars_read_differently_are_a_warning(bench: Workbench) -> None:
    bench.write("windows.yaml", GOOD.replace('datacenter="fra2"', "datacenter=fra2\\ x"))
    (warning,) = bench.warnings()
    assert "only the classic grammar can read this" in warning or "the classic one counts" in warning
