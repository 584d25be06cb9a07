"""`tocsin check` and `tocsin drill` report a rotation without an on-call person, and until when."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.daemons import StandIn
from cli.test_check_mistakes import FIXTURES, SECRETS
from tocsin.cli.main import cli

PAST = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//x//y//EN\r
BEGIN:VEVENT\r
UID:1\r
SUMMARY:alex\r
DTSTART:20260105T090000Z\r
DTEND:20260106T090000Z\r
END:VEVENT\r
END:VCALENDAR\r
"""


def checked(tmp_path: Path, rotation: str, *arguments: str) -> tuple[int, str]:
    """Return the exit code and output of `tocsin check` on a configuration with one rotation."""
    for part in ("config", "rules"):
        shutil.copytree(FIXTURES / part, tmp_path / part)
    (tmp_path / "config" / "desk.ics").write_text(PAST, newline="")
    with (tmp_path / "config" / "people.yaml").open("a") as people:
        people.write(f"\nrotations:\n  desk: {rotation}\n")
    given = ["check", "--config", str(tmp_path / "config"), "--rules", str(tmp_path / "rules"), *arguments]
    told = CliRunner().invoke(cli, given, env=SECRETS, catch_exceptions=False)
    return told.exit_code, told.output


def test_check_notes_a_backup_that_is_paged_now_and_is_content(tmp_path: Path) -> None:
    code, output = checked(tmp_path, "{calendar: desk.ics, backup: [sam]}", "--strict")
    [note] = [line for line in output.splitlines() if "no one is on call" in line]
    assert note.endswith("note: no one is on call for desk, and no shift comes; the backup is paged: sam")
    assert code == 0


@pytest.mark.parametrize(("form", "level"), [("github", "::notice file="), ("json", '"level": "note"')])
def test_check_notes_it_for_programs_too(tmp_path: Path, form: str, level: str) -> None:
    assert level in checked(tmp_path, "{calendar: desk.ics, backup: [sam]}", "--format", form)[1]


def test_check_warns_of_a_rotation_without_anyone_now_and_without_a_backup(tmp_path: Path) -> None:
    code, output = checked(tmp_path, "{calendar: desk.ics}", "--strict")
    [warning] = [line for line in output.splitlines() if "no one is on call" in line]
    assert "warning: no one is on call for desk now, until " in warning
    assert code == 1


def test_a_drill_warns_before_it_pages(answering: Callable[[int, object], StandIn]) -> None:
    shift = {"names": [], "starts_at": "2026-11-20T12:00:00Z", "ends_at": "2026-11-20T17:00:00Z"}
    desk: dict[str, Any] = {"name": "desk", "on_call": [], "shift": shift, "backup": ["sam"], "time_zone": "UTC"}
    taken = {"name": "web", "on_call": [{"name": "alex"}], "shift": shift, "backup": [], "time_zone": "UTC"}
    answer = {"at": "2026-11-20T12:00:00Z", "rotations": [desk, taken], "incidents": [], "next": None}
    daemon = answering(200, answer | {"outcome": "suppressed", "because": "suppressed by night"})
    told = daemon.run("drill", "--timeout", "1").output.splitlines()
    assert "".join(told[:2]).startswith(
        "warning: no one is on call for desk until 2026-11-20 17:00 UTC (in 5 h); the backup is paged: sam"
    )
    assert not any("for web" in line for line in told)
    assert json.loads(daemon.seen[1].body)["status"] == "firing"
