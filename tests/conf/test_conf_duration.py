"""Durations and sizes in settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.conf.duration import Duration, Size, format_size, parse_size
from tocsin.conf.schema import Section, validate
from tocsin.conf.source import Findings, parse_yaml


class Sample(Section):
    wait: Duration = 0
    room: Size = 0


def problems(text: str) -> list[str]:
    findings = Findings()
    node = parse_yaml(text, "f", findings)
    assert node is not None
    validate(node, Sample, findings)
    return [str(problem) for problem in findings.problems]


@given(st.integers(0, 1 << 29))
def test_a_formatted_size_reads_as_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("wait: 15", "f:1:7: a duration needs its unit; write 15s for seconds, 15m for minutes or 15h for hours"),
        ("wait: 1.5", "f:1:7: a duration needs its unit; write for example 30s, 15m, 1h30m or 2d"),
        ("wait: 1.5h", "f:1:7: is not a duration: write for example 30s, 15m, 1h30m or 2d"),
        ("wait: [1h]", "f:1:7: a duration is expected here; write for example 30s, 15m, 1h30m or 2d"),
        ("wait: true", "f:1:7: a duration is expected here; write for example 30s, 15m, 1h30m or 2d"),
        ("room: 16", "f:1:7: a size needs its unit; write for example 512KiB or 16MiB"),
        ("room: 16MB", "f:1:7: is not a size: write for example 512KiB or 16MiB"),
    ],
)
def test_a_mistake_in_a_file_says_what_to_write(text: str, told: str) -> None:
    assert problems(text) == [told]
