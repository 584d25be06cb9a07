"""The examples of rules/README.md are run, and its tables of actions say what the code says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tocsin.conf.duration import format_duration
from tocsin.conf.rules import load_rules
from tocsin.conf.source import Findings
from tocsin.core.action import ACTIONS
from tocsin.core.alert import Alert, AlertStatus
from tocsin.core.playbook import Level, Playbook
from tocsin.core.rules import RuleSet

RULES = Path(__file__).parents[2] / "rules"
README = (RULES / "README.md").read_text()
EXAMPLE = re.compile(
    r"```yaml\n(.*?)```\n\n\| an alert with the labels \| becomes \|\n\|---\|---\|\n((?:\|[^\n]*\n)+)", re.DOTALL
)
ROW = re.compile(r"\| `(.*)` \| `(.*)` \|")


def examples() -> list[Any]:
    found = []
    for example in EXAMPLE.finditer(README):
        name = re.search(r"name: (\S+)", example[1])
        assert name
        found += [pytest.param(example[1], *row, id=f"{name[1]}: {row[0]}") for row in ROW.findall(example[2])]
    return found


def with_shipped_rules(directory: Path, text: str) -> RuleSet:
    for shipped in RULES.glob("*.yaml"):
        (directory / shipped.name).write_text(shipped.read_text())
    (directory / "10-example.yaml").write_text(text)
    name = "emergency-response"
    levels = tuple(Level(f"SEV-{rank + 1}", rank, 1, None, ()) for rank in range(4))
    flags = ("major_impact", "data_breach")
    playbook = Playbook(name=name, title="", levels=levels, tiers=(), unrouted="SEV-2", flags=flags)
    findings = Findings()
    rules = load_rules(directory, {name: playbook}, name, findings)
    assert rules is not None, findings.problems
    assert findings.warnings == []
    return rules


def shown(value: object, name: str) -> str:
    if name == "hold":
        return format_duration(int(str(value)))
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("text", "labels", "becomes"), examples())
def test_an_example_becomes_what_the_page_says(tmp_path: Path, text: str, labels: str, becomes: str) -> None:
    pairs = dict(pair.split("=", 1) for pair in labels.split())
    verdict = with_shipped_rules(tmp_path, text).evaluate(Alert("default", "f", AlertStatus.FIRING, pairs))
    expected = dict(pair.split("=", 1) for pair in becomes.split())
    assert {name: shown(getattr(verdict, name), name) for name in expected} == expected


def test_every_yaml_block_is_an_example_that_is_run() -> None:
    tests = README.count("```yaml\ntests:")  # test_shipped_tests runs those
    assert README.count("```yaml") - tests == len(EXAMPLE.findall(README)) >= 9


def test_every_action_stands_in_the_tables_as_the_code_describes_it() -> None:
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `(\w+)` \| .*$", README, re.MULTILINE)}
    for action in ACTIONS.values():
        example = action.example.replace("|", r"\|")
        assert rows[action.name] == f"| `{action.name}` | {action.meaning} | `{example}` |"
    assert set(rows) == set(ACTIONS)
