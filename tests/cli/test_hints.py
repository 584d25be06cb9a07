"""Mistakes of a first day: each message says what is wrong and what to write or type instead."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.daemons import Running, StandIn
from tocsin.cli.main import cli

REPOSITORY = Path(__file__).parents[2]
Answering = Callable[[int, object], StandIn]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"TOCSIN_CONFIG": None, "TOCSIN_RULES": None})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run("init", "--minimal", ".").exit_code == 0
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_empty_people_file_says_which_command_writes_one(here: Path) -> None:
    (here / "config/people.yaml").write_text("")

    assert "people.yaml:1:1: is empty; `tocsin init --minimal DIR` writes a small one" in run("check").output


@pytest.mark.parametrize("name", ["people.yaml", "tocsin.yaml"])
def test_a_missing_file_says_which_command_writes_one(here: Path, name: str) -> None:
    (here / "config" / name).unlink()

    assert f"{name}:1:1: cannot be read: No such file or directory; `tocsin init" in run("check").output


def test_a_removed_person_in_a_rotation_is_named_with_the_place_and_how_to_add_them(here: Path) -> None:
    change(here / "config/people.yaml", "  taylor: {contact: {channel: console}}\n", "")

    assert (
        "config/people.yaml:5:29: there is no person 'taylor'; known: alex; or add taylor under `people:`"
        in run("check").output
    )


def test_a_removed_person_in_a_playbook_is_named_with_the_place_and_how_to_add_them(here: Path) -> None:
    change(here / "config/playbooks/on-call.yaml", "[primary]", "[jordan]")

    output = run("check").output
    assert "config/playbooks/on-call.yaml:4:32: 'jordan' is neither a person, a group nor a target" in output
    assert "or add jordan under `people:`" in output


def test_a_playbook_that_ends_in_yml_is_one_problem(here: Path) -> None:
    (here / "config/playbooks/on-call.yaml").rename(here / "config/playbooks/on-call.yml")

    output = run("check").output
    assert "config/playbooks/on-call.yml:1:1: is not read as a playbook; name it on-call.yaml" in output
    assert "1 problem" in output


def test_braces_without_quotes_are_to_be_quoted(here: Path) -> None:
    change(here / "config/playbooks/on-call.yaml", "title: On call", "title: {{ service }}")

    assert 'put text with braces in quotes: "{{ ... }}"' in run("check").output


@pytest.mark.parametrize(
    ("path", "old", "new", "hint"),
    [
        ("rules/00-rules.yaml", "severity: high", "severity: hihg", "did you mean high?"),
        ("rules/00-rules.yaml", "severity: high", "severity: high, playbook: oncall", "did you mean on-call?"),
        ("rules/00-rules.yaml", "match: {}", "mtch: {}", "did you mean match?"),
        ("config/playbooks/on-call.yaml", "[primary]", "[primry]", "did you mean primary?"),
        ("config/people.yaml", "channel: console", "channel: consle", "did you mean console?"),
        ("config/people.yaml", "members: [alex", "members: [alx", "did you mean alex?"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest_one(here: Path, path: str, old: str, new: str, hint: str) -> None:
    change(here / path, old, new)

    assert hint in run("check").output


def test_a_missing_payload_says_what_the_file_must_contain() -> None:
    explained = run("explain", "nofile.json")

    assert explained.exit_code == 2
    assert "there is no file 'nofile.json'; it must contain the JSON of a webhook" in explained.output


def test_an_empty_folder_says_what_belongs_in_it(here: Path) -> None:
    (here / "payloads").mkdir()

    assert "payloads contains no alerts. Put webhook payloads of Alertmanager into the folder" in (
        run("replay", "payloads").output
    )


def test_an_unknown_incident_says_how_to_list_them(daemon: Running) -> None:
    refused = daemon.run("incidents", "ack", "77000")

    assert refused.exit_code == 1
    assert "`tocsin incidents list` lists the open incidents" in refused.output


def test_the_answer_to_a_note_says_the_incident_the_change_and_the_next_page(answering: Answering) -> None:
    step = {"tier": 2, "at": "2099-01-01T00:00:00Z", "targets": ["secondary"], "kind": "page", "until": "acknowledged"}
    incident = {"number": 7, "title": "Disk full", "severity": "high", "state": "triggered", "next_step": step}

    noted = answering(200, {"incident": incident, "changed": True, "note": ""}).run("incidents", "note", "7", "x")

    lines = noted.output.splitlines()
    assert lines[:2] == ["#7 Disk full: high, triggered", "  note added to the timeline"]
    assert lines[2].startswith("  next: page secondary (tier 2) in ")
    assert lines[2].endswith(", unless it is acknowledged")


@pytest.mark.parametrize(
    ("state", "firing", "next_page"),
    [
        ("acknowledged", 1, "  next: no further page is planned\n"),
        ("snoozed", 1, "  next: page the tier that was reached last, when the snooze ends\n"),
        ("resolved", 1, "  next: 1 alert still fires; if this goes on, the incident opens again and pages\n"),
        ("resolved", 0, ""),
    ],
)
def test_the_answer_says_what_comes_next_without_a_step_of_the_ladder(
    answering: Answering, state: str, firing: int, next_page: str
) -> None:
    incident = {"number": 7, "title": "Disk full", "severity": "high", "state": state, "next_step": None}
    answer = {"incident": incident | {"alerts_firing": firing}, "changed": True, "note": ""}

    taken = answering(200, answer).run("incidents", "ack", "7")

    assert taken.output == f"#7 Disk full: high, {state}\n{next_page}"


def test_the_installer_without_a_directory_prints_its_usage() -> None:
    installed = subprocess.run([REPOSITORY / ".ci/install"], capture_output=True, text=True, check=False, timeout=10)

    assert (installed.returncode, installed.stderr.startswith("Usage: ")) == (2, True)


def test_the_page_of_commands_has_every_option_that_a_command_alone_has() -> None:
    assert "| `--shadow DIR` |" in (REPOSITORY / "config/commands.md").read_text()


def test_a_body_that_is_not_json_is_answered_with_what_was_expected(daemon: Running) -> None:
    request = urllib.request.Request(f"{daemon.url}/webhooks/alertmanager", b"disk full", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)

    assert "expected a webhook of Alertmanager, such as" in json.loads(refused.value.read())["error"]["message"]


def test_the_name_of_an_alert_in_place_of_an_incident_says_how_to_explain_it(
    answering: Callable[[int, object], StandIn],
) -> None:
    nothing = {"error": {"code": "unknown", "message": "there is no incident 'CheckoutDown'"}}
    explained = answering(404, nothing).run("explain", "CheckoutDown")
    assert explained.exit_code == 1
    assert "To explain an alert of this name: tocsin explain alertname=CheckoutDown" in explained.output
    assert "alertname" not in answering(404, nothing).run("explain", "12").output
