"""The checker reports problems at valid positions and never fails or hangs, whatever a file contains."""

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.editor import mistakes_seen
from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import load
from tocsin.conf.source import ConfigError, Problem

ROOT = Path(__file__).parents[2]
SOURCES = {"shipped": ROOT, "small": ROOT / "tests" / "fixtures" / "check"}
SECRETS = {"PAGER_KEY": "k" * 32, "CHAT_TOKEN": "t" * 20, "AM_TOKEN": "a" * 20, "ALEX_TOKEN": "b" * 20}
SECRETS |= {"PAGER_HOOK": "c" * 20, "CHAT_HOOK": "d" * 20}
SECONDS = 20
"""Processor time for one load: a hundred times as much as it takes on a slow machine."""


class Source(NamedTuple):
    """One file of one configuration."""

    configuration: str
    path: str


FILES = [
    Source(name, str(path.relative_to(root)))
    for name, root in SOURCES.items()
    for pattern in ("config/*.yaml", "config/playbooks/*.yaml", "rules/*.yaml", "rules/tests/*.yaml")
    for path in sorted(root.glob(pattern))
]
TEXTS = {source: (SOURCES[source.configuration] / source.path).read_text() for source in FILES}
EXTRA = [
    *(ROOT / "tests" / "fixtures" / "rules" / "mistakes.txt").read_text().splitlines(),
    *(ROOT / "tests" / "fixtures" / "check" / "mistakes.txt").read_text().splitlines(),
]
POOL = sorted(
    {line for text in TEXTS.values() for line in text.splitlines() if line.strip()[:1] not in ("", "#")} | {*EXTRA}
)
SCALARS = (
    *(
        "",
        "7",
        "-1",
        "1.5",
        "1e400",
        "0x1F",
        "012",
        "22:30",
        "no",
        "~",
        "true",
        "[]",
        "{}",
        "[[]]",
        "{a: {b: c}}",
        "''",
    ),
    *('"', "'", "|", ">", "&a b", "*a", "!!binary aGk=", "? x", "<<: {a: b}", "2024-01-01", "\t", "%", "@", "`", "- -"),
    *(
        '"\\ud800"',
        "{severity}",
        "'{'",
        "99999999999999999999999999",
        "é",
        "\u2028",
        "=",
        "a=~'('",
        "'a=~\"(?=x)\"'",
        "1d1",
    ),
    *("{severity: [a, b]}", "SEV-1", "P1", "console", "alex", "15m", '"x{1000}{1000}"', "'a=~\"(((a{50}){50}){50})\"'"),
)
BYTES = (
    b"\x00",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    b"\x85",
    b"\xe2\x80\xa8",
    b"\t",
    b"\x1b[2J",
    b"\xed\xa0\x80",
)

places = st.floats(0, 0.999)
mutations = st.lists(
    st.one_of(
        st.tuples(st.just("delete"), places, st.integers(1, 6)),
        st.tuples(st.just("duplicate"), places, st.integers(1, 6)),
        st.tuples(st.just("swap"), places, st.integers(1, 6)),
        st.tuples(st.just("indent"), places, st.sampled_from(("  ", " ", "\t", "- ", "-"))),
        st.tuples(st.just("dedent"), places, st.integers(1, 4)),
        st.tuples(st.just("value"), places, st.sampled_from(SCALARS)),
        st.tuples(st.just("splice"), places, st.sampled_from(POOL)),
        st.tuples(st.just("cut"), places, st.integers(1, 40)),
        st.tuples(st.just("text"), places, st.text(max_size=4)),
        st.tuples(st.just("bytes"), places, st.sampled_from(BYTES)),
    ),
    min_size=1,
    max_size=4,
)


def _valued(line: str, value: str) -> str:
    key = re.match(r"(?s)(.*?[:\[{,-] )", line)
    return f"{key[1] if key else ''}{value}"


def _opened(line: str, put: str, cut: int = 0) -> str:
    middle = len(line) // 2
    return line[:middle] + put + line[middle + cut :]


