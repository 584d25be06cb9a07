import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.errors import MatcherError
from tocsin.core.matching.matcher import (
    OPERATORS,
    Matcher,
    parse_classic,
    parse_matchers,
    parse_utf8,
    read_matchers,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ('team="db"', {"team": "db"}, True),
        ('team="db"', {"team": "db2"}, False),
        ('team="db"', {}, False),
        ('team=""', {}, True),
        ('team=""', {"team": ""}, True),
        ('team=""', {"team": "db"}, False),
        ('team!="db"', {}, True),
        ('team!="db"', {"team": "db"}, False),
        ('team!=""', {}, False),
        ('team=~"db"', {"team": "db"}, True),
        ('team=~"db"', {"team": "mydb"}, False),
        ('team=~"db"', {"team": "db\n"}, False),
        ('team=~"d."', {"team": "d\n"}, False),
        ('team=~".*"', {}, True),
        ('team=~".+"', {}, False),
        ('team!~"d.*"', {}, True),
        ('team!~"d.*"', {"team": "db"}, False),
        ('team=~"a|b"', {"team": "ab"}, False),
        ('team=~"a|b"', {"team": "b"}, True),
    ],
)
def test_a_matcher_means_what_alertmanager_means(text: str, labels: dict[str, str], matches: bool) -> None:
    assert [matcher.matches(labels) for matcher in parse_matchers(text)] == [matches]


@given(TEXT, st.sampled_from(OPERATORS), TEXT, TEXT)
def test_a_negated_matcher_is_the_opposite(name: str, op: str, value: str, label: str) -> None:
    opposite = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}[op]
    try:
        matcher = Matcher(name, op, value)
    except MatcherError:
        return
    assert matcher.matches({name: label}) is not Matcher(name, opposite, value).matches({name: label})


@given(st.lists(st.tuples(TEXT, st.sampled_from(["=", "!="]), TEXT), min_size=1, max_size=4))
def test_what_a_matcher_prints_reads_back_as_itself(parts: list[tuple[str, str, str]]) -> None:
    matchers = tuple(Matcher(*part) for part in parts)
    assert parse_utf8(",".join(map(str, matchers))) == matchers


@given(st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]*", fullmatch=True), TEXT)
def test_what_a_matcher_with_an_ordinary_name_prints_both_grammars_read_alike(name: str, value: str) -> None:
    matcher = Matcher(name, "=", value)
    assert (matcher,) == parse_classic(str(matcher)) == parse_utf8(str(matcher))
    assert read_matchers(str(matcher)).warning == ""


def test_what_both_grammars_read_alike_is_read_without_a_warning() -> None:
    reading = read_matchers('{severity=~"critical|page", team!="db"}')
    assert reading.matchers == (Matcher("severity", "=~", "critical|page"), Matcher("team", "!=", "db"))
    assert reading.warning == ""


def test_what_only_the_utf8_grammar_can_read_is_read_without_a_warning() -> None:
    assert read_matchers('"my team"=db') == ((Matcher("my team", "=", "db"),), "")


def test_what_only_the_classic_grammar_can_read_is_read_with_a_warning_that_says_what_to_write() -> None:
    reading = read_matchers(r'instance=~"node\d+"')
    assert reading.matchers == (Matcher("instance", "=~", r"node\d+"),)
    assert r'{instance=~"node\\d+"}' in reading.warning


def test_where_the_grammars_disagree_the_classic_one_counts_with_a_warning() -> None:
    reading = read_matchers(r'team="\x64b"')
    assert reading.matchers == (Matcher("team", "=", r"\x64b"),)
    assert "disagree" in reading.warning


def test_a_matcher_that_neither_grammar_reads_is_reported_with_its_position() -> None:
    with pytest.raises(MatcherError, match="the closing quote is missing") as error:
        parse_matchers('team="db')
    assert (error.value.start, error.value.end) == (5, 6)


def test_a_matcher_with_an_unknown_operator_is_refused() -> None:
    with pytest.raises(MatcherError, match="'==' is not an operator"):
        Matcher("team", "==", "db")


@given(st.text(st.sampled_from('{}=!~,"\\ab\n \t'), max_size=12))
def test_no_input_makes_the_grammars_do_anything_but_read_or_refuse(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert error.start is not None
        assert error.end is not None
        assert 0 <= error.start <= error.end <= len(text)


def refusal(text: str) -> MatcherError | None:
    try:
        parse_matchers(text)
    except MatcherError as error:
        return error
    return None
