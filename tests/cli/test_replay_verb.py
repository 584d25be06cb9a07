"""``tocsin replay`` on the command line."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tocsin.cli.main import cli

REPOSITORY = Path(__file__).parents[2]
QUIET = "rules: [{name: quiet, match: 'alertname=\"DiskFull\"', suppress: true}]\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"TOCSIN_CONFIG": None, "TOCSIN_RULES": None})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration, a branch of its rules, and two webhooks."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(REPOSITORY / "config", "config")
    shutil.copytree(REPOSITORY / "rules", "rules")
    shutil.copytree(REPOSITORY / "rules", "branch")
    (tmp_path / "branch/90-mine.yaml").write_text(QUIET)
    (tmp_path / "payloads").mkdir()
    alert = {"labels": {"alertname": "DiskFull", "severity": "critical", "service": "db"}}
    times = {"startsAt": "2026-01-05T09:00:00Z", "endsAt": "2026-01-05T09:40:00Z"}
    for number, status in enumerate(("firing", "resolved")):
        body = {"version": "4", "alerts": [{"status": status, **alert, **times}]}
        (tmp_path / f"payloads/{number}.json").write_text(json.dumps(body))
    return tmp_path


@pytest.mark.usefixtures("here")
def test_it_says_what_other_rules_would_change() -> None:
    told = run("replay", "payloads", "--against", "branch")
    assert told.exit_code == 0, told.output
    lines = [re.sub(r" +", " ", line).strip() for line in told.stdout.splitlines()]
    assert lines[:-1] == [
        "before after change",
        "alerts 1 1",
        "incidents 1 0 -1",
        "pages 2 0 -2",
        "pages, tier 1 1 0 -1",
        "pages, tier 2 1 0 -1",
        "updates 0 0",
        "alerts suppressed 0 1 +1",
        "alerts held 0 0",
        "alerts unrouted 0 0",
        "DiskFull (db): 1 alert, pages 2 -> 0, incidents 1 -> 0, suppressed 0 -> 1",
        "suppress no -> yes (1)",
    ]
    assert re.fullmatch(r"2 events replayed in \d+\.\d s", lines[-1])


@pytest.mark.usefixtures("here")
def test_a_change_fails_where_that_is_asked_for_and_no_change_does_not() -> None:
    assert run("replay", "payloads", "--against", "branch", "--fail-on-change").exit_code == 1
    same = run("replay", "payloads", "--against", "rules", "--fail-on-change")
    assert same.exit_code == 0
    assert "Nothing changes.\n" in same.stdout


@pytest.mark.usefixtures("here")
def test_json_has_it_all() -> None:
    told = json.loads(run("replay", "payloads", "--against", "branch", "--json").stdout)
    assert (told["events"], told["notes"]) == (2, [])
    assert told["before"]["pages_by_tier"] == {"1": 1, "2": 1}
    assert told["after"] == {
        "alerts": 1,
        "incidents": 0,
        "pages": 0,
        "pages_by_tier": {},
        "updates": 0,
        "suppressed": 1,
        "held": 0,
        "unrouted": 0,
    }
    (group,) = told["changed"]
    assert (group["alertname"], group["service"]) == ("DiskFull", "db")
    assert group["differences"] == [{"field": "suppress", "before": "no", "after": "yes", "alerts": 1}]
    alone = json.loads(run("replay", "payloads", "--json").stdout)
    assert (alone["after"], alone["changed"]) == (None, [])


def test_what_cannot_be_replayed_says_why(here: Path) -> None:
    (here / "empty").mkdir()
    for source, code, why in (
        ("nothing.db", 1, "nothing.db does not exist or is not a file"),
        ("memory:", 2, "memory: has no history"),
        ("empty", 1, "empty contains no alerts"),
    ):
        told = run("replay", source)
        assert (told.exit_code, why in told.output) == (code, True), told.output
    assert "contains no alerts of that period" in run("replay", "payloads", "--since", "1d").output
    assert run("replay", "payloads", "--since", "soon").exit_code == 2
    (here / "branch/91-more.yaml").write_text("rules: [{name: more, match: {}, sett: {}}]\n")
    told = run("replay", "payloads", "--against", "branch")
    assert told.exit_code == 1
    assert told.stderr.startswith("branch/91-more.yaml:1:33: unknown key 'sett'")


def test_many_groups_are_cut_unless_all_are_asked_for(here: Path) -> None:
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": f"A{number}", "severity": "p1"},
            "startsAt": "2026-01-05T09:00:00Z",
        }
        for number in range(25)
    ]
    (here / "payloads/2.json").write_text(json.dumps({"version": "4", "alerts": alerts}))
    (here / "branch/90-mine.yaml").write_text("rules: [{name: all, match: 'alertname=~\"A.*\"', suppress: true}]\n")
    told = run("replay", "payloads", "--against", "branch").stdout
    assert "... and 5 more groups: --all shows them\n" in told
    assert "more groups" not in run("replay", "payloads", "--against", "branch", "--all").stdout


def test_a_replay_escalates_by_the_playbooks_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(cli, ("init", "--minimal", "."), catch_exceptions=False)
    (tmp_path / "payloads").mkdir()
    alert = {"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-11-05T09:00:00Z"}
    (tmp_path / "payloads/1.json").write_text(json.dumps({"version": "4", "alerts": [alert]}))

    def pages() -> dict[str, int]:
        told = CliRunner().invoke(cli, ("replay", "payloads", "--json"), catch_exceptions=False)
        return dict(json.loads(told.stdout)["before"]["pages_by_tier"])

    with_two_tiers = pages()
    playbook = tmp_path / "config/playbooks/on-call.yaml"
    before = playbook.read_text()
    playbook.write_text(before.replace("tier: 2, after: respond_within", "tier: 2, after: 3h"))
    assert playbook.read_text() != before

    assert with_two_tiers["2"] > 0
    assert pages().get("2", 0) == 0
