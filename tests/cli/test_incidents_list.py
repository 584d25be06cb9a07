"""``tocsin incidents list``, and commands with no, several and unknown incidents."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.text import Text

from cli.daemons import Running, StandIn
from cli.terminals import on_a_terminal
from cli.test_client import an_incident
from tocsin.cli.main import cli
from tocsin.core.playbook.playbook import SELF_LEVEL, SELF_NOTICE

Answering = Callable[[int, object], StandIn]
PLAYBOOKS = {
    "playbooks": [
        {"name": "emergency-response", "severities": ["SEV-1", "SEV-2"], "default": True},
        {"name": "erlmcp", "severities": ["P0", "Low"], "default": False},
    ]
}


def some_incidents() -> dict[str, object]:
    opened = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    long = "Checkout answers one request in three with an error since the roll-out"
    step = {"tier": 2, "at": (datetime.now(UTC) + timedelta(minutes=8)).isoformat(), "targets": ["m"], "kind": "page"}
    return {
        "incidents": [
            an_incident(number=1234, title=long, service="checkout-payments-gateway", opened_at=opened, next_step=step),
            an_incident(number=12, title="Störung im 決済システム " * 4, state="acknowledged", acknowledged_by="alex"),
        ],
        "next": None,
    }


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 120, 200])
def test_a_row_is_one_line_at_any_width_and_title_and_state_are_readable(answering: Answering, columns: int) -> None:
    shown = on_a_terminal(columns, "incidents", "list", TOCSIN_URL=answering(200, some_incidents()).url)

    lines = [Text.from_ansi(line).plain for line in shown.splitlines()]
    assert len(lines) == 3, shown
    assert max(map(cell_len, lines)) <= columns
    if columns > 20:
        assert lines[1].startswith("1234  SEV-2     triggered")
        assert "Checkout an" in lines[1]
        assert "tier 2 in 7 min" in lines[1]
    assert "\x1b[" in shown, "in colors"
    assert ("…" in lines[1]) is (columns < 200)


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_incidents_of_several_playbooks_say_which_one_it_is(answering: Answering, columns: int) -> None:
    answer = some_incidents()
    answer["incidents"][1]["playbook"] = "service-quick-reference"  # type: ignore[index]
    shown = on_a_terminal(columns, "incidents", "list", TOCSIN_URL=answering(200, answer).url)

    lines = [Text.from_ansi(line).plain for line in shown.splitlines()]
    assert len(lines) == 3, shown
    assert max(map(cell_len, lines)) <= columns
    if columns >= 80:
        assert lines[0].startswith("#     playbook")
        assert lines[1].startswith("1234  emergency-r")
        assert lines[2].startswith("12    service-qui")
    assert "Checkout an" in lines[1]
    assert "tier 2 in 7 min" in lines[1]


def test_in_a_pipe_nothing_is_cut_or_left_out(answering: Answering) -> None:
    listed = answering(200, some_incidents()).run("incidents", "list").output

    assert listed.splitlines()[0].split() == [
        *("#", "severity", "state", "service", "title", "firing", "opened", "acknowledged", "by", "next")
    ]
    assert "since the roll-out" in listed
    assert "\x1b" not in listed


def test_only_open_ones_are_listed_unless_all_are_asked_for(answering: Answering) -> None:
    open_states = "state=pending&state=triggered&state=acknowledged&state=snoozed"
    for arguments, query in (
        ((), f"{open_states}&limit=50"),
        (("--all",), "limit=50"),
        (("--state", "resolved"), "state=resolved&limit=50"),
        (("--json",), "limit=50"),
    ):
        daemon = answering(200, {"incidents": [], "next": None})
        daemon.run("incidents", "list", *arguments)
        assert daemon.seen[0].path == f"/api/v1/incidents?{query}"
    assert CliRunner().invoke(cli, ["incidents", "list", "--all", "--state", "resolved"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "answer", "told"),
    [
        (("incidents", "list"), {"incidents": [], "next": None}, "No open incidents."),
        (("incidents", "list", "--all"), {"incidents": [], "next": None}, "No incidents."),
        (("incidents", "list", "--state", "snoozed"), {"incidents": [], "next": None}, "No snoozed incidents."),
        (
            ("incidents", "list", "--service", "shop", "--storm", "7"),
            {"incidents": [], "next": None},
            "No open incidents match --service shop --storm 7.",
        ),
        (("incidents", "drafts", "12"), {"number": 12, "drafts": []}, "#12: no drafts wait for confirmation."),
        (("incidents", "drafts"), {"drafts": [], "next": None}, "No drafts wait for confirmation."),
        (("windows", "list"), {"windows": []}, "No maintenance windows."),
        (("windows", "list", "--state", "active"), {"windows": []}, "No active maintenance windows."),
        (
            ("oncall",),
            {"rotations": []},
            "There are no rotations. Write them under `rotations:` in config/people.yaml.",
        ),
    ],
)
def test_an_empty_list_is_a_sentence(
    answering: Answering, arguments: tuple[str, ...], answer: object, told: str
) -> None:
    shown = answering(200, answer).run(*arguments)
    assert (shown.exit_code, shown.output) == (0, f"{told}\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--severity", "lw"),
            "--severity: there is no severity 'lw'. Did you mean Low? Known: SEV-1, SEV-2, P0, Low,",
        ),
        (("--severity", "SEV-0"), "--severity: there is no severity 'SEV-0'. Known: SEV-1, SEV-2, P0, Low,"),
        (("--severity", "zzz", "--json"), "--severity: there is no severity 'zzz'. Known: SEV-1, SEV-2, P0, Low,"),
        (("--playbook", "erlmpc"), "there is no playbook 'erlmpc'. Did you mean erlmcp? Known: emergency-response,"),
    ],
)
def test_a_value_that_there_is_not_is_wrong_usage_and_those_that_there_are_are_named(
    answering: Answering, arguments: tuple[str, ...], told: str
) -> None:
    answers: list[object] = [{"incidents": [], "next": None}, PLAYBOOKS]
    shown = answering(200, lambda seen: json.dumps(answers[len(seen) - 1])).run("incidents", "list", *arguments)
    assert shown.exit_code == 2
    assert told in " ".join(shown.output.split())


@pytest.mark.parametrize("severity", ["P0", SELF_LEVEL, SELF_NOTICE])
def test_a_known_severity_without_an_incident_is_no_mistake(answering: Answering, severity: str) -> None:
    answers: list[object] = [{"incidents": [], "next": None}, PLAYBOOKS]
    daemon = answering(200, lambda seen: json.dumps(answers[len(seen) - 1]))
    shown = daemon.run("incidents", "list", "--severity", severity)
    assert (shown.exit_code, shown.output) == (0, f"No open incidents match --severity {severity}.\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("ack", "1"), "tocsin incidents ack 1"),
        (("resolve", "12", "13"), "tocsin incidents resolve 12 13"),
        (("swap", "on-call", "a b", "c"), "tocsin oncall swap on-call 'a b' c"),
        (("chek", "--strict"), "tocsin check --strict"),
        (("incident", "list"), "tocsin incidents list"),
        (("Drill",), "tocsin drill"),
    ],
)
def test_what_could_be_meant_is_suggested_as_it_would_be_typed(typed: tuple[str, ...], meant: str) -> None:
    shown = CliRunner().invoke(cli, typed)
    assert shown.exit_code == 2
    assert f"There is no command '{typed[0]}'. Did you mean `{meant}`?" in shown.output


def test_without_anything_near_nothing_is_suggested() -> None:
    shown = CliRunner().invoke(cli, ["xyzzy"])
    assert shown.exit_code == 2
    assert "Did you mean" not in shown.output


def test_several_incidents_are_acknowledged_at_once_and_a_failure_stops_no_other(daemon: Running) -> None:
    numbers = []
    for title in ("Customers cannot pay", "Customers cannot log in"):
        made = daemon.run("declare", title, "--severity", "SEV-2", "--json")
        numbers.append(str(json.loads(made.stdout)["incident"]["number"]))

    taken = daemon.run("incidents", "ack", numbers[0], "999999", numbers[1])

    assert taken.exit_code == 1
    assert "999999: there is no incident '999999' (HTTP 404)" in taken.output
    assert "1 of 3 incidents were refused." in taken.output
    for number in numbers:
        assert json.loads(daemon.run("incidents", "show", number, "--json").stdout)["state"] == "acknowledged"
    closed = json.loads(daemon.run("incidents", "resolve", *numbers, "--json").stdout)
    assert [answer["incident"]["state"] for answer in closed] == ["resolved", "resolved"]
