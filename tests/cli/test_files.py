"""Commands that work on files: init and check."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import tocsin
from tocsin.cli.main import VERBS, cli

REPOSITORY = Path(__file__).parents[2]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"TOCSIN_CONFIG": None, "TOCSIN_RULES": None})


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every verb with its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(cli))
"""Every verb, by its path."""


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_verb_has_help_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    told = run(*path, "--help")

    assert told.exit_code == 0
    assert re.search(rf"Example:\n  +tocsin {' '.join(path)}\b", told.output)


def test_the_verbs_of_the_design_are_there() -> None:
    verbs = {
        "init",
        "playbooks",
        "check",
        "test",
        "simulate",
        "serve",
        "reload",
        "declare",
        "incidents",
        "windows",
        "explain",
        "postmortem",
        "oncall",
        "replay",
        "drill",
        "drills",
        "report",
    }
    assert verbs == set(VERBS)
    assert {
        "list",
        "show",
        "ack",
        "take",
        "resolve",
        "escalate",
        "severity",
        "flags",
        "fact",
        "snooze",
        "unsnooze",
        "replan",
        "declare",
        "note",
        "update",
        "status",
        "role",
        "tick",
        "todo",
        "done",
        "reviewed",
        "waive",
        "meeting",
        "merge",
        "split",
        "link",
        "drafts",
        "confirm",
        "discard",
    } == {path[1] for path in ALL if path[0] == "incidents" and len(path) > 1}


def test_an_unknown_verb_is_wrong_usage() -> None:
    assert run("exorcise").exit_code == 2


def test_the_version_is_printed() -> None:
    assert run("--version").output == f"tocsin {tocsin.__version__}\n"


def test_it_runs_as_a_module_too() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tocsin", "--version"], cwd="/", capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout == f"tocsin {tocsin.__version__}\n"


def test_init_writes_what_is_shipped_and_check_likes_it(tmp_path: Path) -> None:
    written = run("init", str(tmp_path / "new"))

    assert written.exit_code == 0, written.output
    for part in ("config", "rules"):
        shipped = {
            path.relative_to(REPOSITORY): path.read_bytes()
            for path in (REPOSITORY / part).rglob("*")
            if path.is_file() and (path.suffix != ".md" or path.name == "README.md")  # others are about one task
        }
        found = {
            path.relative_to(tmp_path / "new"): path.read_bytes()
            for path in (tmp_path / "new" / part).rglob("*")
            if path.is_file()
        }
        assert found == shipped
    checked = run("check", "--config", str(tmp_path / "new/config"), "--rules", str(tmp_path / "new/rules"))
    assert checked.exit_code == 0, checked.output
    assert re.search(r"^good: \d+ rules, 5 playbooks \(emergency-response, erlmcp, ", checked.output, re.MULTILINE)


def test_init_overwrites_nothing_unless_forced(tmp_path: Path) -> None:
    mine = tmp_path / "config" / "tocsin.yaml"
    mine.parent.mkdir()
    mine.write_text("mine\n")

    refused = run("init", str(tmp_path))

    assert refused.exit_code == 1
    assert str(mine) in refused.output
    assert mine.read_text() == "mine\n"
    assert not (tmp_path / "rules").exists(), "one file in the way, and none is written"

    assert run("init", "--force", str(tmp_path)).exit_code == 0
    assert mine.read_bytes() == (REPOSITORY / "config/tocsin.yaml").read_bytes()


def test_init_again_changes_nothing(tmp_path: Path) -> None:
    first = run("init", str(tmp_path))
    count = sum(path.is_file() for path in tmp_path.rglob("*"))
    assert first.output.startswith(f"{count} files written to {tmp_path}. Next:\n")
    (tmp_path / "config/people.yaml").unlink()
    assert run("init", str(tmp_path)).output.startswith(f"1 file written to {tmp_path}.")
    again = run("init", str(tmp_path))
    assert (again.exit_code, again.output.partition(".")[0]) == (0, f"No files written to {tmp_path}: they all exist")


def test_init_says_where_here_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output = run("init", ".").output
    assert output.partition("written to ")[2] == f"{tmp_path}. Next:\n  tocsin check\n  tocsin test\n  tocsin serve\n"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A configuration with two mistakes in two files."""
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    shutil.copytree(REPOSITORY / "rules", tmp_path / "rules")
    with (tmp_path / "config/tocsin.yaml").open("a") as file:
        file.write("\nlisten_: nowhere\n")
    (tmp_path / "rules/99-mine.yaml").write_text(
        "rules:\n  - name: mine\n    matchers: ['severity=~\"(\"']\n    severity: SEV-9\n"
    )
    return tmp_path


def test_check_says_everything_at_once_and_where(broken: Path) -> None:
    told = run("check", "--config", str(broken / "config"), "--rules", str(broken / "rules"))

    assert told.exit_code == 1
    assert re.search(
        rf"^{re.escape(str(broken))}/config/tocsin\.yaml:\d+:\d+: unknown key 'listen_'; did you mean listen\?$",
        told.output,
        re.MULTILINE,
    )
    assert re.search(rf"^{re.escape(str(broken))}/rules/99-mine\.yaml:\d+:\d+: ", told.output, re.MULTILINE)
    assert re.search(r"^\d+ problems$", told.output, re.MULTILINE)


def test_check_annotates_a_pull_request(broken: Path) -> None:
    told = run("check", "--format", "github", "--config", str(broken / "config"), "--rules", str(broken / "rules"))

    assert told.exit_code == 1
    assert re.search(
        r"^::error file=\S+/config/tocsin\.yaml,line=\d+,col=\d+::unknown key 'listen_'", told.output, re.MULTILINE
    )


@pytest.mark.parametrize("verb", ["check", "serve", "test"])
def test_a_folder_that_is_not_there_is_wrong_usage_and_init_is_named(tmp_path: Path, verb: str) -> None:
    told = run(verb, "--config", str(tmp_path / "none"), "--rules", str(tmp_path))

    assert told.exit_code == 2
    assert "tocsin init" in told.output
