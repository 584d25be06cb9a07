"""Durations as text for people, and in files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.duration import DAY, HOUR, MINUTE, duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("microseconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (999_999, "0 s"),
        (45_000_000, "45 s"),
        (MINUTE, "1 min"),
        (90 * MINUTE, "1 h 30 min"),
        (HOUR + 5_000_000, "1 h"),
        (DAY, "1 d"),
        (25 * HOUR, "1 d 1 h"),
        (3 * DAY, "3 d"),
        (91 * DAY, "91 d"),
    ],
)
def test_durations_are_said_as_people_say_them(microseconds: int, said: str) -> None:
    assert duration(microseconds) == said


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


@pytest.mark.parametrize("text", ["0s", "500ms", "90d", "91d", "1d2h", "1h30m"])
def test_a_formatted_duration_is_as_short_as_can_be(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
