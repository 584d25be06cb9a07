"""The tests shipped with the rules, and the example of rules/README.md, pass."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.playbook.playbook import Playbook
from tocsin.testing.case_runner import run_case
from tocsin.testing.cases import Case, read_tests

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
    outcome = await run_case(case, BUNDLE)
    assert outcome.failures == ()


async def test_the_example_of_the_page_passes(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text("".join(EXAMPLES))
    (case,) = read_tests([path], BUNDLE)
    assert (await run_case(case, BUNDLE)).failures == ()


def test_tests_beside_the_rules_are_not_read_as_rules() -> None:
    assert FILES
    assert not set(FILES) & set(BUNDLE.files)


FATES = {
    "that nobody acknowledges": lambda case: not case.did("acknowledge", "resolve"),
    "that is acknowledged": lambda case: case.did("acknowledge") and not case.did("resolve"),
    "that resolves": lambda case: case.did("resolve"),
}


@dataclass(frozen=True)
class Fate:
    """A test of one severity: what happens in it, and whether it says who is told."""

    case: Case

    @property
    def playbook(self) -> str:
        return (self.case.settings.events[0].fire or {}).get("playbook", "emergency-response")

    def did(self, *actions: str) -> bool:
        return any(getattr(event, action) for event in self.case.settings.events for action in actions)


@pytest.mark.parametrize("playbook", BUNDLE.playbooks.values(), ids=lambda playbook: playbook.name)
@pytest.mark.parametrize("fate", FATES)
def test_every_severity_of_each_playbook_has_its_timeline(playbook: Playbook, fate: str) -> None:
    tested = [Fate(case) for case in CASES if case.settings.pages]
    levels = {
        level.name
        for level in playbook.levels
        for one in tested
        if one.playbook == playbook.name and one.case.name.startswith(f"{level.name} {fate}") and FATES[fate](one)
    }
    assert levels == {level.name for level in playbook.levels}
