"""The table in tests/scenario/README.md: every case has a scenario, and every named scenario exists."""

import re
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).resolve().parents[1] / "scenario"
ROWS = [line for line in (SCENARIOS / "README.md").read_text().splitlines() if line.startswith("| ")][1:]
POINTERS = [pointer for row in ROWS for pointer in re.findall(r"`([^`]+\.py: [^`]+)`", row)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_case_is_shown_by_a_scenario(row: str) -> None:
    assert re.search(r"`[^`]+\.py: test_[a-z0-9_]+`", row.split("|")[3])


@pytest.mark.parametrize("pointer", POINTERS)
def test_the_scenario_exists(pointer: str) -> None:
    file, name = pointer.split(": ")
    assert re.search(rf"^(async )?def {name}\(", (SCENARIOS / file).read_text(), re.MULTILINE)


def test_there_are_as_many_cases_as_the_design_has() -> None:
    assert len(ROWS) >= 37
