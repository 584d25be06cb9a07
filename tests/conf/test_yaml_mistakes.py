"""YAML syntax errors are explained: position, line, cause and correction."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.workbench import Workbench
from tocsin.conf.source import Findings, Problem, parse_yaml

RULES = """\
rules:
  - name: everything
    match: {}
  - name: mine
"""
QUOTES = "write quotes around the whole text"
ITEM = (
    "a list item (-) stands where a key is expected; "
    "indent it by 2 spaces, like line 4, or write a key with a colon above it"
)
MISTAKES = [
    (
        "\tmatch: x",
        "5:1: a tab stands in the indentation, where YAML takes only spaces; write spaces instead of the tab",
    ),
    ("    match:\tx", "5:11: a tab stands where YAML takes only spaces; write a space instead"),
    ("    title: {x} is down", f'5:12: a value that begins with {{ is a mapping; {QUOTES}: "{{x}} is down"'),
    ("    title: [x] is down", f'5:12: a value that begins with [ is a list; {QUOTES}: "[x] is down"'),
    ('    match: "a="b""', f'5:16: text follows after the closing "; {QUOTES}: \'a="b"\''),
    ("    title: disk: full", f'5:12: a text with a colon and a space needs quotes; {QUOTES}: "disk: full"'),
    ("    title: @x", f'5:12: a text must not begin with @ without quotes; {QUOTES}: "@x"'),
    ("    title: %x", f'5:12: a text must not begin with % without quotes; {QUOTES}: "%x"'),
    ("    title: `x`", f'5:12: a text must not begin with ` without quotes; {QUOTES}: "`x`"'),
    ("    title: * x", f'5:12: a text must not begin with * without quotes; {QUOTES}: "* x"'),
    ("    set: {title: @x}", f'5:18: a text must not begin with @ without quotes; {QUOTES}: "@x"'),
    ("    title: >x", f"5:12: after > a text begins in the next line; write the text there, indented, or {QUOTES}"),
    (
        "   match: x",
        "5:4: this line is indented by 3 spaces, which fits no line above it; indent it by 4 spaces, like line 4",
    ),
    (
        "      match: x",
        "5:7: this line is indented further than line 4, which has a value already; indent it by 4 spaces, like line 4",
    ),
    ('    set {title: "x"}', '5:8: a colon is missing; write set: {title: "x"}'),
    ("    match x", "5:10: a colon is missing; write match: x"),
    ("    match:x", "5:10: a space is missing after the colon; write match: x"),
    ("    match\n    set: {}", "5:5: a colon is missing; write match: and a value"),
    ("  - name x\n    match: y", "5:9: a colon is missing; write name: x"),
    ('    title: "x', '5:12: this quotation mark is never closed; write " at the end of the text'),
    ("    title: 'x", "5:12: this quotation mark is never closed; write ' at the end of the text"),
    (
        '    title: "x\n  - name: "y"\n    match: {}',
        "5:12: this quotation mark is closed only in line 6; close it in line 5",
    ),
    ("    set: {title: x", "5:10: this { is not closed; write } at its end, or quotes around a text"),
    ("    set: [x\n    match: y", "5:10: this [ is not closed; write ] at its end, or quotes around a text"),
    ('    set: {title: "x" y}', "5:22: a comma or } is missing before this; separate entries by commas"),
    ("    set: }", "5:10: a value cannot begin with }; remove it, or write quotes around the whole text"),
    (
        "- item",
        f"5:1: {ITEM}",
    ),
    (
        "    - item",
        f"5:5: {ITEM}",
    ),
    ("    any: - item", "5:10: a list item (-) cannot stand behind a key; write each item on a line of its own"),
    ("    name: other", "5:5: 'name' is given twice; the first is in line 4; remove one"),
    (
        "---\nrules: []",
        "5:1: a second document begins here; a file holds one; remove the line, or write what follows into a file",
    ),
    ("...\nrules: []", "6:1: nothing may follow here: the value above is complete"),
    (
        '    match: "a=~\\d"',
        "5:16: \\d means nothing in double quotes; write \\\\d for a backslash, or single quotes around the text",
    ),
    ("%x", "5:1: a line must not begin with %"),
]
PARSERS_WORDS = re.compile(
    r"while |scanning|token|<[a-z ]+>|block (end|mapping|collection|sequence)|flow |scalar|simple key|parsing|composing"
    r"|chomping|stream"
)


def told(text: str) -> list[Problem]:
    findings = Findings()
    parse_yaml(text, "f", findings)
    return findings.problems


@pytest.mark.parametrize(("lines", "expected"), MISTAKES)
def test_a_mistake_is_reported_with_its_position_its_line_and_the_correction(lines: str, expected: str) -> None:
    text = f"{RULES}{lines}\n"
    [problem] = told(text)
    assert str(problem).removeprefix("f:").startswith(expected)
    assert problem.hint
    line, caret = problem.excerpt.splitlines()
    assert line == "    " + text.splitlines()[problem.line - 1].replace("\t", "→")
    assert caret == " " * (4 + problem.column - 1) + "^"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("set: {title: {x}}", 'text is expected here; put it in quotes: "{x}"'),
        ("set {title: x}", "unknown key 'set {title'; a colon is missing: write `set: {title: ...}`"),
        ("set: {title x}", "unknown key 'title x'; a colon is missing: write `title: x`"),
        ("set: {title:x}", "unknown key 'title:x'; a space is missing after the colon: write `title: x`"),
    ],
)
def test_yaml_that_is_read_differently_than_meant_is_reported_likewise(
    bench: Workbench, rule: str, expected: str
) -> None:
    rules = bench.rules / "rules.yaml"
    rules.write_text(rules.read_text() + f'  - name: own\n    match: a="b"\n    {rule}\n')
    [problem] = bench.problems()
    assert problem.endswith(expected)


@pytest.mark.parametrize("line", ["routing_key: 'abc", "token: abc: def", "password abc", "url: @abc"])
def test_a_line_that_may_hold_a_secret_is_not_repeated(line: str) -> None:
    [problem] = told(f"a: 1\n{line}\nb: 2\n")
    assert "abc" not in problem.shown


def test_a_long_line_is_shown_around_its_mistake() -> None:
    [problem] = told(f"a: {'x' * 300} y: z {'x' * 300}")
    line, caret = problem.excerpt.splitlines()
    assert len(line) <= 104
    assert line[caret.index("^")] == "x"


SHIPPED = (Path(__file__).parents[2] / "rules" / "00-base.yaml").read_text().splitlines()


@given(st.data())
def test_no_word_of_the_parser_reaches_people(data: st.DataObject) -> None:
    lines = [line for line in SHIPPED if line.strip() and not line.lstrip().startswith("#")]
    start = data.draw(st.integers(0, len(lines) - 12))
    lines = lines[start : start + 12]
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(lines) - 1))
        place = data.draw(st.integers(0, len(lines[at])))
        piece = data.draw(st.text("{}[]\"'@%`*&!|>-?:#,\t \n\\x", min_size=1, max_size=3))
        cut = data.draw(st.integers(0, 2))
        lines[at] = lines[at][:place] + piece + lines[at][place + cut :]
    for problem in told("\n".join(lines)):
        assert not PARSERS_WORDS.search(problem.message + problem.hint), problem
        assert problem.hint, problem
