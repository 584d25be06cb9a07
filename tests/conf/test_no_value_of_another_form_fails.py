"""A value of another form, at any key, is a mistake that is reported: never a failure of the loader."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conf.test_no_file_breaks_the_checker import SECRETS, SOURCES
from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import load
from tocsin.conf.source import ConfigError

LIST, MAPPING = "[a, [b]]", "{a: b}"
"""A list, and where one belongs a mapping: neither can be a name, nor a key of a dict."""
EVERY_KEY = """
resolve_after: 2m
next_tier_on: [breach]
bridge: https://call.example.com/1
links: {status_page: "https://status.example.com"}
numbering: "INC-{n}"
statuses: [Begun, Over]
declare_at: acknowledgment
updates_by: lead
post_mortem_by: lead
roles: {lead: {name: Lead, targets: [first], backup: [admins]}}
checklists: {first: {severities: [P1], items: [Look]}}
action_items: {immediate: 7d}
follow_ups: [{text: Tell support, within: 7d, role: lead, severities: [P1]}]
duties:
  page: {what: Post it, since: declared, within: 15m, by: lead, severities: [P1], tracker: status, remind: 5m}
  law: {what: Tell the police, since: opened, within: 1h, when: [breach], message: news}
  cause: {what: Find the cause, since: resolved, within: 1d, fact: root_cause}
  news: {what: Report, since: acknowledged, within: 1h, update: true}
  review:
    {what: Review, since: resolved, within: 2d, meeting: {length: 1h, after: 1h, invite: [responders], agenda: [All]}}
actions:
  - {at: [declared, resolved], tracker: status, template: news, confirm: true, labels: [incident, "{severity}"]}
  - {at: flagged, message: news, to: [room], when: [breach], severities: [P1]}
  - {at: recorded, message: news, to: [room], facts: [root_cause]}
  - {at: resolved, message: news, to: [admins], only_if_told: true}
post_mortem: {template: news}
questions: [{ask: "Is it bad?", flag: breach, if_yes: {severities: [P1], go_on: true, advice: Hurry}}]
reminders:
  - {name: Review, rrule: FREQ=MONTHLY, starts: "2026-01-05 10:00", to: [first], text: Look, report: month}
drills: [{name: Drill, rrule: FREQ=MONTHLY, starts: "2026-01-05 10:00", to: [first], time_zone: UTC}]
goals: {mttr: {P1: 30m}, mttd: 5m, incidents_a_month: 1, post_mortems_in_time: true}
business_hours: {days: mon-fri, from: "09:00", to: "17:00", time_zone: UTC}
storm: {more_than: 9, within: 5m, again_after: 1h}
flapping: {more_than: 3, within: 30m, digest_every: 1h}
"""
WINDOWS = """
windows:
  - {name: One, match: 'a="b"', time_zone: UTC, starts: "2026-11-01 02:00", rrule: FREQ=WEEKLY, duration: 2h}
"""
FILES = (
    "config/playbooks/ops.yaml",
    "config/people.yaml",
    "config/tocsin.yaml",
    "config/windows.yaml",
    "rules/10.yaml",
)


def configuration(root: Path) -> Path:
    """Write the small configuration, with every key of a playbook."""
    shutil.copytree(SOURCES["small"], root, dirs_exist_ok=True)
    playbook = root / "config/playbooks/ops.yaml"
    playbook.write_text(playbook.read_text() + EVERY_KEY)
    (root / "config/windows.yaml").write_text(WINDOWS)
    (root / "config/templates").mkdir(exist_ok=True)
    (root / "config/templates/news.md.j2").write_text("It is {{ severity }}.\n")
    settings = root / "config/tocsin.yaml"
    settings.write_text(settings.read_text() + "trackers: {status: {kind: console}}\n")
    return root


def problems(root: Path) -> list[str]:
    try:
        load(root / "config", root / "rules", KINDS, SECRETS)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """Yield the text with another value for each key and item: (its name, the text); equal paths count once."""
    seen = set()

    def places(node: yaml.Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
        children: list[tuple[str, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            children = [(key.value, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            children = [("[]", value) for value in node.value]
        for name, value in children:
            yield (*path, name), value
            yield from places(value, (*path, name))

    for path, node in places(yaml.compose(text), ()):
        if path in seen:
            continue
        seen.add(path)
        start, end = node.start_mark.index, node.end_mark.index
        tail = text[start:end][len(text[start:end].rstrip()) :]
        value = MAPPING if isinstance(node, yaml.SequenceNode) else LIST
        yield f"{'.'.join(path)}: {value}", f"{text[:start]}{value}{tail}{text[end:]}"


def test_the_configuration_with_every_key_is_valid(tmp_path: Path) -> None:
    assert problems(configuration(tmp_path)) == []


@pytest.mark.parametrize("file", FILES)
def test_a_value_of_another_form_is_a_mistake_and_no_failure(tmp_path: Path, file: str) -> None:
    path = configuration(tmp_path) / file
    found = {}
    for name, text in mutants(path.read_text()):
        path.write_text(text)
        try:
            found[name] = problems(tmp_path)
        except Exception as error:
            error.add_note(name)
            raise
    assert [name for name, told in found.items() if not told] == []
