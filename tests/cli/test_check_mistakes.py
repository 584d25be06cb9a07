"""A mistake of each kind gives its one line, at its line and column."""

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
    """Exit code and output of ``tocsin check``, without its last line, the summary."""
    environ = {"TOCSIN_CONFIG": None, "TOCSIN_RULES": None, **SECRETS}
    told = CliRunner().invoke(cli, ["check", *arguments], env=environ)
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    lines = told.output.splitlines()
    return told.exit_code, [line for line in lines if not re.match(r"good: |\d+ problems?\b", line)]


def edit(here: Path, mistake: Mistake) -> None:
    path = here / mistake.file
    before, found, after = path.read_text().partition(mistake.old)
    assert found, f"{mistake.old!r} does not stand in {mistake.file}"
    assert mistake.old not in after, f"{mistake.old!r} stands more than once in {mistake.file}"
    path.write_text(before + mistake.new + after)


@pytest.mark.usefixtures("here")
def test_without_a_mistake_nothing_is_told() -> None:
    assert check("--strict") == (0, [])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.kind)
def test_a_mistake_is_one_line_at_its_place(here: Path, mistake: Mistake) -> None:
    edit(here, mistake)
    is_warning = ": warning: " in mistake.told
    assert check() == (0 if is_warning else 1, [mistake.told])
    assert check("--strict")[0] == 1


def test_all_mistakes_are_told_at_once(here: Path) -> None:
    chosen = {mistake.file: mistake for mistake in MISTAKES if ": warning: " not in mistake.told}
    assert len(chosen) == 4, "one of each file"
    for mistake in chosen.values():
        edit(here, mistake)
    assert check()[1] == sorted(mistake.told for mistake in chosen.values())
