"""pydantic's errors are reported at their position, in our words."""

from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import Field, StringConstraints, field_validator

from tocsin.conf.schema import Name, Section, Text, Whole, YesNo, mistake, validate
from tocsin.conf.secrets import Secret
from tocsin.conf.source import Findings, parse_yaml
from tocsin.core.suggestions import did_you_mean


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(Section):
    name: Name
    colour: Colour = Colour.RED


class Sample(Section):
    text: Text = "x"
    count: Annotated[Whole, Field(ge=2, lt=9)] = 3
    ratio: float = 0.5
    switch: YesNo = False
    mode: Literal["fast", "slow"] = "fast"
    code: Annotated[str, StringConstraints(pattern=r"^C\d+$")] = "C1"
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    named: dict[Name, Part] = Field(default_factory=dict)
    bearer_token: Literal["a", "b"] = "a"
    secret: Secret | None = None
    odd: str = ""

    @field_validator("odd")
    @classmethod
    def _odd(cls, value: str) -> str:
        if value == "told":
            raise mistake("is told", "write {braces} as they are")
        if value == "raised":
            raise ValueError("is raised")
        return value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("txet: a", "1:1: unknown key 'txet'; did you mean text?"),
        ("part: {name: a, color: red}", "1:17: unknown key 'color'; did you mean colour?"),
        ("parts:\n  - {name: a}\n  - {nam: b, name: c}", "3:6: unknown key 'nam'; did you mean name?"),
        ("named: {a: {nme: b, name: c}}", "1:13: unknown key 'nme'; did you mean name?"),
        ("parts:\n  - {}", "2:5: 'name' is missing"),
        ("named:\n  a: {}", "2:3: 'name' is missing"),
        ("part: {name: a, colour: gren}", "1:25: 'gren' is not allowed here; did you mean green?"),
        ("part: {name: a, colour: 7}", "1:25: 7 is not allowed here; known: green, red"),
        ("part: {name: a, colour: [red]}", "1:25: this value is not allowed here; known: green, red"),
        ("mode: fsat", "1:7: 'fsat' is not allowed here; did you mean fast?"),
        ("bearer_token: hush", "1:15: this value is not allowed here; known: a, b"),
        ("text: 7", "1:7: text is expected here; put it in quotes"),
        ("text: [a]", "1:7: text is expected here"),
        ("text: '  '", "1:7: must not be empty"),
        ("text:", "1:1: has no value; write one, or remove the line"),
        ("text: null", "1:1: has no value; write one, or remove the line"),
        ("count: '3'", "1:8: a whole number is expected here"),
        ("count: 3.0", "1:8: a whole number is expected here"),
        ("count: true", "1:8: a whole number is expected here"),
        ("count: 1", "1:8: must be at least 2"),
        ("count: 9", "1:8: must be less than 9"),
        ("ratio: much", "1:8: a number is expected here"),
        ("switch: 1", "1:9: true or false is expected here"),
        ("switch: 'true'", "1:9: true or false is expected here"),
        ("code: D1", r"1:7: does not have the form ^C\d+$"),
        ("part: {name: a b}", "1:14: write letters, digits, - _ and . only, a letter or digit first"),
        ("part: [a]", "1:7: a mapping is expected here; write `key: value` lines"),
        ("parts: {a: b}", "1:8: a list is expected here; write [a, b], or one line each that begins with -"),
        ("named: [a]", "1:8: a mapping is expected here; write `key: value` lines"),
        (
            "named: {a b: {name: c}}",
            "1:9: 'a b' is not a name here; write letters, digits, - _ and . only, a letter or digit first",
        ),
        ("secrt_file: a", "1:1: unknown key 'secrt_file'; did you mean secret_file?"),
        ("odd: told", "1:6: is told; write {braces} as they are"),
        ("odd: raised", "1:6: is raised"),
        ("[a]", "1:1: a mapping is expected here; write `key: value` lines"),
        ("7", "1:1: a mapping is expected here; write `key: value` lines"),
    ],
)
def test_a_mistake_is_reported_at_its_position_with_the_correction(text: str, told: str) -> None:
    findings = Findings()
    node = parse_yaml(text, "f", findings)
    assert node is not None
    assert validate(node, Sample, findings) is None
    assert [str(problem) for problem in findings.problems] == [f"f:{told}"]


def test_all_mistakes_of_a_model_are_reported() -> None:
    findings = Findings()
    node = parse_yaml("count: 1\nmode: x\nparts:\n  - {name: a b}\n  - {}\n", "f", findings)
    assert node is not None
    validate(node, Sample, findings)
    assert [problem.line for problem in sorted(findings.problems)] == [1, 2, 4, 5]


def test_a_problem_is_reported_once() -> None:
    findings = Findings()
    node = parse_yaml("count: 012\nmode: no\n", "f", findings)
    assert node is not None
    validate(node, Sample, findings)
    assert [problem.line for problem in findings.problems] == [1, 2]


@pytest.mark.parametrize(
    ("word", "hint"),
    [("SEV1", "did you mean SEV-1?"), ("sev-1", "did you mean SEV-1?"), ("zzz", "known: SEV-1, SEV-2")],
)
def test_the_nearest_word_is_offered_or_else_all(word: str, hint: str) -> None:
    assert did_you_mean(word, ["SEV-2", "SEV-1"]) == hint


def test_without_known_words_there_is_no_hint() -> None:
    assert did_you_mean("a", []) == ""
