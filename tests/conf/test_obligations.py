"""config/playbooks/README.md: every obligation of the five written playbooks has a row, and the row leads somewhere."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from tocsin.cli.main import cli
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
README = (CONFIG / "playbooks/README.md").read_text()
HEADINGS: dict[str, list[str]] = yaml.safe_load((ROOT / "tests/fixtures/playbooks/headings.yaml").read_text())
TITLES = {
    "Ultimate Marketing": "ultimate-marketing",
    "Service quick reference": "service-quick-reference",
    "Emergency response": "emergency-response",
    "MgmtVibe": "mgmt-vibe",
}
HOW = ("carried out", "assisted", "human work", "not yet")
STEP = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")
"""One step of a path: a key, or an item of a list by its place or its name."""


class Row(NamedTuple):
    playbook: str
    what: str
    place: str
    how: str
    where: tuple[str, ...]


def rows() -> list[Row]:
    found = []
    playbook = ""
    for line in README.splitlines():
        if line.startswith("## "):
            playbook = TITLES.get(line[3:], line[3:])
        elif line.startswith("| ") and not line.startswith("| who "):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 4, line
            found.append(Row(playbook, *cells[:3], tuple(re.findall(r"`([^`]+)`", cells[3]))))
    return found


ROWS = rows()
POINTERS = sorted({pointer for row in ROWS for pointer in row.where})


@cache
def content(path: Path) -> Any:
    """Every key and every value as a text: `on` is a key here, and no truth."""
    return yaml.load(path.read_text(), yaml.BaseLoader)  # it makes nothing but texts


def file_of(name: str) -> Path:
    """Rules and configuration by their path; a playbook by its name alone."""
    playbook = CONFIG / "playbooks" / name
    return playbook if playbook.exists() else (ROOT if name.startswith("rules/") else CONFIG) / name


def follow(at: Any, path: str) -> Any:
    """What stands at a path.

    Raises:
        LookupError: Nothing does.
    """
    for key, item in STEP.findall(path):
        if key:
            at = at[key]
        elif item.isdigit():
            at = at[int(item)]
        else:
            at = {one["name"]: one for one in at}[item]
    return at


def leads_somewhere(pointer: str) -> bool:
    """Whether there is such a setting, file, rule, metric or command."""
    if pointer.startswith("tocsin "):
        command: click.Command | None = cli
        for verb in pointer.split()[1:]:
            command = command.get_command(click.Context(command), verb) if isinstance(command, click.Group) else None
        return command is not None
    if pointer.startswith(PREFIX):
        return pointer.removeprefix(PREFIX) in {metric.name for metric in CATALOGUE}
    name, _, path = pointer.partition(": ")
    file = file_of(name)
    if not path:
        return file.is_file()
    if name.startswith("rules/"):
        return path in {rule["name"] for rule in content(file)["rules"]}
    try:
        follow(content(file), path)
    except (LookupError, TypeError, FileNotFoundError):
        return False
    return True


@pytest.mark.parametrize("pointer", POINTERS)
def test_what_a_row_points_to_exists(pointer: str) -> None:
    assert leads_somewhere(pointer)


@pytest.mark.parametrize(
    "pointer",
    ["erlmcp.yaml: severities.P0.matrix[9]", "erlmcp.yaml: severities.P9", "erlmcp.yaml: tiers.5", "nobody.yaml: tiers",
     "templates/nothing.md.j2", "rules/07-playbooks.yaml: nothing", "tocsin nothing", "tocsin_nothing_total"],
)  # fmt: skip
def test_what_does_not_exist_is_noticed(pointer: str) -> None:
    assert not leads_somewhere(pointer)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.playbook}: {row.what}")
def test_a_row_says_how_and_where(row: Row) -> None:
    assert row.playbook in HEADINGS
    assert row.how in HOW
    assert row.where or row.how in ("human work", "not yet")
    assert not row.where or row.how != "human work"


@pytest.mark.parametrize("playbook", HEADINGS)
def test_each_heading_of_the_text_has_a_row_and_each_row_a_heading(playbook: str) -> None:
    places = [row.place for row in ROWS if row.playbook == playbook]
    assert set(places) == set(HEADINGS[playbook])


def test_each_level_of_each_playbook_has_a_row() -> None:
    text = " ".join(POINTERS)
    for name in HEADINGS:
        levels = content(CONFIG / "playbooks" / f"{name}.yaml")["severities"]
        assert [level for level in levels if f"{name}.yaml: severities.{level}" not in text] == []
