"""The index over all clauses gives the same result as a plain loop over their matchers."""

import re

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.core.errors import MatcherError
from tocsin.core.matching.clause_index import Clauses
from tocsin.core.matching.literals import needed_literals
from tocsin.core.matching.matcher import Matcher, Matchers
from tocsin.core.matching.needles import Needles, Residue
from tocsin.core.matching.pattern import PatternKind, shape_of

ATOMS = ["a", "b", "ab", "ba", "abc", "svc-1-", "svc-12-", "é", "k", "K", "s", ".", ".*", ".+", r"\.", "-", "[ab]"]
MORE = [*ATOMS, "a*", "b+", "a?", "(a|b)", "(?:ab)+", "a{2}", "x{0}", r"\d", r"\d+", "^", "$", "|", "\n", "[^a]", ""]
PIECES = st.lists(st.sampled_from(MORE), max_size=5).map("".join)
WORDS = st.tuples(st.sampled_from(["a", "Ab", "kS", "svc-1-", "a|kb"]), PIECES)
REGEX = st.one_of(
    PIECES,
    PIECES.map(lambda inner: f".*{inner}.*"),
    PIECES.map(lambda inner: f"(?i){inner}"),
    WORDS.map(lambda pair: f"(?i:{pair[0]}){pair[1]}"),
)
TEXT = st.one_of(
    st.lists(st.sampled_from([*"abkKsS1-. \n", "é", "É", "\u212a", "\u017f", "svc-1-", "svc-12-"]), max_size=6).map(
        "".join
    ),
    st.sampled_from(["", "\ud800", "a\ud800b", "abc", "svc-12-ab"]),
)
LABEL = st.sampled_from(["x", "y"])


@st.composite
def matchers(draw: st.DrawFn) -> Matchers:
    found: list[Matcher] = []
    for _ in range(draw(st.integers(0, 3))):
        name, op = draw(LABEL), draw(st.sampled_from(["=", "!=", "=~", "!~"]))
        try:
            found.append(Matcher(name, op, draw(REGEX if "~" in op else TEXT.filter(str.isascii))))
        except MatcherError:
            continue
    return tuple(found)


def naive(clauses: list[Matchers], labels: dict[str, str]) -> int:
    return sum(1 << bit for bit, each in enumerate(clauses) if all(matcher.matches(labels) for matcher in each))


@settings(max_examples=300, deadline=None)  # the first example builds automata
@given(
    st.lists(matchers(), max_size=40),
    st.lists(st.dictionaries(LABEL, TEXT, max_size=2), min_size=1, max_size=6),
)
def test_an_index_over_clauses_says_what_a_loop_says(clauses: list[Matchers], alerts: list[dict[str, str]]) -> None:
    index = Clauses(clauses)
    for labels in [*alerts, *alerts]:  # the second time from what is remembered
        assert index.matching(labels) == naive(clauses, labels)


@pytest.mark.parametrize(
    "template",
    [
        "svc-{}",
        "svc-{}|web-{}",
        "svc-{}-.*",
        ".*-svc-{}",
        ".*svc-{}-.*",
        ".*{}.*prod.*",
        r"svc-{}-\d+",
        "(?i)svc-{}",
        "(?i).*svc-{}-.*",
        "(?i:svc-{})([^a-z].*)?",
        "(?i:svc-{}|web-{})([^a-z].*)?",
        "[a-z]+{}[0-9]?",
        "(a|b)+{}?",
    ],
)
@pytest.mark.parametrize("op", ["=~", "!~"])
def test_hundreds_of_hard_expressions_are_distinguished(template: str, op: str) -> None:
    clauses = [(Matcher("x", op, template.replace("{}", str(number))),) for number in range(300)]
    index = Clauses(clauses)
    for number in (0, 1, 7, 12, 42, 120, 299, 300, 311):
        values = [f"svc-{number}", f"SVC-{number}", f"svc-{number}-7", f"a-svc-{number}", f"eu svc-{number}-prod", ""]
        for value in [*values, f"web-{number}", f"ab{number}", f"svc-{number}\n", f"\u017fvc-{number}"]:
            assert index.matching({"x": value}) == naive(clauses, {"x": value}), value


def test_more_values_than_are_remembered_are_matched_as_before() -> None:
    clauses = [(Matcher("x", "=~", "1.*5"),), (Matcher("x", "!=", "7"),)]
    index = Clauses(clauses)
    for number in list(range(9000)) * 2:
        assert index.matching({"x": str(number)}) == naive(clauses, {"x": str(number)})
    assert all(len(column) < 9000 for _, column in index._columns)


