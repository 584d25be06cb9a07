import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.errors import MatcherError
from tocsin.core.matching.pattern import compile_test

ALPHABET = "abAB.-|*+?()[]{}^$\\/_ \nkK\u017fé"
TEXTS = st.text(st.sampled_from("abAB.-|_ \nkK\u212a\u017fé\\/"), max_size=6)
PIECES = st.sampled_from(
    ["a", "b", "ab", r"\.", r"\-", r"\\", "-", "/", "k", "é", "\n", "", ".*", ".+", "|", "|", r"\|", "."]
)
REGEXES = st.one_of(
    st.text(st.sampled_from(ALPHABET), max_size=8),
    st.lists(PIECES, max_size=6).map("".join),
    st.lists(PIECES, max_size=6).map(lambda pieces: f"({''.join(pieces)})"),
    st.lists(PIECES, max_size=6).map(lambda pieces: f"(?i){''.join(pieces)}"),
)


def oracle(regex: str, text: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(f"^(?:{regex})$", options).search(text) is not None


@given(REGEXES, st.lists(TEXTS, min_size=1, max_size=8))
@example("a.*", ["a", "ab", "a\n", "b", "\na"])
@example(".*a", ["a", "ba", "\na", "ab"])
@example(".*a.*", ["a", "bab", "\na", "a\n", "b"])
@example("a.*|b.*", ["a", "bb", "c", "a\n"])
@example(".*", ["", "a", "\n"])
@example(".+", ["", "a", "\n"])
@example("(a|b|)", ["", "a", "b", "ab"])
@example(r"a\.b|a\|b", ["a.b", "a|b", "axb"])
@example(r"a\\|b", ["a\\", "b", "a\\|b"])
@example("(?i)a|k", ["A", "K", "\u212a", "b"])
@example("(?i)é|a", ["É", "A"])
@example("(?i)s", ["S", "\u017f", "é"])
def test_every_shortcut_says_what_re2_says(regex: str, texts: list[str]) -> None:
    try:
        test = compile_test(regex)
    except MatcherError:
        return
    for text in texts:
        assert test(text) is oracle(regex, text), (regex, text)


@pytest.mark.parametrize(
    "regex", ["critical", "critical|page", "(a|b)", r"a\.b", "a.*", ".*a|.*b", ".*a.*", ".*", ".+", "(?i)a|b"]
)
def test_the_usual_expressions_need_no_re2(regex: str) -> None:
    assert compile_test(regex).__qualname__ != "compile_test.<locals>.by_re2"


@pytest.mark.parametrize("regex", ["a[0-9]", "a?", "(?i)é", "a.*b", "^a$", "a{2}"])
def test_what_is_more_than_a_string_test_goes_to_re2(regex: str) -> None:
    assert compile_test(regex).__qualname__ == "compile_test.<locals>.by_re2"


@pytest.mark.parametrize("regex", ["a[", "(?=a)", r"(a)\1", "a{1001}", "*a", "\ud800"])
def test_what_re2_refuses_is_refused_quietly(regex: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MatcherError, match="is not a regular expression"):
        compile_test(regex)
    assert capfd.readouterr().err == ""


def test_half_a_surrogate_pair_in_a_label_is_judged_without_an_exception() -> None:
    assert compile_test("a[0-9]")("a\ud800") is False
    assert compile_test("a.")("a\ud800") is True


def test_an_expression_that_would_be_slow_elsewhere_is_not() -> None:
    assert compile_test("(a*)*b")("a" * 50_000) is False


@pytest.mark.parametrize(
    "regex",
    [
        "(?:a|b){0,1000}" * 26,
        "a{0,1000}" * 16,
        "(?:(?:x{0,9}){0,9}){0,9}" * 160,
        ".{0,1000}" * 440,
        r"\pL" * 1300,
        r"\pL{100}",
    ],
)
def test_an_expression_that_would_hold_up_the_interpreter_is_refused(regex: str) -> None:
    with pytest.raises(MatcherError, match="is too large a regular expression") as refused:
        compile_test(regex)
    assert len(str(refused.value)) < 300


def test_a_long_list_and_a_usual_repetition_are_accepted() -> None:
    assert compile_test("|".join(f"host-{number:04d}.example.com" for number in range(4000)))("host-0001.example.com")
    assert compile_test(r"[\pL\pN]{1,3}-\d{1,900}")("ab-1")


@pytest.mark.parametrize(("regex", "text"), [(r"[\x{3041}-\x{3096}]+", "\u3042"), (r"/api/\{12345}", "/api/{12345}")])
def test_braces_after_an_escape_are_no_repetition(regex: str, text: str) -> None:
    assert compile_test(regex)(text)
