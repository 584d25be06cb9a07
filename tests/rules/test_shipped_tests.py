"""The tests that are shipped beside the rules, and the example of rules/README.md, hold."""

import re
from pathlib import Path

import pytest

from tocsin.channels.registry import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.testing.cases import Case, read_tests
from tocsin.testing.rehearse import rehearse

REPOSITORY = Path(__file__).parents[2]
FILES = sorted((REPOSITORY / "rules/tests").rglob("*.yaml"))
EXAMPLES = re.findall(r"```yaml\n(tests:\n.*?)```", (REPOSITORY / "rules/README.md").read_text(), re.DOTALL)


def shipped() -> Bundle:
    return load(REPOSITORY / "config", REPOSITORY / "rules", KINDS, {})


BUNDLE = shipped()
CASES = read_tests(FILES, BUNDLE)


def told(case: Case) -> str:
    return f"{case.mark.path.rpartition('/')[2]}: {case.name}"


@pytest.mark.parametrize("case", CASES, ids=told)
async def test_a_shipped_test_passes(case: Case) -> None:
    outcome = await rehearse(case, BUNDLE)
    assert outcome.failures == ()


async def test_the_example_of_the_page_passes(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text("".join(EXAMPLES))
    (case,) = read_tests([path], BUNDLE)
    assert (await rehearse(case, BUNDLE)).failures == ()


def test_tests_beside_the_rules_are_not_read_as_rules() -> None:
    assert FILES
    assert not set(FILES) & set(BUNDLE.files)


def test_every_severity_of_the_shipped_playbook_is_tested_acknowledged_and_not() -> None:
    for playbook in BUNDLE.playbooks.values():
        for level in playbook.levels:
            for is_acknowledged in (False, True):
                assert any(
                    case.said.pages
                    and case.said.pages[0].severity in (level.name, None)
                    and case.name.startswith(level.name)
                    and is_acknowledged == any(event.acknowledge for event in case.said.events)
                    for case in CASES
                ), f"{level.name} of {playbook.name}, acknowledged: {is_acknowledged}"
