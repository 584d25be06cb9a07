"""``tocsin explain --config`` evaluates the rules on disk without a daemon."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.daemons import Running
from tocsin.cli.main import cli

CONFIG = str(Path(__file__).parents[2] / "config")
NOWHERE = {"TOCSIN_URL": "http://127.0.0.1:9", "TOCSIN_CONFIG": CONFIG}
DEFAULT = "emergency-response"
LABELS = ("alertname=PostgresqlDown", "severity=critical", "cluster=eu", "instance=db1:9187")


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ("explain", *arguments), env=NOWHERE, catch_exceptions=False)


def test_it_says_what_the_daemon_says_of_the_same_rules(daemon: Running) -> None:
    offline = explain("--config", CONFIG, *LABELS, "--json")
    assert offline.exit_code == 0, offline.output
    asked = json.loads(daemon.run("explain", *LABELS, "--json").output)
    told = json.loads(offline.output)
    assert (told["incident"], asked["incident"]["what"]) == (None, "opens")
    for answer in (told, asked):
        del answer["incident"]
        for rule in answer["rules"]:
            rule["path"] = Path(rule["path"]).name if "path" in rule else ""
    assert told["outcome"] == asked["outcome"] == "pages"
    assert told["ladder"] == asked["ladder"]
    assert told["severity"] == asked["severity"]


@pytest.mark.parametrize(
    ("labels", "headline"),
    [
        (
            ("severity=info", "data_breach=true"),
            f"pages: SEV-4 of {DEFAULT} pages no one by itself, but data_breach pages ceo, legal, security at once",
        ),
        (
            ("severity=critical", "major_impact=true"),
            "pages: SEV-2 of emergency-response; major_impact pages ceo, legal at once",
        ),
        (("severity=info",), "informs: SEV-4 of emergency-response pages no one"),
        (
            ("severity=warning", "playbook=mgmt-vibe", "scenario=complaints-rising"),
            "pages: SEV-3 of mgmt-vibe; complaints_rising pages the next tier at once",
        ),
        (
            ("severity=low", "playbook=service-quick-reference", "security=true"),
            "pages: P0 of service-quick-reference; security pages security at once",
        ),
    ],
)
def test_the_headline_counts_whom_the_flags_page(labels: tuple[str, ...], headline: str) -> None:
    told = explain("--config", CONFIG, "alertname=Odd", *labels)
    assert told.output.splitlines()[0] == headline


def test_it_explains_what_the_daemon_takes_though_not_all_of_it_can_be_read(tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    odd = {"labels": {"alertname": "Watchdog", "port": 9100}, "annotations": {"summary": None}, "startsAt": "soon"}
    payload.write_text(json.dumps({"alerts": [odd, 7]}))
    told = explain("--config", CONFIG, str(payload), "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["labels"] == {"alertname": "Watchdog", "port": "9100"}


def test_it_reads_a_payload_and_prints_the_chain(tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps({"alerts": [{"labels": {"alertname": "Watchdog"}}]}))
    told = explain("--config", CONFIG, str(payload))
    assert told.exit_code == 0, told.output
    assert told.output.startswith("heartbeat: ")


def test_without_config_the_daemon_is_queried_regardless_of_the_environment() -> None:
    asked = explain(*LABELS)
    assert asked.exit_code == 1
    assert "Cannot connect to http://127.0.0.1:9" in asked.output
    assert asked.output.endswith(f"Without a daemon: tocsin explain --config config {' '.join(LABELS)}\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--config", CONFIG, "12"), "--config explains labels or a payload"),
        (("--rules", CONFIG, "a=b"), "--rules needs --config"),
        (("--config", "/nowhere", "a=b"), "does not exist"),
    ],
)
def test_half_a_question_is_wrong_usage(arguments: tuple[str, ...], told: str) -> None:
    asked = explain(*arguments)
    assert asked.exit_code == 2
    assert told in " ".join(asked.output.split())


def test_a_configuration_with_a_mistake_is_reported(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "config").mkdir()
    asked = explain("--config", str(tmp_path / "config"), "a=b")
    assert asked.exit_code == 1
    assert "holds no playbook" in asked.output
