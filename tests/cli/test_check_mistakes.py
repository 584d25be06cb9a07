"""`tocsin check` reports each kind of mistake in one line with its position."""

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from tocsin.cli.main import cli

FIXTURES = Path(__file__).parents[1] / "fixtures" / "check"
SECRETS = {
    "PAGER_KEY": "0123456789abcdef" * 2,
    "CHAT_TOKEN": "xoxb-a-token-of-a-bot",
    "AM_TOKEN": "a-token-for-alertmanager",
    "ALEX_TOKEN": "a-token-for-the-laptop",
    "PAGER_HOOK": "pager-hook",
    "CHAT_HOOK": "chat-hook",
}


class Mistake(NamedTuple):
    """One entry of mistakes.txt."""

    kind: str
    file: str
    old: str
    new: str
    told: str


def entries() -> list[Mistake]:
    found = []
    for entry in (FIXTURES / "mistakes.txt").read_text().strip().split("\n\n")[1:]:
        kind, file, *edits, told = entry.splitlines()
        old = "\n".join(line[2:] for line in edits if line.startswith("- "))
        new = "\n".join(line[2:] for line in edits if line.startswith("+ "))
        found.append(Mistake(kind.removeprefix("# "), file, old, new, told))
    return found


MISTAKES = entries()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration in which nothing is wrong."""
    for part in ("config", "rules"):
        shutil.copytree(FIXTURES / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str) -> tuple[int, list[str]]:
    """Exit code and output of ``tocsin check``, without excerpts of files and the summary in its last line."""
    environ = {"TOCSIN_CONFIG": None, "TOCSIN_RULES": None, **SECRETS}
    told = CliRunner().invoke(cli, ["check", *arguments], env=environ)
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    lines = told.output.splitlines()
    return told.exit_code, [line for line in lines if not re.match(r"good: |\d+ problems?\b|    ", line)]


def edit(here: Path, mistake: Mistake) -> None:
    path = here / mistake.file
    before, found, after = path.read_text().partition(mistake.old)
    assert found, f"{mistake.old!r} does not stand in {mistake.file}"
    assert mistake.old not in after, f"{mistake.old!r} stands more than once in {mistake.file}"
    path.write_text(before + mistake.new + after)


@pytest.mark.usefixtures("here")
def test_a_valid_configuration_reports_nothing() -> None:
    assert check("--strict") == (0, [])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.kind)
def test_a_mistake_is_one_line_at_its_position(here: Path, mistake: Mistake) -> None:
    edit(here, mistake)
    is_warning = ": warning: " in mistake.told
    assert check() == (0 if is_warning else 1, [mistake.told])
    assert check("--strict")[0] == 1


def test_all_mistakes_are_reported_at_once(here: Path) -> None:
    chosen = {mistake.file: mistake for mistake in MISTAKES if ": warning: " not in mistake.told}
    assert len(chosen) == 4, "one of each file"
    for mistake in chosen.values():
        edit(here, mistake)
    assert check()[1] == sorted(mistake.told for mistake in chosen.values())


def test_a_pull_request_is_annotated_in_githubs_own_escaping(here: Path) -> None:
    (here / "rules" / "20%,a:b.yaml").write_text('rules:\n  - {name: a, match: \'x="100%", x="1"\', stop: true}\n')

    code, lines = check("--format", "github", "--strict")

    assert code == 1
    told = 'no alert can match this rule: x="100%25" and x="1" exclude each other; correct one of them, or remove it'
    assert lines == [f"::warning file=rules/20%25%2Ca%3Ab.yaml,line=2,col=35::{told}"]


def test_a_problem_without_a_line_is_reported_for_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "rules" / "20.yml").write_text("")
    monkeypatch.setenv("TOCSIN_LISTN", "x")

    assert check("--format", "github")[1] == [
        "::warning title=tocsin check::TOCSIN_LISTN: overrides no setting; did you mean TOCSIN_LISTEN?",
        "::warning file=rules/20.yml::rules/20.yml: is not read: rules end in .yaml; rename it to 20.yaml",
    ]


def test_json_output_has_the_same_problems(here: Path) -> None:
    (here / "rules" / "20.yaml").write_text("rules:\n  - {name: a, match: 'x=1', sett: 7}\n")
    (here / "rules" / "30.yml").write_text("")

    told = CliRunner().invoke(cli, ["check", "--format", "json"], env=SECRETS)

    assert told.exit_code == 1
    assert json.loads(told.output) == [
        {
            "level": "error",
            "file": "rules/20.yaml",
            "line": 2,
            "column": 29,
            "message": "unknown key 'sett'",
            "hint": "did you mean set?",
        },
        {
            "level": "warning",
            "file": "rules/30.yml",
            "line": None,
            "column": None,
            "message": "is not read: rules end in .yaml",
            "hint": "rename it to 30.yaml",
        },
    ]


@pytest.mark.usefixtures("here")
def test_files_are_named_from_the_working_directory(here: Path) -> None:
    edit(here, MISTAKES[0])
    assert check("--config", str(here / "config"), "--rules", str(here / "rules"))[1] == [MISTAKES[0].told]


def test_the_alerts_of_rule_tests_speak_for_the_labels_that_they_have(here: Path) -> None:
    rules = here / "rules" / "20.yaml"
    rules.write_text("rules:\n  - {name: depot, match: 'namespace=\"depot\"', set: {service: 'depot-{shard}'}}\n")
    assert "nothing says that each here has it" in check()[1][0]
    (here / "rules" / "tests").mkdir()
    test = here / "rules" / "tests" / "depot.yaml"
    test.write_text("tests:\n  - events:\n      - {fire: {alertname: A, namespace: depot, shard: s1}}\n")
    assert check()[1] == []
    test.write_text(test.read_text() + "      - {fire: {alertname: B, namespace: depot}}\n")
    assert "{shard}: B has no such label" in check()[1][0]


def test_a_group_without_a_reachable_member_is_reported(here: Path) -> None:
    people = here / "config" / "people.yaml"
    people.write_text(re.sub(r"    (contact|methods): .*\n", "", people.read_text()))
    told = check()[1]
    assert [line.partition(":")[2].partition(": warning: ")[0] for line in told] == ["2:3", "4:3", "8:3"]
    assert "no one in admins can be reached" in told[2]


def test_an_unused_playbook_is_reported_once(here: Path) -> None:
    playbooks = here / "config" / "playbooks"
    (playbooks / "other.yaml").write_text((playbooks / "ops.yaml").read_text().replace("  P3:", "  P4:"))
    message = "no rule chooses the playbook other: alerts go to ops, the default of tocsin.yaml"
    hint = "let a rule `set: {playbook: other}`"
    assert check()[1] == [f"config/playbooks/other.yaml:1:1: warning: {message}; {hint}"]
