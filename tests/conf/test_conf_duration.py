"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.conf.duration import Duration, Size, format_duration, format_size, parse_duration, parse_size
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


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("15m", 900_000_000),
        ("1h30m", 5_400_000_000),
        ("90s", 90_000_000),
        ("2d", 172_800_000_000),
        ("500ms", 500_000),
        ("0s", 0),
        ("1d2h3m4s5ms", 93_784_005_000),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    "text", ["", "15", "m", "15 m", "-1m", "1m1h", "1.5h", "15min", "1w", "\u0661m", "99999d", "1m\n"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|ten years"):
        parse_duration(text)


@given(st.integers(0, 3660 * 86_400_000).map(lambda milliseconds: milliseconds * 1000))
def test_a_formatted_duration_reads_as_the_same(microseconds: int) -> None:
    assert parse_duration(format_duration(microseconds)) == microseconds


@given(st.integers(0, 1 << 29))
def test_a_formatted_size_reads_as_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("wait: 15", "f:1:7: a duration needs its unit; write 15s for seconds, 15m for minutes or 15h for hours"),
        ("wait: 1.5", "f:1:7: a duration needs its unit; write for example 30s, 15m, 1h30m or 2d"),
        ("wait: 1.5h", "f:1:7: is not a duration: write for example 30s, 15m, 1h30m or 2d"),
        ("wait: [1h]", "f:1:7: a duration is wanted here; write for example 30s, 15m, 1h30m or 2d"),
        ("wait: true", "f:1:7: a duration is wanted here; write for example 30s, 15m, 1h30m or 2d"),
        ("room: 16", "f:1:7: a size needs its unit; write for example 512KiB or 16MiB"),
        ("room: 16MB", "f:1:7: is not a size: write for example 512KiB or 16MiB"),
    ],
)
def test_a_mistake_in_a_file_says_what_to_write(text: str, told: str) -> None:
    assert problems(text) == [told]
