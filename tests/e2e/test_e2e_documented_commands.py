"""The commands that our documents print, typed as they are printed."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from e2e import machine
from e2e.processes import free_port
from tocsin.cli.hint import hint
from tocsin.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "config/README.md", "rules/README.md", "systemd/README.md", "config/playbooks/README.md")
COMMENTED = ("Dockerfile", "config/tocsin.yaml", "config/people.yaml", "config/windows.yaml")
INLINE = re.compile(r"`(?:/opt/tocsin/bin/|\.venv/bin/)?(tocsin [a-z][^`\n]*)`")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    machine.clean_up(tmp_path)


def typed(script: str, folder: Path, where: Path) -> str:
    """What a shell prints that stops at the first command which fails."""
    environ = machine.install(folder, MACHINE_PORT=str(free_port()))
    environ["TOCSIN_URL"] = f"http://127.0.0.1:{environ['MACHINE_PORT']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=where,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    logs = "\n".join(log.read_text() for log in folder.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{logs}"
    return done.stdout


def test_the_commands_of_the_dockerfile_end_with_a_page(folder: Path) -> None:
    lines = (ROOT / "Dockerfile").read_text().split("\n\n")[0].splitlines()
    script = "\n".join(line[4:] for line in lines if line.startswith("#   "))
    assert "docker run" in script
    mine = folder / "mine"
    mine.mkdir()
    shown = typed(script, folder, mine)
    assert "delivered" in shown
    assert "PAGE DRILL" in (folder / "tocsin.log").read_text()


def test_the_commands_of_the_systemd_page_end_with_a_page_before_and_after_the_secrets(folder: Path) -> None:
    page = (ROOT / "systemd/README.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    shell = [text for language, text in blocks if not language]
    (settings,) = [text for language, text in blocks if language == "yaml"]
    first, secrets, second = shell
    first = re.sub(r"^git clone .*$|^sudo \.ci/install .*$", ":", first, flags=re.MULTILINE)
    extended = f"cat >>/etc/tocsin/config/tocsin.yaml <<'END'\n{settings}END\n"
    script = f"{first}\n{secrets}\n{extended}{second}"
    script = script.replace("/opt/tocsin/bin/", "").replace("/etc/", f"{folder}/etc/")
    (folder / "etc/systemd/system").mkdir(parents=True)
    (folder / "etc/sysusers.d").mkdir()
    shutil.copytree(ROOT / "systemd", folder / "checkout/systemd")
    shown = typed(script, folder, folder / "checkout")
    assert shown.count("delivered") == 2, shown


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
