"""``tocsin oncall`` says why nobody is on call, who is paged then, and what of a calendar cannot be read."""

from typing import Any

import pytest

from tocsin.cli.oncall import _remarks

REMARK = "the calendar's event 'HOLIDAY - nobody' names no person of people.yaml"


def rotation(**changes: Any) -> dict[str, Any]:
    return {"on_call": [], "backup": ["robin"], "remarks": [], "faults": []} | changes


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["nobody is on call; the backup is paged: robin"]),
        ({"remarks": [REMARK]}, [f"nobody is on call ({REMARK}); the backup is paged: robin"]),
        ({"backup": []}, ["nobody is on call; it has no backup: what is paged goes to the console"]),
        ({"on_call": [{"name": "alex"}]}, []),
        (
            {"on_call": [{"name": "alex"}], "faults": ["a", "b", "c", "d"]},
            ["a shift may be missing: a", "a shift may be missing: b", "a shift may be missing: c",
             "and 1 more faults of its calendar: run tocsin check"],
        ),
    ],
)  # fmt: skip
def test_the_lines_below_the_table(changes: dict[str, Any], lines: list[str]) -> None:
    assert _remarks(rotation(**changes)) == lines
