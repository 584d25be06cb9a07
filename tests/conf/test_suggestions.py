"""Suggestions in errors: for typing errors, and not for different words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.workbench import Workbench
from tocsin.core.suggestions import did_you_mean

KNOWN = ("SEV-1", "SEV-2", "SEV-3", "SEV-4", "major_impact", "data_breach", "P0", "pagerduty")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("SEV1", "did you mean SEV-1?"),
        ("sev-1", "did you mean SEV-1?"),
        ("ESV-1", "did you mean SEV-1?"),
        ("databreach", "did you mean data_breach?"),
        ("pagredutty", "did you mean pagerduty?"),
        ("SEV-0", "known: P0, SEV-1, SEV-2, SEV-3, SEV-4, data_breach, major_impact, pagerduty"),
        ("SEV", "known: "),
        ("P1", "known: "),
        ("customer_impact", "known: "),
        ("slack", "known: "),
        ("", "known: "),
    ],
)
def test_only_what_is_hardly_different_is_suggested(word: str, hint: str) -> None:
    assert did_you_mean(word, KNOWN).startswith(hint)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("matches", "did you mean match?"),
        ("matchers", "did you mean match?"),
        ("severity", "did you mean severities?"),
        ("within", "known: "),
        ("tier12", "known: "),
    ],
)
def test_another_ending_is_recognized(word: str, hint: str) -> None:
    assert did_you_mean(word, ["match", "severities", "tier1", "respond_within"]).startswith(hint)


@pytest.mark.parametrize("key", ["matches", "matcher", "if", "when", "expr", "condition"])
def test_other_words_for_match_are_one_problem_with_the_key_to_write(bench: Workbench, key: str) -> None:
    rules = bench.rules / "rules.yaml"
    rules.write_text(rules.read_text() + f"  - {{name: own, {key}: 'a=\"b\"', stop: true}}\n")
    [problem] = bench.problems()
    assert problem.endswith(f"unknown key {key!r}; did you mean match?")


@pytest.mark.parametrize(
    ("person", "told"),
    [
        ("contact: console", "a mapping is expected here; write {channel: console}"),
        ("methods: [console]", "a mapping is expected here; write {channel: console}"),
        ("contact: {kind: console}", "'channel' is missing; write `channel:` and the name of a channel, such as"),
        ("console: {}", "unknown key 'console'; write `contact: {channel: console}`"),
        ("channel: console", "unknown key 'channel'; write `contact: {channel: ...}`"),
    ],
)
def test_a_channel_name_in_place_of_a_contact_is_reported_with_the_correction(
    bench: Workbench, person: str, told: str
) -> None:
    bench.edit("people.yaml", "people:\n", f"people:\n  pat: {{{person}}}\n")
    [problem] = bench.problems()
    assert told in problem


def test_two_that_are_as_near_are_both_suggested_and_nothing_known_is_no_hint() -> None:
    assert did_you_mean("alec", ["alex", "alek", "robin"]) == "did you mean alek or alex?"
    assert did_you_mean("alec", []) == ""


WORDS = st.text("abc-", min_size=3, max_size=12)


@given(WORDS, st.data())
def test_one_slip_in_a_word_is_always_recognized(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcz"))
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at, _ in enumerate(pairwise(word))]
    slips = [word[:place] + letter + word[place:], word[:place] + letter + word[place + 1 :], *swapped]
    if len(word) > 1:
        slips.append(word[:place] + word[place + 1 :])
    for slip in filter(None, slips):
        assert did_you_mean(slip, [word]) == f"did you mean {word}?"


@given(st.integers(0, 99), st.integers(0, 99))
def test_another_number_is_never_suggested(wanted: int, known: int) -> None:
    assert (did_you_mean(f"SEV-{wanted}", [f"SEV-{known}"]) == f"did you mean SEV-{known}?") == (wanted == known)
