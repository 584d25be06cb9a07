"""``tocsin declare`` against a real daemon: with a severity, or by the playbook's questions."""

import json
import urllib.request
import uuid

import pytest

from cli.daemons import Running
from cli.test_verbs import incident


def declared(daemon: Running, *arguments: str, answers: str = "") -> dict[str, object]:
    told = daemon.run("declare", "Customers cannot pay", *arguments, "--json", typed=answers)
    assert told.exit_code == 0, told.output
    number = json.loads(told.stdout)["incident"]["number"]
    found: dict[str, object] = json.loads(daemon.run("incidents", "show", str(number), "--json").stdout)
    return found


def test_with_a_severity_nothing_is_asked(daemon: Running) -> None:
    found = declared(daemon, "--severity", "SEV-2", "--service", "checkout", "--reason", "they call us")
    assert (found["severity"], found["service"], found["alerts"]) == ("SEV-2", "checkout", [])


@pytest.mark.parametrize(
    ("answers", "severity"),
    [
        ("n\nn\ny\nn\nn\n3\nn\nSEV-3\n", "SEV-3"),
        ("y\nn\ny\nn\nn\n\ny\nn\nSEV-1\n", "SEV-1"),
        ("n\nn\ny\nn\nn\n0\ny\nSEV-4\n", "SEV-4"),
        ("n\ny\nn\ny\nn\n40\nn\n", "SEV-1"),
        ("n\ny\ny\nn\nn\n0\n", "SEV-1"),
    ],
)
def test_the_questions_lead_to_the_severity_and_are_kept(daemon: Running, answers: str, severity: str) -> None:
    arguments = ("--playbook", "emergency-response")
    found = declared(daemon, *arguments, answers=answers)
    assert found["severity"] == severity
    kinds = {entry["kind"] for entry in found["timeline"]}
    assert "fact" in kinds


def facts_of(found: dict[str, object]) -> dict[str, str]:
    timeline = found["timeline"]
    assert isinstance(timeline, list)
    return {entry["data"]["name"]: entry["data"]["text"] for entry in timeline if entry["kind"] == "fact"}


def test_each_key_question_is_asked_and_kept(daemon: Running) -> None:
    found = declared(daemon, "--playbook", "emergency-response", answers="n\ny\nn\ny\nn\nmany\n1200\ny\ny\n")
    assert (found["severity"], found["flags"]) == ("SEV-1", ["security_breach"])
    answers = {"contained": "no", "external_help": "yes", "users_affected": "1200", "core_functionality": "yes"}
    assert facts_of(found) == answers | {"quick_fix": "yes"}


def test_data_at_risk_is_a_flag_that_pages_at_once(daemon: Running) -> None:
    found = declared(daemon, "--playbook", "emergency-response", answers="y\nn\ny\nn\nn\n7\ny\nn\nSEV-2\n")
    assert found["flags"] == ["data_breach"]


def test_an_unknown_number_is_no_fact(daemon: Running) -> None:
    found = declared(daemon, "--playbook", "emergency-response", answers="n\nn\ny\nn\nn\n\ny\nn\nSEV-2\n")
    assert "users_affected" not in facts_of(found)


def test_an_incident_that_alerts_opened_is_declared_by_the_same_questions(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    told = daemon.run("incidents", "declare", number, "--ask", typed="n\ny\ny\nn\nn\n7\ny\nn\n")
    assert told.exit_code == 0, told.output
    for question in (
        "Is data at risk?",
        "Is security compromised?",
        "Can we contain the issue?",
        "Do we need external help?",
        "Is it customer-facing?",
    ):
        assert question in told.output
    found = json.loads(daemon.run("incidents", "show", number, "--json").stdout)
    assert (found["severity"], found["flags"], facts_of(found)["users_affected"]) == ("SEV-1", ["security_breach"], "7")
    assert found["declared_at"] is not None


def test_without_a_terminal_nothing_is_asked(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    told = daemon.run("incidents", "declare", number)
    assert told.exit_code == 0, told.output
    assert "?" not in told.output


def test_answers_that_suggest_less_do_not_lower_it(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    told = daemon.run("incidents", "declare", number, "--ask", typed="n\nn\ny\nn\nn\n7\nn\nSEV-2\n")
    assert told.exit_code == 0, told.output
    assert json.loads(daemon.run("incidents", "show", number, "--json").stdout)["severity"] == "SEV-2"


def test_an_acknowledgment_hints_at_the_declaration_until_there_is_one(daemon: Running) -> None:
    labels = {"alertname": "Down", "severity": "critical", "service": uuid.uuid4().hex}
    webhook = {"version": "4", "alerts": [{"status": "firing", "labels": labels}]}
    headers = {"Content-Type": "application/json"}
    url = f"{daemon.url}/webhooks/alertmanager"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(webhook).encode(), headers)) as answer:
        assert answer.status == 200
    listed = json.loads(daemon.run("incidents", "list", "--service", labels["service"], "--json").stdout)
    [number] = [str(one["number"]) for one in listed["incidents"]]
    hint = f"if the problem is real, declare the incident: tocsin incidents declare {number}"
    assert hint in daemon.run("incidents", "ack", number).output
    daemon.run("incidents", "declare", number)
    assert hint not in daemon.run("incidents", "ack", number).output


@pytest.mark.parametrize("answers", ["", "\n", "n\ny\nn\n"])
def test_without_a_terminal_the_options_are_named_that_answer_the_questions(daemon: Running, answers: str) -> None:
    told = daemon.run("declare", "Slow", "--playbook", "emergency-response", typed=answers)
    assert told.exit_code == 2
    assert (
        "the questions of emergency-response need a terminal; without one, give --severity (SEV-1 or SEV-2 or SEV-3 or "
        "SEV-4), and --flag (major_impact or data_breach or "
        "security_breach or customer_facing or database_down or rate_limit_exceeded or payment_failed) if one applies"
    ) in " ".join(told.output.split())


def test_declaring_can_be_canceled_when_it_is_not_needed(daemon: Running) -> None:
    told = daemon.run("declare", "Slow", "--playbook", "emergency-response", typed="n\nn\ny\nn\nn\n0\nn\n")
    assert told.exit_code == 1
    assert "Monitor it closely." in told.output


def test_an_unknown_playbook_is_reported_with_the_known_ones(daemon: Running) -> None:
    told = daemon.run("declare", "Slow", "--playbook", "nothing")
    assert told.exit_code == 1
    assert "there is no playbook 'nothing'; known: emergency-response" in told.output
