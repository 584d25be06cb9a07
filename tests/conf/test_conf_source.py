"""The strict YAML reader, which keeps the position of every value."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.conf.source import MAX_BYTES, ConfigError, Findings, Node, Problem, parse_yaml, read_yaml


def read(text: str) -> tuple[Node | None, list[str]]:
    findings = Findings()
    node = parse_yaml(text, "f.yaml", findings)
    return node, [str(problem) for problem in sorted(findings.problems)]


QUOTES = "put it in quotes"
OCTAL = "a number that begins with 0 is octal to YAML 1.1; write it without the leading 0, or in quotes if it is text"
DECIMAL = "write it in plain decimal digits (1000, 0.5), or in quotes if it is text"
AMBIGUOUS = f"this number is read differently by different YAML readers; {DECIMAL}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "a: no",
            '1:4: an unquoted no is false to some YAML readers and text to others; write false, or "no" in quotes',
        ),
        ("a: On", '1:4: an unquoted On is true to some YAML readers and text to others; write true, or "On" in quotes'),
        ("- y", '1:3: an unquoted y is true to some YAML readers and text to others; write true, or "y" in quotes'),
        ("On: 1", '1:1: an unquoted On is true to some YAML readers and text to others; write true, or "On" in quotes'),
        ("a: 22:30", f"1:4: an unquoted time such as 22:30 is a number in base 60 to YAML 1.1; {QUOTES}"),
        ("a:\n  b: 012", f"2:6: {OCTAL}"),
        ("a: 1e3", f"1:4: {AMBIGUOUS}"),
        ("a: 0x1F", f"1:4: {AMBIGUOUS}"),
        ("a: 1_000", f"1:4: {AMBIGUOUS}"),
        ("a: 089", f"1:4: {AMBIGUOUS}"),
        ("a: .5", f"1:4: {AMBIGUOUS}"),
        ("a: .inf", f"1:4: {AMBIGUOUS}"),
        ("a: 12345678901234567890", f"1:4: {AMBIGUOUS}"),
        ("a: 2026-11-20", f"1:4: an unquoted date is not text to YAML; {QUOTES}"),
        ("a: 2026-11-20T10:00:00Z", f"1:4: an unquoted date is not text to YAML; {QUOTES}"),
        ("true: 1", f"1:1: a key must be a word; {QUOTES}"),
        ("1.5: 1", f"1:1: a key must be a word; {QUOTES}"),
        ("[a, b]: 1", f"1:1: a key must be a word, not a list or a mapping; {QUOTES}"),
        ("a: 1\nb: 2\na: 3", "3:1: 'a' is given twice; the first is in line 1; remove one"),
        ("a: &x 1", "1:4: an anchor (&name) is not allowed; write each value out, or text in quotes"),
        ("a: *x", "1:4: an alias (*name) is not allowed; write the value out, or text in quotes"),
        ("<<: {a: 1}", "1:1: a merge key (<<) is not allowed; write the keys out"),
        ("a: !!str 1", "1:4: a tag (!...) is not allowed; remove it; put text in quotes"),
        ("a: !!python/name:os.system x", "1:4: a tag (!...) is not allowed; remove it; put text in quotes"),
        ('a: "\\0"', "1:4: holds a character that no file can hold (\\0 or half a surrogate pair); remove it"),
        ('a: "\\ud800"', "1:4: holds a character that no file can hold (\\0 or half a surrogate pair); remove it"),
    ],
)
def test_ambiguous_yaml_is_reported_with_the_correction(text: str, told: str) -> None:
    node, problems = read(text)
    assert problems == [f"f.yaml:{told}"]
    assert node is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: is empty"),
        ("# only a comment\n", "1:1: is empty"),
        ('a: "\\U00110000"', "1:7: there is no such character or number; write another"),
        ("ok: 1\nbad: a\x07b", "2:7: holds a control character; remove it"),
        ("[" * 5000, "1:21: nested deeper than 20 levels; write it with fewer"),
    ],
)
def test_a_syntax_error_is_reported_where_it_begins(text: str, told: str) -> None:
    assert read(text) == (None, [f"f.yaml:{told}"])


def test_plain_values_mean_what_every_reader_takes_them_for() -> None:
    node, problems = read('{a: 1, b: -2.5, c: true, d: text, e: "no", f: null, g: 10.0.0.1, h: "012", 7: x, i: 1.10.2}')
    assert problems == []
    assert node is not None
    assert node.plain() == {
        "a": 1,
        "b": -2.5,
        "c": True,
        "d": "text",
        "e": "no",
        "f": None,
        "g": "10.0.0.1",
        "h": "012",
        "7": "x",
        "i": "1.10.2",
    }


def test_every_problem_of_a_file_is_reported_and_not_only_the_first() -> None:
    _, problems = read("a: no\nb: 012\na: &x 1\n")
    assert [line.split(": ")[0] for line in problems] == ["f.yaml:1:4", "f.yaml:2:4", "f.yaml:3:1", "f.yaml:3:4"]


def test_a_node_knows_where_its_key_and_its_value_stand() -> None:
    node, _ = read("rules:\n  - match: 'a=\"b\"'\n")
    assert node is not None
    match = node.at("rules", 0, "match")
    assert (match.head.line, match.head.column) == (2, 5)
    assert (match.mark.line, match.mark.column) == (2, 12)
    assert match.inside(2).column == 15  # the quotation mark of a="b" within its single quotes


def test_steps_that_lead_nowhere_end_at_the_last_node_there_is() -> None:
    node, _ = read("a: {b: 1}")
    assert node is not None
    assert node.at("a", "missing", 3).mark == node.at("a").mark


def read_file(path: Path) -> list[str]:
    findings = Findings()
    assert read_yaml(path, findings, shown="f.yaml") is None
    return [str(problem) for problem in findings.problems]


def test_a_file_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    assert read_file(tmp_path / "absent.yaml") == ["f.yaml:1:1: cannot be read: No such file or directory"]


def test_a_pipe_or_a_folder_is_a_problem_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml"):
        assert read_file(path) == ["f.yaml:1:1: is not a regular file; put the text itself there"]


def test_a_file_that_is_too_large_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert read_file(path) == ["f.yaml:1:1: is larger than 1 MiB; split it, or remove what is not configuration"]


def test_bytes_that_are_no_utf_8_are_reported_at_their_position(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: Zürich".encode("latin-1"))
    assert read_file(path) == ["f.yaml:2:5: is not UTF-8 text from here on; save it as UTF-8"]


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    node = read_yaml(path, Findings())
    assert node is not None
    assert node.plain() == {"a": 1}


def test_problems_are_reported_once_and_in_the_order_of_the_files() -> None:
    late, early, twin = Problem("b", 2, 1, "x"), Problem("a", 10, 1, "y", "do z"), Problem("b", 2, 1, "x")
    assert str(ConfigError([late, early, twin])) == "a:10:1: y; do z\nb:2:1: x"


@given(st.text(alphabet=st.sampled_from("ab01:{}[]-,&*!|>'\"%@#?~<.\\\n \t\x00\ud800é"), max_size=60))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    node, problems = read(text)
    assert node is not None or problems


@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_fail(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(raw)
    findings = Findings()
    assert read_yaml(path, findings) is not None or findings.problems
