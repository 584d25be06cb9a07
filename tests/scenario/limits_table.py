"""The table of limits in config/README.md."""

import re
from dataclasses import dataclass
from pathlib import Path

SECTION = (Path(__file__).parents[2] / "config/README.md").read_text().partition("\n## Limits\n")[2]


@dataclass(frozen=True)
class Row:
    """A limit."""

    chosen_by: str
    what: str
    bound: str
    set_by: str
    """The setting, or the constant (``module: NAME``); "" where nothing can be set."""
    reason: str
    """The reason why it is no setting."""
    beyond: str
    metric: str
    case: str


def code(cell: str) -> str:
    """Return what stands in a cell as code."""
    found = re.match(r"`([^`]+)`", cell)
    assert found, cell
    return found[1]


def _row(line: str) -> Row:
    chosen_by, what, bound, set_by, beyond, metric, case = (cell.strip() for cell in line.strip("|").split(" | "))
    is_code = set_by.startswith("`")
    where = code(set_by) if is_code else ""
    reason = set_by.removeprefix(f"`{where}`").removeprefix("fixed").lstrip(", ")
    return Row(chosen_by, what, code(bound), where, reason, beyond, code(metric), code(case))


def _rows() -> dict[str, Row]:
    lines = [line for line in SECTION.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    rows = [_row(line) for line in lines if not line.startswith("| chosen by")]
    assert len({row.case for row in rows}) == len(rows), "two rows name one case"
    return {row.case: row for row in rows}


ROWS = _rows()