@pytest.mark.parametrize("template", [".*svc-{}-.*", ".*{}x.*prod.*"])
@pytest.mark.parametrize("count", [300, 1500])
def test_few_and_many_expressions_are_found_in_a_long_value(template: str, count: int) -> None:
    clauses = [(Matcher("x", "=~", template.replace("{}", str(number))),) for number in range(count)]
    index = Clauses(clauses)
    value = f"{'a-' * 3000}svc-7-12x svc-299-prod {'b c ' * 1000}1499x-prod-svc-1499-"
    assert index.matching({"x": value}) == naive(clauses, {"x": value})


def test_long_values_are_matched_and_not_remembered() -> None:
    index = Clauses([(Matcher("x", "=~", "a+"),)])
    assert index.matching({"x": "a" * 5000}) == 1
    assert index.matching({"x": "a" * 5000 + "b"}) == 0
    assert all(len(value) < 5000 for _, column in index._columns for value in column)


# --- what an expression needs ----------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)  # the first example builds automata
@given(st.one_of(REGEX, st.text(st.sampled_from("ab*+?(){}[]|\\.^$d2,"), max_size=10)), st.data())
@example("a{2,3}b", None)
@example("(a|b)c", None)
def test_every_match_contains_the_required_literals(regex: str, data: st.DataObject | None) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options)
        python = re.compile(regex.replace("(?i)", ""))
    except (re2.error, re.error):
        return
    needed = needed_literals(regex.replace("(?i)", ""))
    texts = ["aab", "ac", "ab"] if data is None else [data.draw(TEXT), data.draw(st.from_regex(python, fullmatch=True))]
    for text in texts:
        if text.isprintable() and compiled.fullmatch(text) and not regex.startswith("(?i)"):
            assert all(each in text for each in needed), (regex, text)


@pytest.mark.parametrize(
    ("regex", "needed"),
    [
        (".*svc-12-.*prod.*", ("svc-12-", "prod")),
        (r"node\d+\.eu", ("node", ".eu")),
        ("ab?c", ("a", "c")),
        ("ab*", ("a",)),
        ("ab+c", ("ab", "c")),
        ("ab{0,2}c", ("a", "c")),
        ("a(b|c)d", ("a", "d")),
        ("a[]b]c[[:alpha:]]d", ("a", "c", "d")),
        ("abc|abd", ()),
        (r"\Qa.b\E", ()),
        (r"\pNabc", ()),
        ("abc(?i)d", ()),
        (r"(\Q)\E)abc", ()),
        ("a(b", ()),
    ],
)
def test_only_what_is_plain_to_see_is_needed(regex: str, needed: tuple[str, ...]) -> None:
    assert needed_literals(regex) == needed


# --- needles and sets ------------------------------------------------------------------------------------------------


@given(
    st.lists(st.lists(st.text("ab-é", max_size=6), min_size=1, max_size=3), max_size=40),
    st.text("ab-é", max_size=12),
)
def test_needles_are_found_as_by_looking_for_each(wanted: list[list[str]], text: str) -> None:
    needles = [(number, tuple(texts)) for number, texts in enumerate(wanted)]
    found = list(Needles(needles).found_in(text))
    assert sorted(found) == [number for number, texts in needles if all(each in text for each in texts)]


def test_expressions_that_are_too_large_together_are_asked_one_by_one() -> None:
    expressions = [Matcher("x", "=~", f"([a-z]{{1,{900 + number}}}[0-9]){{1,1}}") for number in range(40)]
    for text in ("a" * 899 + "1", "a" * 930 + "1", "a1", "1"):
        found = sorted(Residue(range(len(expressions)), expressions).matched_by(text))
        assert found == [number for number, each in enumerate(expressions) if each.test(text)]


def test_only_what_gives_an_index_no_hold_is_left_to_re2() -> None:
    assert shape_of("[a-z]+[0-9]*") == (PatternKind.REGEX, (), False)
    assert shape_of(".*svc-1-.*") == (PatternKind.INNER, ("svc-1-",), False)
    assert shape_of(".*svc-1-.*x.*") == (PatternKind.REGEX, ("svc-1-", "x"), False)
    assert shape_of("(?i).*Svc-1-.*") == (PatternKind.REGEX, ("svc-1-",), True)
    assert shape_of("(?i:Redis)([^a-z].*)?") == (PatternKind.REGEX, ("redis",), True)
    assert shape_of("(?i:Redis)?Down") == (PatternKind.REGEX, (), False)
