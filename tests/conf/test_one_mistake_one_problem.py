"""A file that is no YAML is one problem: what refers to it is not told as unknown."""

import pytest

from conf.workbench import Workbench

FILES = ("tocsin.yaml", "people.yaml", "playbooks/emergency-response.yaml", "windows.yaml", "../rules/rules.yaml")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("broken", ["\tkey: 1\n", "key: [1\n", 'key: "a\n', "key: %\n", "key: \x07\n", "a: b: c\n"])
def test_a_broken_file_is_told_once_and_nothing_that_follows_from_it(bench: Workbench, file: str, broken: str) -> None:
    path = bench.config / file
    path.write_text((path.read_text() if path.exists() else "windows: []\n") + broken)
    [problem] = bench.problems()
    assert problem.startswith(str(file) if not file.startswith("..") else str(bench.rules / "rules.yaml"))


def test_two_broken_files_are_two_problems(bench: Workbench) -> None:
    for file in FILES[:2]:
        bench.write(file, bench.text(file) + "\tkey: 1\n")
    assert [problem.partition(":")[0] for problem in bench.problems()] == ["people.yaml", "tocsin.yaml"]
