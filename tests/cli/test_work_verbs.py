"""Roles, statuses, checklists and notes on the command line, against a real daemon."""

import json

import pytest

from cli.daemons import Running
from cli.test_verbs import incident


def say(daemon: Running, *arguments: str) -> str:
    told = daemon.run("incidents", *arguments)
    assert told.exit_code == 0, told.output
    return told.output


def test_notes_and_updates_are_shown_with_the_incident(daemon: Running) -> None:
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
        (("todo", "x", "--kind", "immediate", "--due", "soon"), 2, "is not a time"),
        (("done", "9"), 1, "has no action item 9"),
        (("tick", "nothing", "1"), 1, "has no checklist 'nothing'; it has: sev-1"),
        (("reviewed",), 1, "cannot"),
    ],
)
def test_what_cannot_be_says_why(daemon: Running, arguments: tuple[str, ...], code: int, told: str) -> None:
    verb, *others = arguments
    found = daemon.run("incidents", verb, str(incident(daemon)["number"]), *others)
    assert (found.exit_code, told in found.output) == (code, True), found.output


def test_an_incident_is_left_alone_until_a_moment_and_taken_up_again(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    assert "snoozed" in say(daemon, "snooze", number, "--for", "2h")
    found = json.loads(say(daemon, "show", number, "--json"))
    assert (found["state"], found["acknowledged_by"]) == ("snoozed", "sam")
    assert "acknowledged" in say(daemon, "unsnooze", number)
    assert "snoozed" in say(daemon, "snooze", number, "--until", found["due_at"])


def test_an_open_incident_has_the_playbook_of_today_already(daemon: Running) -> None:
    assert "it has the playbook as it is now" in say(daemon, "replan", str(incident(daemon)["number"]))


def test_what_has_been_found_out_is_in_the_draft_of_the_post_mortem(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    say(daemon, "fact", number, "root_cause=a full disk", "impact=")
    draft = daemon.run("postmortem", number)
    assert (draft.exit_code, "a full disk" in draft.output, "[to fill in:" in draft.stdout) == (0, True, True)
    blanks = draft.stdout.count("[to fill in:")
    assert draft.stderr == f"{blanks} blanks are marked [to fill in: ...].\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("severity", "SEV-9"), "has no severity 'SEV-9'; it has: SEV-1, SEV-2, SEV-3, SEV-4"),
        (("severity", "SEV1"), "has no severity 'SEV1'; did you mean SEV-1? It has: SEV-1, SEV-2, SEV-3, SEV-4"),
        (("flags", "--add", "databreach"), "did you mean data_breach? It has: major_impact, data_breach"),
        (("status", "Resolve"), "did you mean Resolved? It has: Investigating, Mitigating, Resolved"),
        (("role", "comunications"), "did you mean communications? It has: incident-commander, technical-lead"),
        (("role", "communications", "--person", "taylro"), "did you mean taylor? Known: alex, casey"),
        (("tick", "sev1", "1"), "did you mean sev-1? It has: sev-1"),
        (("todo", "x", "--kind", "imediate"), "did you mean immediate? It has: immediate, long-term"),
    ],
)
def test_an_unknown_name_is_reported_with_the_nearest_and_all_known_names(
    daemon: Running, arguments: tuple[str, ...], told: str
) -> None:
    verb, *others = arguments
    found = daemon.run("incidents", verb, str(incident(daemon)["number"]), *others)
    assert (found.exit_code, told in found.output) == (1, True), found.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("declare", "x", "--severity", "SEV-9"), "it has: SEV-1, SEV-2"),
        (("declare", "x", "--severity", "SEV-1", "--flag", "databreach"), "did you mean data_breach?"),
        (("declare", "x", "--severity", "SEV-1", "--playbook", "erlmpc"), "did you mean erlmcp? Known: emergency-resp"),
        (("oncall", "override", "nothing", "--person", "sam", "--for", "1h"), "'nothing'; known: "),
        (("oncall", "override", "on-call-engineer", "--person", "samm", "--for", "1h"), "did you mean sam? Known: "),
    ],
)
def test_an_unknown_name_is_reported_without_an_incident_too(
    daemon: Running, arguments: tuple[str, ...], told: str
) -> None:
    found = daemon.run(*arguments)
    assert (found.exit_code, told in found.output) == (1, True), found.output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("snooze",), 2, "give --for or --until"),
        (("snooze", "--for", "40d"), 1, "within 31 days"),
        (("snooze", "--until", "2020-01-01T00:00Z"), 1, "later than now"),
        (("unsnooze",), 1, "cannot"),
        (("fact", "root_cause"), 2, "is not of the form NAME=TEXT"),
        (("fact", "Root Cause=x"), 1, "is not a valid name of a fact"),
    ],
)
def test_a_snooze_or_a_fact_that_cannot_be_says_why(
    daemon: Running, arguments: tuple[str, ...], code: int, told: str
) -> None:
    verb, *others = arguments
    found = daemon.run("incidents", verb, str(incident(daemon)["number"]), *others)
    assert (found.exit_code, told in found.output) == (code, True), found.output
