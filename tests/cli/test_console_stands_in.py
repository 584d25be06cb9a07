"""``check``, ``simulate`` and ``drill`` say so when only the console would print a page."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.daemons import Seen, StandIn
from tocsin.cli.main import cli

Answering = Callable[[int, object], StandIn]


def run(here: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, (*arguments, "--config", str(here / "config"), "--rules", str(here / "rules")))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    CliRunner().invoke(cli, ("init", "--minimal", str(tmp_path)), catch_exceptions=False)
    return tmp_path


def give_alex(here: Path, channel: str) -> None:
    people = here / "config/people.yaml"
    people.write_text(people.read_text().replace("alex: {contact: {channel: console}}", f"alex: {channel}"))


def test_check_notes_that_pages_reach_only_the_console(here: Path) -> None:
    checked = run(here, "check", "--strict")

    assert checked.exit_code == 0, "the console may be intended"
    assert "note: pages of on-call reach only the console" in checked.output


def test_check_has_no_such_note_once_a_person_has_another_contact(here: Path) -> None:
    settings = here / "config/tocsin.yaml"
    settings.write_text(
        settings.read_text() + "  mail: {kind: email, host: smtp.example.com, from: tocsin@example.com}\n"
    )
    give_alex(here, "{contact: {channel: mail, address: alex@example.com}}")

    assert "reach only the console" not in run(here, "check").output


def test_simulate_notes_for_whom_the_console_stands_in(here: Path) -> None:
    give_alex(here, "{contact: {channel: pager}}")

    simulated = run(here, "simulate", "--severity", "high", "--start", "2026-01-05T10:00Z")

    assert simulated.exit_code == 0
    assert "note: no contact of alex is on a channel that is configured for this" in simulated.stderr


def test_simulate_has_no_such_note_where_the_console_is_the_contact(here: Path) -> None:
    assert run(here, "simulate", "--severity", "high").stderr == ""


@pytest.mark.parametrize(
    ("options", "stranded", "code"), [((), True, 1), (("--allow-console",), True, 0), ((), False, 0)]
)
def test_a_drill_fails_if_the_console_stands_in_unless_that_is_allowed(
    answering: Answering, options: tuple[str, ...], stranded: bool, code: int
) -> None:
    page = {
        "job": "page",
        "target": "alex",
        "channel": "console",
        "state": "sent",
        "stranded": stranded,
        "done_at": "2026-11-25T10:00:01Z",
        "attempts": [],
    }

    def everything(seen: list[Seen]) -> object:
        posted = [one.body for one in seen if one.method == "POST"]
        if not posted:
            return {"rotations": []}
        alert = {"labels": json.loads(posted[0])["alerts"][0]["labels"]}
        incident = {"id": "abc", "number": 7, "state": "triggered", "severity": "high", "playbook": "on-call"}
        opened = {"opened_at": "2026-11-25T10:00:00Z", "alerts": [alert], "deliveries": [page]}
        return {**incident, **opened, "incidents": [incident], "next": None}

    drilled = answering(200, everything).run("drill", "--timeout", "2", *options)

    assert drilled.exit_code == code, drilled.output
    assert ("no contact of alex is on a configured channel" in " ".join(drilled.output.split())) == (code == 1)
