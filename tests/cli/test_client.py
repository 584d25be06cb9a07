"""Error messages when the daemon is down, refuses a request, or is a different server."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.daemons import Seen, StandIn
from tocsin.cli import output
from tocsin.cli.main import cli

Answering = Callable[[int, object], StandIn]

HOSTILE = "[bold]x[/bold] [/nothing] \x1b[2J\u202e<script> :smile:\nsecond line"


def an_incident(**changes: Any) -> dict[str, Any]:
    return {
        "id": "abc",
        "number": 7,
        "title": "Disk full",
        "playbook": "emergency-response",
        "severity": "SEV-2",
        "service": "checkout",
        "state": "triggered",
        "dedup_key": "key",
        "alerts_firing": 1,
        "opened_at": "2026-11-20T12:00:00Z",
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        "due_at": "2026-11-20T12:30:00.5Z",
        "next_tier": 2,
        "next_step": {"tier": 2, "at": "2026-11-20T12:37:39Z", "targets": ["manager"], "kind": "page"},
        "waits": [],
        "storm": None,
        "members": None,
        "declared_at": None,
        "declared_by": "",
        "status": "",
        "roles": {},
        "checklists": [],
        "targets": [],
        "update_due_at": None,
        "post_mortem": None,
        "duties": [],
        "closed_at": None,
        "open_duties": 0,
        "action_items": [],
        "tickets": [],
        "drafts": 0,
        "alerts": [],
        "timeline": [],
        **changes,
    }


def test_a_daemon_that_is_not_running_is_explained() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    result = CliRunner().invoke(cli, ["incidents", "list"], env={"TOCSIN_URL": url})

    assert result.exit_code == 1
    assert "Is `tocsin serve` running?" in result.output
    assert url in result.output


@pytest.mark.parametrize(("status", "help_text"), [(401, "TOCSIN_TOKEN_FILE"), (403, "scopes")])
def test_a_refusal_says_what_to_set(answering: Answering, status: int, help_text: str) -> None:
    daemon = answering(status, {"error": {"code": "no", "message": "no such token"}})

    result = daemon.run("incidents", "list")

    assert result.exit_code == 1
    assert f"no such token (HTTP {status})" in result.output
    assert help_text in result.output


@pytest.mark.parametrize("body", ["<html>It works!</html>", "", {"error": "text"}, [], HOSTILE])
def test_an_error_of_any_shape_is_one_line(answering: Answering, body: object) -> None:
    result = answering(500, body).run("incidents", "list")

    assert result.exit_code == 1
    assert "HTTP 500" in result.output
    assert result.output.count("\n") == 1
    assert result.output[:-1].isprintable()


def test_another_server_is_noticed(answering: Answering) -> None:
    result = answering(200, "<html>It works!</html>").run("incidents", "list")

    assert result.exit_code == 1
    assert "Is it tocsin?" in result.output


def test_a_redirect_is_not_followed_with_the_token(answering: Answering, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    daemon = answering(302, "")

    result = daemon.run("incidents", "list", TOCSIN_TOKEN_FILE=str(token))

    assert result.exit_code == 1
    assert len(daemon.seen) == 1


def test_the_token_of_the_file_is_shown_and_never_printed(answering: Answering, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    daemon = answering(200, {"incidents": [], "next": None})

    result = daemon.run("incidents", "list", "--json", TOCSIN_TOKEN_FILE=str(token))

    assert daemon.seen[0].headers["Authorization"] == "Bearer secret-token"
    assert daemon.seen[0].headers["User-Agent"].startswith("tocsin/")
    assert "secret-token" not in result.output


@pytest.mark.parametrize("content", ["", "two\nlines", "\x00"])
def test_a_file_without_a_usable_token_is_wrong_usage(answering: Answering, tmp_path: Path, content: str) -> None:
    token = tmp_path / "token"
    token.write_text(content)

    result = answering(200, {}).run("incidents", "list", TOCSIN_TOKEN_FILE=str(token))

    assert result.exit_code == 2
    assert "token" in result.output


@pytest.mark.parametrize("url", ["127.0.0.1:9099", "ftp://host", "http://", "http://[::1", "nonsense"])
def test_what_is_no_url_is_wrong_usage(url: str) -> None:
    result = CliRunner().invoke(cli, ["incidents", "list"], env={"TOCSIN_URL": url})

    assert result.exit_code == 2
    assert "write for example http://127.0.0.1:9099" in result.output


def test_a_path_in_the_url_is_kept(answering: Answering) -> None:
    daemon = answering(200, {"incidents": [], "next": None})
    daemon.url += "/tocsin"

    daemon.run("incidents", "list", "--state", "triggered", "--state", "pending")

    assert daemon.seen[0].path == "/tocsin/api/v1/incidents?state=triggered&state=pending&limit=50"


def test_json_is_printed_as_the_api_answers_it(answering: Answering) -> None:
    answer = {"incidents": [an_incident(title=HOSTILE)], "next": "7"}

    daemon = answering(200, answer)
    result = daemon.run("incidents", "list", "--json")

    assert json.loads(result.output) == answer
    assert "state=" not in daemon.seen[0].path, "unfiltered"


def test_a_hostile_label_is_shown_as_it_is_and_breaks_nothing(answering: Answering) -> None:
    alert = {"status": "firing", "labels": {"alertname": HOSTILE, "x\x1b]": "y"}}
    entry = {
        "seq": 1,
        "at": "2026-11-20T12:00:00Z",
        "kind": HOSTILE,
        "actor": HOSTILE,
        "via": "api",
        "data": {"a": HOSTILE},
    }
    incident = an_incident(title=HOSTILE, service=HOSTILE, acknowledged_by=HOSTILE, alerts=[alert], timeline=[entry])

    listed = answering(200, {"incidents": [incident], "next": None}).run("incidents", "list")
    shown = answering(200, incident).run("incidents", "show", "7")

    for result in (listed, shown):
        assert result.exit_code == 0, result.output
        assert "[bold]x[/bold] [/nothing] \ufffd[2J\ufffd<script> :smile: second line" in result.output
        assert all(line.isprintable() for line in result.output.splitlines())


def test_a_storm_is_shown_with_its_newest_members_and_how_to_see_the_others(answering: Answering) -> None:
    member = an_incident(number=9, storm=7, waits=[{"because": "one of many in storm #7"}])
    both = {**an_incident(title="Storm: 2 incidents for alex", members=2), "incidents": [member], "next": "9"}
    daemon = answering(200, both)

    result = daemon.run("incidents", "show", "7")

    assert daemon.seen[1].path == "/api/v1/incidents?storm=7&limit=50"
    assert "2 have joined this storm" in result.output
    assert "#9     SEV-2   triggered     Disk full" in result.output
    assert "tocsin incidents list --storm 7 --cursor 9" in result.output


@pytest.mark.parametrize(
    ("until", "state", "said"),
    [
        ("resolved", "acknowledged", ", unless it is resolved"),
        ("acknowledged", "triggered", ", unless it is acknowledged"),
        ("acknowledged", "acknowledged", ", if there is no activity until then"),
        (None, "triggered", ""),
    ],
)
def test_the_next_step_says_what_prevents_it(answering: Answering, until: str | None, state: str, said: str) -> None:
    step = {"tier": 2, "at": "2026-11-20T12:37:39Z", "targets": ["manager"], "kind": "page"}
    incident = an_incident(state=state, next_step=step if until is None else {**step, "until": until})

    result = answering(200, incident).run("incidents", "show", "7")

    (line,) = [line for line in result.output.splitlines() if line.startswith("  next ")]
    assert line.startswith("  next         tier 2 ")
    assert line.partition(" ago")[2] == said


def test_what_an_incident_waits_for_is_shown(answering: Answering) -> None:
    incident = an_incident(storm=12, waits=[{"because": "one of many in storm #12"}, {"because": "inhibited by x"}])

    result = answering(200, incident).run("incidents", "show", "7")

    assert "waits for    one of many in storm #12; inhibited by x" in result.output
    assert "storm        #12" in result.output


def test_there_are_no_colours_in_a_pipe_and_nothing_is_cut(answering: Answering) -> None:
    result = answering(200, {"incidents": [an_incident(title="long " * 60)], "next": None}).run("incidents", "list")

    assert "\x1b" not in result.output
    assert "long " * 59 in result.output


def test_a_terminal_has_colours_unless_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> str:
        with console.capture() as capture:
            console.print(output.state("triggered"))
        return capture.get()

    console = Console(force_terminal=True, color_system="standard")
    assert "31m" in shown()

    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(force_terminal=True, color_system="standard")
    assert "31m" not in shown()


def test_a_drill_that_pages_no_one_exits_1_with_the_reason(answering: Answering) -> None:
    # Whatever is asked, the answer is that there is no incident, and that the rules suppress it.
    daemon = answering(200, {"incidents": [], "next": None, "outcome": "suppressed", "because": "suppressed by night"})

    result = daemon.run("drill", "--timeout", "1")

    assert result.exit_code == 1
    assert "no incident opened; the rules say suppressed: suppressed by night" in result.output
    posted = [json.loads(seen.body) for seen in daemon.seen if seen.path == "/webhooks/alertmanager"]
    assert [one["alerts"][0]["status"] for one in posted] == ["firing", "resolved"], "the drill cleans up after itself"
    labels = posted[0]["alerts"][0]["labels"]
    assert labels["tocsin_drill"] == "true"
    assert labels["namespace"] == f"drill-{labels['drill']}"


def test_a_drill_whose_alert_is_refused_is_exit_1(answering: Answering) -> None:
    result = answering(503, {"error": {"code": "unavailable", "message": "the store is down"}}).run("drill")

    assert result.exit_code == 1
    assert "the store is down (HTTP 503)" in result.output


def test_a_drill_that_joins_another_incident_is_exit_1_and_says_why(answering: Answering) -> None:
    def everything(seen: list[Seen]) -> object:
        posted = [one.body for one in seen if one.method == "POST"]
        if not posted:
            return {"rotations": []}
        mine = json.loads(posted[0])["alerts"][0]["labels"]
        alerts = [{"labels": mine}, {"labels": {**mine, "drill": "another"}}]
        return {"incidents": [{"id": "abc"}], "next": None, **an_incident(alerts=alerts)}

    result = answering(200, everything).run("drill")

    assert result.exit_code == 1
    assert "joined incident #7" in result.output
