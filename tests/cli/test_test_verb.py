"""``tocsin test`` on the command line."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tocsin.cli.main import cli

REPOSITORY = Path(__file__).parents[2]
FAILS = """\
tests:
  - name: this holds
    events: [{at: 0m, fire: {alertname: A, severity: critical}}]
    expect: [{at: 0m, severity: SEV-2}]
  - name: this does not
    events: [{at: 0m, fire: {alertname: A, severity: critical}}]
    expect: [{at: 0m, severity: SEV-1}]
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"TOCSIN_CONFIG": None, "TOCSIN_RULES": None})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `tocsin init` leaves it, and being there."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(REPOSITORY / "config", "config")
    shutil.copytree(REPOSITORY / "rules", "rules")
    return tmp_path


@pytest.mark.usefixtures("here")
def test_the_tests_beside_the_rules_are_run_and_pass() -> None:
    told = run("test")
    assert told.exit_code == 0, told.output
    assert re.fullmatch(r"\d+ passed in \d+\.\d\d s\n", told.stdout)


def test_a_failure_says_what_was_expected_and_what_came(here: Path) -> None:
    (here / "mine.yaml").write_text(FAILS)
    told = run("test", "mine.yaml")
    assert told.exit_code == 1
    assert told.stdout.startswith(
        "FAILED this does not (mine.yaml:5)\n"
        "  expected at 0s (mine.yaml:7:14)\n"
        "    - severity: SEV-1\n"
        "    + severity: SEV-2\n"
        "      decided by: everything > critical\n"
        "1 passed, 1 failed in "
    )
    assert "\x1b" not in told.output, "a pipe gets no colours"


def test_colours_are_for_a_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    (here / "mine.yaml").write_text(FAILS)
    assert "\x1b[31m    - severity: SEV-1\x1b[0m" in run("test", "mine.yaml").stdout


def test_a_filter_chooses_by_name(here: Path) -> None:
    (here / "mine.yaml").write_text(FAILS)
    assert run("test", "mine.yaml", "--filter", "HOLDS").stdout.startswith("1 passed in ")
    nothing = run("test", "mine.yaml", "--filter", "nothing")
    assert nothing.exit_code == 2
    assert "none of 2 tests has 'nothing' in its name" in nothing.output


def test_json_has_every_test_and_nothing_else(here: Path) -> None:
    (here / "mine.yaml").write_text(FAILS)
    told = run("test", "mine.yaml", "--json")
    assert told.exit_code == 1
    good, bad = json.loads(told.stdout)["tests"]
    assert (good["name"], good["passed"], good["failures"]) == ("this holds", True, [])
    assert bad["failures"] == [
        {
            "file": "mine.yaml",
            "line": 7,
            "column": 14,
            "what": "expected at 0s",
            "diff": ["- severity: SEV-1", "+ severity: SEV-2", "  decided by: everything > critical"],
        }
    ]


def test_a_mistake_in_a_test_or_rule_is_reported_and_nothing_is_run(here: Path) -> None:
    (here / "mine.yaml").write_text(FAILS.replace("SEV-1", "SEV1"))
    told = run("test", "mine.yaml")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == ("mine.yaml:7:33: there is no severity 'SEV1'; did you mean SEV-1?\n1 problem\n")
    (here / "rules/99-mine.yaml").write_text("rules: [{name: mine, match: {}, sett: {}}]\n")
    told = run("test")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith("rules/99-mine.yaml:1:33: unknown key 'sett'; did you mean set?\n")


def test_rules_without_tests_are_wrong_usage(here: Path) -> None:
    shutil.rmtree(here / "rules/tests")
    told = run("test")
    assert told.exit_code == 2
    assert "rules/tests contains no tests" in told.output


def test_a_rule_that_changes_its_mind_is_caught_by_the_shipped_tests(here: Path) -> None:
    base = here / "rules/00-base.yaml"
    base.write_text(base.read_text().replace("severity: SEV-2", "severity: SEV-3"))
    assert run("test").exit_code == 1
