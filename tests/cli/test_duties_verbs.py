"""Duties on the command line, against a real daemon with the shipped playbook."""

import json
import re

import pytest
from click.testing import CliRunner

from cli.daemons import Running
from cli.test_work_verbs import say
from tocsin.cli.main import cli


def declared(daemon: Running) -> str:
    """The number of a new incident that a person has declared: a drill has no duties."""
    told = daemon.run("declare", "Checkout fails", "--severity", "SEV-1")
    number = re.search(r"#(\d+) ", told.output)
    assert number, told.output
    return number[1]


def test_duties_are_shown_done_waived_and_listed_until_the_record_is_closed(daemon: Running) -> None:
    number = declared(daemon)
    shown = say(daemon, "show", number)
    assert "[ ] status-page: Post to the status page (communication-lead, due in" in shown
    assert re.search("task for [^:]*: post to the status page, due by ", shown)
    assert "duty status-page done" in say(daemon, "done", number, "status-page", "--note", "by telephone")
    say(daemon, "resolve", number)
    assert "record       open: 2 duties are neither done nor waived" in say(daemon, "show", number)
    assert number in {row.split()[0] for row in say(daemon, "list", "--open-duties").splitlines()}
    moved = say(daemon, "meeting", number, "review-meeting", "--at", "2099-01-05T09:00Z")
    assert "review-meeting moved; invitations are sent" in moved
    assert "duty review-meeting waived" in say(daemon, "waive", number, "review-meeting", "--reason", "known cause")
    say(daemon, "reviewed", number)
    shown = say(daemon, "show", number)
    for line in (
        "record       closed ",
        "[x] status-page: Post to the status page (done by ",
        "[x] review-meeting: Hold the post-mortem meeting (waived by ",
        "task done: post to the status page (by telephone), by ",
    ):
        assert line in shown
    found = json.loads(say(daemon, "list", "--open-duties", "--json"))
    assert int(number) not in [each["number"] for each in found["incidents"]]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("done", "{}", "Status Page"), 2, "is no name of a duty"),
        (("done", "{}", "1", "--note", "x"), 2, "are for a duty"),
        (("done", "{}", "statuspage"), 1, "has no duty 'statuspage'; its duties: status-page"),
        (("waive", "{}", "status-page"), 2, "--reason"),
        (("waive", "{}", "status-page", "--reason", " "), 1, "say why"),
        (("meeting", "{}", "status-page", "--at", "2099-01-05T09:00Z"), 1, "is no meeting"),
    ],
)
def test_what_cannot_be_says_why(daemon: Running, arguments: tuple[str, ...], code: int, told: str) -> None:
    number = declared(daemon)
    found = daemon.run("incidents", *(each.format(number) for each in arguments))
    assert (found.exit_code, told in found.output) == (code, True), found.output


def completed(url: str, *words: str) -> list[str]:
    """Return the words that a shell offers for the last one."""
    environ = {"COMP_WORDS": " ".join(("tocsin", *words)), "COMP_CWORD": str(len(words)), "TOCSIN_URL": url}
    told = CliRunner().invoke(cli, env={**environ, "_TOCSIN_COMPLETE": "bash_complete"}, prog_name="tocsin")
    return [line.removeprefix("plain,") for line in told.output.split()]


@pytest.mark.parametrize("command", ["done", "waive", "meeting"])
def test_the_shell_completes_the_open_duties_of_the_incident(daemon: Running, command: str) -> None:
    number = declared(daemon)
    assert completed(daemon.url, "incidents", command, number, "sta") == ["status-page"]
    assert completed(daemon.url, "incidents", command, f"#{number}", "x") == []
    say(daemon, "done", number, "status-page")
    assert completed(daemon.url, "incidents", command, number, "sta") == []


def test_the_shell_completes_nothing_without_an_answer(daemon: Running) -> None:
    assert completed("http://127.0.0.1:1", "incidents", "done", "1", "") == []
    assert completed(daemon.url, "incidents", "done", "99999", "") == []
    assert completed("no address", "incidents", "done", "1", "") == []
