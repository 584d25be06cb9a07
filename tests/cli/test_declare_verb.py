"""``tocsin declare`` against a real daemon: with a severity, or by the playbook's questions."""

import json

import pytest

from cli.daemons import Running


def declared(daemon: Running, *arguments: str, answers: str = "") -> dict[str, object]:
    told = daemon.run("declare", "Nobody can pay", *arguments, "--json", typed=answers)
    assert told.exit_code == 0, told.output
    number = json.loads(told.stdout)["incident"]["number"]
    found: dict[str, object] = json.loads(daemon.run("incidents", "show", str(number), "--json").stdout)
    return found


def test_with_a_severity_nothing_is_asked(daemon: Running) -> None:
    found = declared(daemon, "--severity", "SEV-2", "--service", "checkout", "--reason", "they call us")
    assert (found["severity"], found["service"], found["alerts"]) == ("SEV-2", "checkout", [])


@pytest.mark.parametrize(
    ("answers", "severity"),
    [("n\ny\nn\nSEV-3\n", "SEV-3"), ("y\ny\ny\nn\nSEV-1\n", "SEV-1"), ("n\nn\ny\nSEV-4\n", "SEV-4")],
)
def test_the_questions_lead_to_the_severity_and_are_kept(daemon: Running, answers: str, severity: str) -> None:
    arguments = ("--playbook", "emergency-response")
    found = declared(daemon, *arguments, answers=answers)
    assert found["severity"] == severity
    kinds = {entry["kind"] for entry in found["timeline"]}
    assert "fact" in kinds


def test_whoever_need_not_declare_may_leave_it(daemon: Running) -> None:
    told = daemon.run("declare", "Slow", "--playbook", "emergency-response", typed="n\nn\nn\n")
    assert told.exit_code == 1
    assert "Monitor it closely." in told.output


def test_an_unknown_playbook_is_told_with_those_there_are(daemon: Running) -> None:
    told = daemon.run("declare", "Slow", "--playbook", "nothing")
    assert told.exit_code == 1
    assert "there is no playbook 'nothing'; there is: emergency-response" in told.output
