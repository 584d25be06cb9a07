"""The table of tests/chaos/README.md: each fault has a test that exists."""

import re
from pathlib import Path

import pytest

CHAOS = Path(__file__).resolve().parents[1] / "chaos"
ROWS = [line for line in (CHAOS / "README.md").read_text().splitlines() if line.startswith("| ")][1:]
POINTERS = [pointer for row in ROWS for pointer in re.findall(r"`([^`]+\.py: [^`]+)`", row)]
FAULTS = (
    *("crash loop", "stalled event loop", "out of memory", "file descriptors used up", "slow or half-open requests"),
    *("volume of the log full", "database read-only", "database on a network file system", "fsync fails", "DNS fails"),
    *("acknowledgment in PagerDuty whose webhook is lost", "very old webhook", "truncated or damaged configuration"),
    *("token or secret replaced", "certificate of tocsin's own address", "tocsin is gone"),
)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: cells(row)[0])
def test_a_fault_is_shown_by_a_test(row: str) -> None:
    _, does, shown = cells(row)
    assert does
    assert re.match(r"`[^`]+\.py: test_[a-z0-9_]+`", shown)


@pytest.mark.parametrize("pointer", sorted(set(POINTERS)))
def test_the_test_that_a_fault_names_exists(pointer: str) -> None:
    file, name = pointer.split(": ")
    assert re.search(rf"^(async )?def {name}\(", (CHAOS / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_left_out(fault: str) -> None:
    assert any(fault in cells(row)[0] for row in ROWS)
