"""What people make of an incident, on the command line, against a real daemon."""

import json

import pytest

from cli.daemons import Running
from cli.test_verbs import incident


def say(daemon: Running, *arguments: str) -> str:
    told = daemon.run("incidents", *arguments)
    assert told.exit_code == 0, told.output
    return told.output


def test_all_that_is_said_of_an_incident_is_shown_with_it(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    say(daemon, "declare", number, "--reason", "customers report it")
    say(daemon, "status", number, "Mitigating")
    say(daemon, "role", number, "communications", "--person", "drew")
    say(daemon, "note", number, "[bold]restarted[/bold] it")
    say(daemon, "update", number, "half of it works")
    say(daemon, "severity", number, "SEV-1")
    say(daemon, "tick", number, "sev-1", "3")
    say(daemon, "todo", number, "an alert that comes sooner", "--kind", "immediate", "--due", "2027-01-05T09:00Z")
    say(daemon, "done", number, "1")
    shown = say(daemon, "show", number)
    for line in (
        "status       Mitigating",
        "roles        communications drew",
        "an alert that comes sooner (immediate, no owner, done by",
        "3 [x] On-call engineer paged (",
        "note: [bold]restarted[/bold] it, by",
        "update 1: half of it works, by",
    ):
        assert line in shown
    say(daemon, "role", number, "communications", "--drop")
    say(daemon, "resolve", number)
    found = json.loads(say(daemon, "show", number, "--json"))
    assert (found["roles"], found["action_items"][0]["due_at"]) == ({}, "2027-01-05T09:00:00.000000Z")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("status", "Fine"), 1, "it has: Investigating, Mitigating, Resolved"),
        (("role", "communications", "--person", "nobody"), 1, "there is no person 'nobody' in people.yaml"),
        (("role", "communications", "--person", "drew", "--drop"), 2, "give --person or --drop"),
        (("todo", "x", "--kind", "someday"), 1, "it has: immediate, long-term"),
        (("todo", "x", "--kind", "immediate", "--due", "soon"), 2, "is no time"),
        (("done", "9"), 1, "has no action item 9"),
        (("tick", "nothing", "1"), 1, "has no checklist 'nothing'; it has: sev-1"),
        (("reviewed",), 1, "cannot"),
    ],
)
def test_what_cannot_be_says_why(daemon: Running, arguments: tuple[str, ...], code: int, told: str) -> None:
    verb, *others = arguments
    found = daemon.run("incidents", verb, str(incident(daemon)["number"]), *others)
    assert (found.exit_code, told in found.output) == (code, True), found.output
