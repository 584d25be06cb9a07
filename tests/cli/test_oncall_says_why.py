"""``tocsin oncall`` explains a gap, names who is paged meanwhile, and reports unreadable calendar events."""

from typing import Any

import pytest

from tocsin.cli.oncall import _remarks

REMARK = "the calendar's event 'HOLIDAY - nobody' names no person of people.yaml"
NO_BACKUP = "it has no backup: pages go to the playbook's announce targets, else to the console"


def rotation(**changes: Any) -> dict[str, Any]:
    return {"on_call": [], "backup": ["robin"], "remarks": [], "faults": []} | changes


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["no one is on call; the backup is paged: robin"]),
        ({"remarks": [REMARK]}, [f"no one is on call ({REMARK}); the backup is paged: robin"]),
        ({"backup": []}, [f"no one is on call; {NO_BACKUP}"]),
        ({"on_call": [{"name": "alex"}]}, []),
        (
            {"on_call": [{"name": "alex"}], "faults": ["a", "b", "c", "d"]},
            ["a shift may be missing: a", "a shift may be missing: b", "a shift may be missing: c",
             "1 more problems of its calendar; run `tocsin check`"],
        ),
    ],
)  # fmt: skip
def test_the_lines_below_the_table(changes: dict[str, Any], lines: list[str]) -> None:
    assert _remarks(rotation(**changes)) == lines
