"""The commands named in documents and comments exist. `test_e2e_pages.py` runs those in code blocks."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tocsin.cli.hint import hint
from tocsin.cli.main import cli

ROOT = Path(__file__).parents[2]
PARTS = ("config", "rules", "systemd")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *(page for part in PARTS for page in (ROOT / part).rglob("*.md")))
)
COMMENTED = ("Dockerfile", "config/tocsin.yaml", "config/people.yaml", "config/windows.yaml")
INLINE = re.compile(r"`(?:/opt/tocsin/bin/|\.venv/bin/)?(tocsin [a-z][^`\n]*)`")


def test_the_line_of_the_readme_is_the_one_that_make_run_prints() -> None:
    (line,) = [line.strip() for line in hint("127.0.0.1:9099").splitlines() if line.strip().startswith("curl")]
    assert f"\n{line}\n" in (ROOT / "README.md").read_text()


def documented() -> list[tuple[str, str]]:
    found = [(name, command) for name in DOCUMENTS for command in INLINE.findall((ROOT / name).read_text())]
    for name in COMMENTED:
        if (ROOT / name).exists():
            found += [(name, command) for command in INLINE.findall((ROOT / name).read_text())]
    return sorted(set(found))


@pytest.mark.parametrize(("document", "command"), documented(), ids=lambda value: value)
def test_a_command_that_is_named_exists_with_its_options(document: str, command: str) -> None:
    words = shlex.split(command.replace("...", "x"))[1:]
    group: click.Command = cli
    while words and isinstance(group, click.Group):
        found = group.get_command(click.Context(group), words[0].rstrip(","))
        if found is None:
            assert words[0].startswith("-") or group.invoke_without_command, f"{document}: {command}"
            break
        group = found
        words.pop(0)
    options = {option for parameter in group.params for option in parameter.opts} | {"--help", "-h", "--version"}
    assert [word for word in words if word.startswith("--") and word.partition("=")[0] not in options] == []