MUTATIONS: dict[str, Callable[[list[str], int, Any], list[str]]] = {
    "delete": lambda lines, at, how: lines[:at] + lines[at + how :],
    "duplicate": lambda lines, at, how: lines[: at + how] + lines[at:],
    "swap": lambda lines, at, how: (
        lines[:at] + lines[at + how : at + how + 1] + lines[at : at + how] + lines[at + how + 1 :]
    ),
    "indent": lambda lines, at, how: [*lines[:at], *(how + line for line in lines[at : at + 1]), *lines[at + 1 :]],
    "dedent": lambda lines, at, how: [*lines[:at], *(line[how:] for line in lines[at : at + 1]), *lines[at + 1 :]],
    "value": lambda lines, at, how: [
        *lines[:at],
        *(_valued(line, how) for line in lines[at : at + 1]),
        *lines[at + 1 :],
    ],
    "splice": lambda lines, at, how: [*lines[:at], how, *lines[at:]],
    "cut": lambda lines, at, how: [
        *lines[:at],
        *(_opened(line, "", how) for line in lines[at : at + 1]),
        *lines[at + 1 :],
    ],
    "text": lambda lines, at, how: [
        *lines[:at],
        *(_opened(line, how) for line in lines[at : at + 1]),
        *lines[at + 1 :],
    ],
}
"""The changes of lines, from one of them on."""


def mutated(text: str, steps: list[tuple[str, float, Any]]) -> bytes:
    lines = text.split("\n")
    for what, place, how in steps:
        if what != "bytes":
            lines = MUTATIONS[what](lines, int(place * len(lines)), how)
    raw = "\n".join(lines).encode("utf-8", "surrogatepass")
    for what, place, how in steps:
        if what == "bytes":
            at = int(place * len(raw))
            raw = raw[:at] + how + raw[at:]
    return raw


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A copy of each configuration; a test puts back what it changes."""
    made = {}
    for name, root in SOURCES.items():
        made[name] = tmp_path_factory.mktemp(name)
        for part in ("config", "rules"):
            shutil.copytree(root / part, made[name] / part)
    return made


def is_inside(problem: Problem, root: Path) -> bool:
    """Return whether its place exists: a line of a file, or a folder or file as a whole."""
    path = Path(problem.path)
    if problem.line == 0 or not path.is_file():
        return path.exists() and (problem.line, problem.column) in ((0, 0), (1, 1)) and path.is_relative_to(root)
    text = path.read_bytes().decode("utf-8", "replace")
    # PyYAML ends lines where Unicode does; an editor only at \n and \r.
    for breaks in (r"\r\n|[\n\r\x85\u2028\u2029]", r"\n"):
        lines = re.split(breaks, text)
        if problem.line <= len(lines) and 1 <= problem.column <= len(lines[problem.line - 1]) + 1:
            return True
    return False


@settings(
    max_examples=int(os.environ.get("TOCSIN_MUTANTS", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(source=st.sampled_from(FILES), steps=mutations)
def test_problems_of_a_mutated_file_have_positions_inside_it(
    copies: dict[str, Path], source: Source, steps: list[tuple[str, float, Any]]
) -> None:
    root = copies[source.configuration]
    file = root / source.path
    file.write_bytes(mutated(TEXTS[source], steps))
    try:
        before = time.process_time()
        found = findings(root)
        assert time.process_time() - before < SECONDS
        for problem in found:
            assert is_inside(problem, root), problem
        if not isinstance(found, CallFailed) and "/tests/" not in source.path:  # those are for `tocsin test` to judge
            assert mistakes_seen(schema_of(source.path), file.read_text()) == [], "no editor may blame what is fine"
    finally:
        file.write_text(TEXTS[source])


class CallFailed(tuple[Problem, ...]):
    """Return the problems of a configuration that cannot be used."""

    __slots__ = ()


def findings(root: Path) -> tuple[Problem, ...]:
    """All that is told of a configuration; anything but a ConfigError is a failure."""
    try:
        return load(root / "config", root / "rules", KINDS, SECRETS).warnings
    except ConfigError as error:
        return CallFailed((*error.problems, *error.warnings))


def schema_of(path: str) -> str:
    folder, name = path.split("/")[-2:]
    return {"playbooks": "playbook", "rules": "rules"}.get(folder, name.removesuffix(".yaml")) + ".json"


def test_the_configurations_are_fine_before_they_are_mutated(copies: dict[str, Path]) -> None:
    for root in copies.values():
        assert findings(root) == ()
