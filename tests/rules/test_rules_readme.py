"""The examples of rules/README.md work, and its tables of actions agree with the code."""

import re
from pathlib import Path
from typing import Any

import pytest

from tocsin.conf.document import PARTS, documented
from tocsin.conf.rules import load_rules
from tocsin.conf.source import Findings
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.duration import format_duration
from tocsin.core.matching.condition import CONDITIONS, Described, Inhibition, Rate, WhenOpen
from tocsin.core.playbook.playbook import Level, Playbook
from tocsin.core.rules.action import ACTIONS, Action, Form
from tocsin.core.rules.rules import RuleSet

RULES = Path(__file__).parents[2] / "rules"
README = (RULES / "README.md").read_text()
EXAMPLE = re.compile(
    r"```yaml\n(.*?)```\n\n\| an alert with the labels \| becomes \|\n\|---\|---\|\n((?:\|[^\n]*\n)+)", re.DOTALL
)
ROW = re.compile(r"\| `([^`]*)`(?: while open `(?P<open>[^`]*)`)?(?: for the (?P<nth>\d+)th time)? \| `([^`]*)` \|")
"""Labels, perhaps what else is open or how often it has come, and what becomes of it."""


LEVELS = tuple(Level(f"SEV-{rank + 1}", rank, 1, None, ()) for rank in range(4))
FLAGS = ("major_impact", "data_breach")
PLAYBOOK = Playbook(name="emergency-response", title="", levels=LEVELS, tiers=(), unrouted="SEV-2", flags=FLAGS)


def examples() -> list[Any]:
    found = []
    for example in EXAMPLE.finditer(README):
        name = re.search(r"name: (\S+)", example[1])
        assert name
        rows = list(ROW.finditer(example[2]))
        assert len(rows) == example[2].count("\n")
        found += [pytest.param(example[1], row, id=f"{name[1]}: {row[0]}") for row in rows]
    return found


def pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())


class Known:
    """The conditions of a row of an example: the open incidents, and how often the alert has come."""

    def __init__(self, row: re.Match[str]) -> None:
        self._open = {"playbook": "", "team": "", "dedup_key": "", **pairs(row["open"])} if row["open"] else None
        self._nth = int(row["nth"] or 1)

    def __contains__(self, condition: object) -> bool:
        if isinstance(condition, WhenOpen):
            return self._open is not None and condition.like.fits(**self._open)
        return isinstance(condition, Rate) and self._nth > condition.more_than


def with_shipped_rules(directory: Path, text: str) -> RuleSet:
    for shipped in RULES.glob("0[0-6]-*.yaml"):  # those of the default playbook
        (directory / shipped.name).write_text(shipped.read_text())
    (directory / "10-example.yaml").write_text(text)
    findings = Findings()
    rules = load_rules(directory, {PLAYBOOK.name: PLAYBOOK}, PLAYBOOK.name, findings)
    assert rules is not None, findings.problems
    assert findings.warnings == []
    return rules


def shown(value: object, name: str) -> str:
    if name == "hold":
        return format_duration(int(str(value)))
    if isinstance(value, tuple):
        return ",".join(each.rule if isinstance(each, Inhibition) else each for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "_")


@pytest.mark.parametrize(("text", "row"), examples())
def test_an_example_becomes_what_the_page_says(tmp_path: Path, text: str, row: re.Match[str]) -> None:
    alert = Alert("default", "f", AlertStatus.FIRING, pairs(row[1]))
    verdict = with_shipped_rules(tmp_path, text).decide(alert, Known(row))
    expected = pairs(row[4])
    assert {name: shown(getattr(verdict, name), name) for name in expected} == expected


def test_every_yaml_block_is_an_example_that_is_run() -> None:
    tests = README.count("```yaml\ntests:")  # test_shipped_tests runs those
    assert README.count("```yaml") - tests == len(EXAMPLE.findall(README)) >= 9


def test_the_tables_say_what_the_code_says() -> None:
    assert documented(README) == README, "run `make docs`"
    assert all(f"<!-- {name}: written by make docs -->" in README for name in PARTS if name != "template variables")
    rows = re.findall(r"^\| `(\w+)` \| .*$", README, re.MULTILINE)
    assert sorted(rows) == sorted([*ACTIONS, *CONDITIONS])


@pytest.mark.parametrize("described", [*ACTIONS.values(), *CONDITIONS.values()], ids=lambda each: each.name)
def test_the_example_of_each_key_can_be_written_so(tmp_path: Path, described: Action | Described) -> None:
    under = isinstance(described, Action) and described.form is Form.TEXT
    line = f"{described.name}: {described.example}"
    others = {"heartbeat": ", stop: true"}.get(described.name, "")
    match = "" if described.name in ("match", "any") else "match: 'a=\"b\"', "
    body = f"set: {{{line}}}" if under else f"{line}{others}"
    acting = "" if isinstance(described, Action) else ", flags: [data_breach]"
    text = f"tables: {{services: {{}}}}\nrules: [{{name: it, {match}{body}{acting}}}]"
    (tmp_path / "00-base.yaml").write_text((RULES / "00-base.yaml").read_text())
    (tmp_path / "10.yaml").write_text(text)
    findings = Findings()
    load_rules(tmp_path, {"emergency-response": PLAYBOOK}, "emergency-response", findings)
    assert findings.problems == []
