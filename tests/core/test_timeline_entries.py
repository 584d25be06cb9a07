"""The entries of the timeline keep their stored form."""

import json
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec
import pytest

from tocsin.core.incident.timeline.entry_data import EntryData
from tocsin.core.incident.timeline.kinds import KINDS
from tocsin.core.incident.timeline.responses import FlagsChanged

STORED = Path(__file__).parents[1] / "fixtures" / "timeline_entries.jsonl"
"""Rows as earlier versions stored them: each kind with the data that it had."""
ROWS = [json.loads(line) for line in STORED.read_text().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[row["kind"] for row in ROWS])
def test_an_entry_that_an_earlier_version_stored_is_read_and_written_unchanged(row: dict[str, Any]) -> None:
    entry = msgspec.convert(row["data"], KINDS[row["kind"]])
    assert entry.kind == row["kind"]
    assert msgspec.json.encode(entry.data()) == msgspec.json.encode(row["data"])


def test_each_kind_is_among_the_stored_rows() -> None:
    assert {row["kind"] for row in ROWS} == {*KINDS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_phrase_names_only_fields_of_its_entry(kind: type[EntryData]) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(kind)}
    named = {name for _, name, _, _ in Formatter().parse(kind.phrase) if name}
    assert named - fields == ({"changes"} if kind is FlagsChanged else set())
    assert kind.remark in {"", *fields}
