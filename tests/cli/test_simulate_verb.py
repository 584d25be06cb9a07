"""``tocsin simulate`` on the command line."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.text import Text

from cli.terminals import on_a_terminal
from tocsin.cli.main import cli

REPOSITORY = Path(__file__).parents[2]
SEV1 = ("--playbook", "emergency-response", "--severity", "SEV-1", "--start", "2026-11-20T12:00Z")


def run(*arguments: str) -> Result:
    where = ("--config", str(REPOSITORY / "config"), "--rules", str(REPOSITORY / "rules"))
    return CliRunner().invoke(cli, ("simulate", *where, *arguments))


def steps(*arguments: str) -> list[dict[str, Any]]:
    told = run(*arguments, "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert set(found) == {"steps"}
    return list(found["steps"])


def ladder(*arguments: str) -> list[dict[str, Any]]:
    """Without what the clock of the incident tells of, and without the playbook's own words."""
    of_the_clock = re.compile(
        r"SEV-\d target missed: .*$|a status update is due|reminder .: the status update is late|no status update was"
        "|write the postmortem|the postmortem|.*, as it was "
        "|.* waits for your confirmation|.* was not confirmed before the incident was resolved"
        r"|duty |you are invited |overdue|.* by (\w+ )?\d{4}-\d\d-\d\d \d\d:\d\d UTC|hold the |task |your task"
    )
    return [step for step in steps(*arguments) if not of_the_clock.match(step["because"])]


def brief(*arguments: str) -> list[tuple[int, int, list[str]]]:
    return [(step["after_seconds"], step["tier"], step["targets"]) for step in ladder(*arguments)]


def test_a_step_says_when_who_through_what_and_why() -> None:
    first, *_ = steps(*SEV1)
    assert first == {
        "after_seconds": 0,
        "at": "2026-11-20T12:00:00Z",
        "tier": 1,
        "targets": ["alex"],
        "channel": "console",
        "kind": "page",
        "because": "new incident",
    }


def test_an_unacknowledged_incident_is_shown_up_to_the_second_round_of_the_fallback() -> None:
    assert brief(*SEV1) == [
        (0, 1, ["alex"]),
        (900, 1, ["alex"]),
        (1800, 2, ["morgan"]),
        (1800, 3, ["robin", "kim"]),
        (2700, 3, ["robin", "kim", "alex"]),
        (3600, 3, ["robin", "kim", "alex"]),
    ]


def test_it_looks_as_long_as_it_is_asked_to() -> None:
    assert [after for after, _, _ in brief(*SEV1, "--for", "1h30m")][-3:] == [3600, 4500, 5400]


def test_an_acknowledgment_and_a_resolve_change_what_comes() -> None:
    assert [after for after, _, _ in brief(*SEV1, "--ack-after", "10m")] == [0, 1800, 1800]
    assert [after for after, _, _ in brief(*SEV1, "--ack-after", "10m", "--resolve-after", "29m")] == [0]
    assert [after for after, _, _ in brief(*SEV1, "--resolve-after", "10m")] == [0]


def test_flags_set_at_the_start_notify_their_targets_at_once() -> None:
    found = brief(*SEV1, "--flag", "data_breach", "--for", "1m")
    assert found == [(0, 1, ["alex"]), (0, 4, ["charlie", "jordan"]), (0, 4, ["sam"])]


def test_an_update_for_those_who_have_had_one_is_a_reminder() -> None:
    found = ladder("--playbook", "emergency-response", "--severity", "SEV-3", "--start", "2026-11-20T12:00Z")
    assert [(step["after_seconds"], step["kind"]) for step in found] == [(0, "update"), (4 * 3600, "reminder")]


def test_without_a_playbook_it_is_the_one_of_what_no_rule_places_and_it_starts_now() -> None:
    first, *_ = steps("--severity", "SEV-2")
    assert first["because"] == "new incident"
    age = datetime.now().astimezone() - datetime.fromisoformat(first["at"])
    assert abs(age.total_seconds()) < 60


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--playbook", "emergency-respnse", "--severity", "SEV-1"), "did you mean emergency-response?"),
        (("--severity", "SEV-7"), "there is no severity 'SEV-7'"),
        (("--severity", "SEV-1", "--flag", "databreach"), "did you mean data_breach?"),
        (("--severity", "SEV-1", "--ack-after", "20"), "is not a duration"),
        (("--severity", "SEV-1", "--start", "noon"), "is not a time"),
    ],
)
def test_what_there_is_not_is_a_wrong_usage(arguments: tuple[str, ...], told: str) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_each_step_is_one_line_and_no_word_is_broken(columns: int) -> None:
    where = ("--config", str(REPOSITORY / "config"), "--rules", str(REPOSITORY / "rules"))
    shown = on_a_terminal(columns, "simulate", *where, *SEV1, "--for", "1h")
    lines = [Text.from_ansi(line).plain for line in shown.splitlines()]
    assert len(lines) == 1 + len(steps(*SEV1, "--for", "1h"))
    assert max(map(len, lines)) <= columns
    assert any("15 min" in line and "no one has acknowledged it for 15 min" in line for line in lines)
    assert ("through" in lines[0]) is (columns == 120)
