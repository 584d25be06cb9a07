"""A file with a YAML syntax error is one problem: references to its content are not reported as unknown."""

import re

import pytest

from conf.workbench import Workbench

FILES = ("tocsin.yaml", "people.yaml", "playbooks/emergency-response.yaml", "windows.yaml", "../rules/rules.yaml")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("broken", ["\tkey: 1\n", "key: [1\n", 'key: "a\n', "key: %\n", "key: \x07\n", "a: b: c\n"])
def test_a_broken_file_is_reported_once_without_its_consequences(bench: Workbench, file: str, broken: str) -> None:
    path = bench.config / file
    path.write_text((path.read_text() if path.exists() else "windows: []\n") + broken)
    [problem] = bench.problems()
    assert problem.startswith(str(file) if not file.startswith("..") else str(bench.rules / "rules.yaml"))


@pytest.mark.parametrize("file", FILES[:3])
def test_a_file_that_is_not_utf8_is_reported_once_without_its_consequences(bench: Workbench, file: str) -> None:
    path = bench.config / file
    path.write_bytes(path.read_bytes() + b"\xff\xfe")
    [problem] = bench.problems()
    assert problem.startswith(f"{file}:")
    assert "is not UTF-8 text" in problem


def test_a_mistyped_key_is_reported_once_and_not_also_as_missing(bench: Workbench) -> None:
    bench.edit(bench.playbook, "\nunrouted:", "\nunroutd:")
    [problem] = bench.problems()
    assert "unknown key 'unroutd'; did you mean unrouted?" in problem


def test_unquoted_braces_are_reported_once(bench: Workbench) -> None:
    bench.write(bench.playbook, re.sub(r"(?m)^title: .*", "title: {{ title }}", bench.text(bench.playbook)))
    [problem] = bench.problems()
    assert 'put text with braces in quotes: "{{ ... }}"' in problem


def test_two_broken_files_are_two_problems(bench: Workbench) -> None:
    for file in FILES[:2]:
        bench.write(file, bench.text(file) + "\tkey: 1\n")
    assert [problem.partition(":")[0] for problem in bench.problems()] == ["people.yaml", "tocsin.yaml"]
