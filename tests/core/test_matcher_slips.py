"""Common mistakes in matchers are refused with the correct form; valid matchers are accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.errors import MatcherError
from tocsin.core.matching.matcher import Matcher, show_matchers
from tocsin.core.matching.matcher_slips import read_written

ANY = 'write each alternative on a line of its own below `any:`, or for one label =~"a|b"'
COMMA = "write a comma, and all matchers must match"
TYPOGRAPHIC = 'typographic quotation marks are text here: type "'
SINGLE = 'a value stands in double quotes: write "..."'


@pytest.mark.parametrize(
    ("text", "start", "message"),
    [
        ("severity=\u201ccritical\u201d", 9, TYPOGRAPHIC),
        ("severity=\u2018critical\u2019", 9, TYPOGRAPHIC),
        ("severity=\u201ex\u201c", 9, TYPOGRAPHIC),
        ("severity=\u00abx\u00bb", 9, TYPOGRAPHIC),
        ("severity=\uff02x\uff02", 9, TYPOGRAPHIC),
        ('a="b", severity=\u201cx\u201d', 16, TYPOGRAPHIC),
        ("severity='x'", 9, SINGLE),
        ("severity =~ `x`", 12, SINGLE),
        ('severity=\u200b"x"', 9, "a zero-width space stands here, which is invisible: delete it"),
        ('severity == "x"', 9, "there is no operator `==`: write ="),
        ("severity==x", 8, "there is no operator `==`: write ="),
        ('severity!=="x"', 8, "there is no operator `!==`: write !="),
        ('severity!=~"x"', 8, "there is no operator `!=~`: write !~"),
        ('severity=!"x"', 8, "there is no operator `=!`: write !="),
        ('severity<>"x"', 8, "there is no operator `<>`: write !="),
        ('severity~="x"', 8, "there is no operator `~=`: write =~"),
        ('severity~"x"', 8, "there is no operator `~`: write =~"),
        ('severity:"x"', 8, "there is no operator `:`: write ="),
        ('severity is "x"', 9, "there is no `is` here: write ="),
        ('a="x" && b="y"', 6, f"there is no `&&` here: {COMMA}"),
        ('a="x" and b="y"', 6, f"there is no `and` here: {COMMA}"),
        ("a=x AND b=y", 4, f"there is no `AND` here: {COMMA}"),
        ('a="x" || b="y"', 6, f"there is no `||` here: {ANY}"),
        ('a="x" or b="y"', 6, f"there is no `or` here: {ANY}"),
        ('a="x"; b="y"', 5, "there is no `;` here: write a comma between matchers"),
        ('a="x" b="y"', 6, "a comma is missing before this"),
        ('not a="x"', 0, "there is no `not` here: write !="),
        ('!a="x"', 0, "there is no `!` here: write !="),
        ('a in ("x", "y")', 2, 'there is no `in` here: write =~"a|b"'),
        ('a not in ("x")', 2, 'there is no `not in` here: write !~"a|b"'),
        ('$labels.a="x"', 0, "write the label's name alone"),
        ('labels.a="x"', 0, "write the label's name alone"),
        ('a="x', 2, "the closing quote is missing"),
        ("a", 1, "expected an operator (=, !=, =~ or !~) instead of the end of the input"),
    ],
)
def test_a_slip_is_refused_at_its_position_with_what_to_write(text: str, start: int, message: str) -> None:
    with pytest.raises(MatcherError) as refused:
        read_written(text)
    assert str(refused.value) == message
    assert refused.value.start == start


@pytest.mark.parametrize("text", ['a =\u00a0"b"', '\u00a0a="b"', 'a="b\u00a0c"', 'a="b\u202fc"', 'a="b\u200bc"'])
def test_an_unusual_space_is_reported_although_it_can_be_read(text: str) -> None:
    reading = read_written(text)
    assert "which is invisible" in reading.warning


NAMES = st.sampled_from(["severity", "team", "or", "and", "in", "not", "is"])
VALUES = st.text("\u201c\u2019'`=!~&|;:, orandnot\\\"{}", max_size=12)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["=", "!="]), VALUES), min_size=1, max_size=3))
def test_what_is_written_as_alertmanager_writes_it_is_taken(parts: list[tuple[str, str, str]]) -> None:
    matchers = tuple(Matcher(*part) for part in parts)
    assert read_written(show_matchers(matchers)).matchers == matchers
