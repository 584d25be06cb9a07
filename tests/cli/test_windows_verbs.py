"""`tocsin windows` against a real daemon, and against one that returns hostile text."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

import click
import pytest

from cli.daemons import Running, StandIn

MATCH = 'alertname="TocsinDrill",window="test"'


@pytest.fixture
def window(daemon: Running) -> Iterator[str]:
    """The id of a window of its own, ended after the test."""
    made = daemon.run("windows", "add", "Upgrade", MATCH, "--for", "2h", "--comment", "ask dana", "--json")
    assert made.exit_code == 0, made.output
    found: str = json.loads(made.output)["id"]
    yield found
    daemon.run("windows", "end", found)


def test_a_window_is_made_listed_and_ended(daemon: Running) -> None:
    made = daemon.run("windows", "add", "Move", MATCH, "--for", "90m")
    assert made.exit_code == 0
    assert re.search(r"^Move: active, \S+ \S+ UTC to \S+ \S+ UTC \(1 h 30 min\)$", made.output, re.MULTILINE)
    ending = re.search(r"to end it: tocsin (windows end \w+)", made.output)
    assert ending
    listed = daemon.run("windows", "list", "--state", "active").output
    assert "Move" in listed
    assert MATCH in listed
    ended = daemon.run(*ending[1].split())
    assert ended.exit_code == 0
    assert ended.output == "Move has ended: 0 incidents no longer wait for it.\n"
    assert daemon.run(*ending[1].split()).exit_code == 1


def test_a_window_can_be_ended_by_its_name(daemon: Running) -> None:
    assert daemon.run("windows", "add", "Migration", MATCH, "--for", "90m").exit_code == 0
    ended = daemon.run("windows", "end", "Migration")
    assert ended.output == "Migration has ended: 0 incidents no longer wait for it.\n"
    again = daemon.run("windows", "end", "Migration")
    assert (again.exit_code, "`tocsin windows list` shows the windows" in again.output) == (1, True)


def test_a_name_of_several_windows_is_answered_with_their_ids(daemon: Running) -> None:
    made = [daemon.run("windows", "add", "Twice", MATCH, "--for", "90m", "--json") for _ in range(2)]
    ids = [json.loads(result.output)["id"] for result in made]
    refused = daemon.run("windows", "end", "Twice")
    assert refused.exit_code == 1
    assert all(window_id in click.unstyle(refused.output) for window_id in ids)
    assert all(daemon.run("windows", "end", window_id).exit_code == 0 for window_id in ids)


def test_list_prints_the_apis_objects_and_who_did_it(daemon: Running, window: str) -> None:
    listed = json.loads(daemon.run("windows", "list", "--json").output)["windows"]
    one = next(one for one in listed if one["id"] == window)
    assert (one["name"], one["comment"], one["author"], one["via"]) == ("Upgrade", "ask dana", "sam", "cli")
    assert window not in daemon.run("windows", "list", "--state", "past", "--json").output


def test_a_time_without_an_offset_is_of_this_machines_clock_and_one_with_it_is_not(daemon: Running) -> None:
    made = daemon.run(
        "windows",
        "add",
        "Later",
        MATCH,
        "--from",
        "2027-01-10T20:00+01:00",
        "--until",
        "2027-01-11T06:00+01:00",
        "--json",
    )
    found = json.loads(made.output)
    assert (found["state"], found["starts_at"]) == ("upcoming", "2027-01-10T19:00:00.000000Z")
    assert daemon.run("windows", "end", found["id"], "--json").exit_code == 0


def test_preview_says_what_it_would_hide(daemon: Running) -> None:
    labels = {"alertname": "SeenInPreview", "severity": "info", "service": "shop"}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-11-20T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    webhook = Request(
        f"{daemon.url}/webhooks/alertmanager",
        json.dumps({"version": "4", "alerts": [alert]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(webhook, timeout=20) as answer:
        assert answer.status == 200
    told = daemon.run("windows", "preview", 'alertname="SeenInPreview"')
    assert told.exit_code == 0
    assert re.search(r"^\d+ alerts? that fires? now$", told.output, re.MULTILINE)
    assert re.search(
        r"^  #\d+ .*: SEV-\d, triggered, \d+ of \d+ firing alerts?: no one would be paged$", told.output, re.MULTILINE
    )
    assert re.search(r"^  firing +alertname=SeenInPreview ", told.output, re.MULTILINE)
    nothing = json.loads(daemon.run("windows", "preview", 'alertname="no such alert"', "--json").output)
    assert (nothing["firing"], nothing["recent"], nothing["alerts"]) == (0, 0, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "x", MATCH),
        ("add", "x", MATCH, "--for", "1h", "--until", "2027-01-11T06:00"),
        ("add", "x", MATCH, "--until", "tomorrow"),
        ("add", "x"),
        ("end",),
        ("preview",),
        ("list", "--state", "gone"),
    ],
)
def test_half_a_command_about_a_window_is_wrong_usage(daemon: Running, arguments: tuple[str, ...]) -> None:
    assert daemon.run("windows", *arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "x", "{}", "--for", "1h"), "matches alerts that have no label at all"),
        (("add", "x", MATCH, "--for", "1y"), "is not a duration"),
        (("end", "nothing"), "there is no window 'nothing'"),
        (("end", "../../metrics"), "there is no window '../../metrics'"),
        (("preview", "=="), "bad matcher"),
    ],
)
def test_what_cannot_be_done_is_exit_1_with_the_reason(daemon: Running, arguments: tuple[str, ...], told: str) -> None:
    result = daemon.run("windows", *arguments)
    assert result.exit_code == 1
    assert told in click.unstyle(result.output)


def test_no_name_or_label_moves_the_cursor(answering: Callable[[int, object], StandIn]) -> None:
    hostile = "[bold]x \x1b[2J\u202e\nsecond"
    window = {
        "id": "w1", "name": hostile, "match": hostile, "state": "active", "author": hostile, "upcoming": [],
        "starts_at": "2026-11-20T12:00:00Z", "ends_at": "2026-11-20T14:00:00Z",
    }  # fmt: skip
    output = answering(200, {"windows": [window]}).run("windows", "list").output
    assert "\x1b[2J" not in output
    assert "\u202e" not in output
    assert len(output.splitlines()) == 2
