"""config/playbooks/README.md has a row for each obligation of the five playbooks: where it is set, and its test."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from conf.pointers import content, leads_somewhere, named, problem_of_test

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
WITHOUT_TESTS: tuple[str, ...] = ()
"""The playbooks whose rows do not name their tests yet."""


class Row(NamedTuple):
    playbook: str
    what: str
    place: str
    how: str
    where: tuple[str, ...]
    shown_by: tuple[str, ...]


def rows() -> list[Row]:
    found = []
    playbook = ""
    for line in README.splitlines():
        if line.startswith("## "):
            playbook = TITLES.get(line[3:], line[3:])
        elif line.startswith("| ") and not line.startswith("| who "):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 5, line
            where, shown_by = (tuple(re.findall(r"`([^`]+)`", cell)) for cell in cells[3:])
            found.append(Row(playbook, *cells[:3], where, shown_by))
    return found


ROWS = rows()
POINTERS = sorted({pointer for row in ROWS for pointer in row.where})


def problems(row: Row) -> list[str]:
    """Return what is wrong with the tests of a row."""
    found = [problem_of_test(row.playbook, pointer) for pointer in row.shown_by]
    if row.how in ("carried out", "assisted") and not row.shown_by and row.playbook not in WITHOUT_TESTS:
        found.append(f"{row.how}, but no test performs it")
    if row.how == "human work" and row.shown_by:
        found.append("human work needs no test")
    return [one for one in found if one]


@pytest.mark.parametrize("pointer", POINTERS)
def test_what_a_row_points_to_exists(pointer: str) -> None:
    assert leads_somewhere(pointer)


@pytest.mark.parametrize(
    "pointer",
    ["erlmcp.yaml: severities.P0.matrix[tier 9]", "erlmcp.yaml: severities.P9", "erlmcp.yaml: tiers.5",
     "nobody.yaml: tiers", "templates/nothing.md.j2", "rules/07-playbooks.yaml: nothing", "tocsin nothing",
     "tocsin_nothing_total", "erlmcp.yaml: actions[erlmcp-nothing]", "erlmcp.yaml: reminders[Weekly review]"],
)  # fmt: skip
def test_what_does_not_exist_is_noticed(pointer: str) -> None:
    assert not leads_somewhere(pointer)


@pytest.mark.parametrize("path", ["actions[5]", "severities.P0.matrix[3].after", "reminders[0].rrule"])
def test_a_place_in_a_list_is_refused(path: str) -> None:
    assert not leads_somewhere(f"erlmcp.yaml: {path}")


def test_a_name_that_several_items_begin_with_is_refused() -> None:
    items = [
        {"message": "text", "to": ["incidents"], "at": "opened"},
        {"message": "text", "to": ["customers"], "at": "opened"},
        {"tracker": "jira", "at": ["declared", "resolved"]},
        {"ask": "Is data at risk?"},
        {"tier": "3", "after": "1h"},
        {"tier": "3", "after": "1h", "when": ["seen"], "targets": ["product"]},
    ]
    assert named(items, "text to customers") == items[1]
    assert named(items, "jira at declared") == items[2]
    assert named(items, "Is data") == items[3]
    assert named(items, "tier 3 after 1h") == items[4]
    assert named(items, "tier 3 after 1h when seen") == items[5]
    for words in ("text", "tier 3", "Is dat", "jira at resolved", "2"):
        with pytest.raises(LookupError):
            named(items, words)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.playbook}: {row.what}")
def test_a_row_says_how_where_and_by_which_test(row: Row) -> None:
    assert row.playbook in HEADINGS
    assert row.how in HOW
    assert row.where or row.how in ("human work", "not yet")
    assert not row.where or row.how != "human work"
    assert problems(row) == []


OURS = "tests/scenario/obligations/test_erlmcp_is_carried_out.py"


@pytest.mark.parametrize(
    ("shown_by", "problem"),
    [
        ((), "carried out, but no test performs it"),
        (("tests/scenario/test_nothing.py::test_it",), "there is no tests/scenario/test_nothing.py"),
        ((f"{OURS}::test_nothing",), f"{OURS} has no test test_nothing"),
        ((f"{OURS}::words",), f"{OURS} has no test words"),
        (
            ("tests/scenario/test_merged.py::test_split_again_it_is_its_next_occurrence_with_its_own_alerts",),
            "test_split_again_it_is_its_next_occurrence_with_its_own_alerts does not speak of erlmcp",
        ),
        (("rules/tests/playbooks/nothing.yaml: P0",), "there is no rules/tests/playbooks/nothing.yaml"),
        (
            ("rules/tests/playbooks/mgmt-vibe.yaml: SEV-0 that resolves",),
            "SEV-0 that resolves does not speak of erlmcp",
        ),
        (("rules/tests/playbooks/erlmcp.yaml: P0 that nobody acknowledges",), ""),
        ((f"{OURS}::test_each_update_is_a_standup_with_what_was_done",), ""),
    ],
)
def test_a_row_without_a_test_that_is_about_its_playbook_is_noticed(shown_by: tuple[str, ...], problem: str) -> None:
    row = Row("erlmcp", "all", "everywhere", "carried out", ("erlmcp.yaml: tiers",), shown_by)
    assert problems(row) == ([problem] if problem else [])


@pytest.mark.parametrize("playbook", HEADINGS)
def test_each_heading_of_the_text_has_a_row_and_each_row_a_heading(playbook: str) -> None:
    places = [row.place for row in ROWS if row.playbook == playbook]
    assert set(places) == set(HEADINGS[playbook])


def test_each_level_of_each_playbook_has_a_row() -> None:
    text = " ".join(POINTERS)
    for name in HEADINGS:
        levels = content(CONFIG / "playbooks" / f"{name}.yaml")["severities"]
        assert [level for level in levels if f"{name}.yaml: severities.{level}" not in text] == []
