"""Times in a test that follow from a playbook: ``at: 2 x respond_within`` in a test with ``targets_of``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from tocsin.conf.source import Findings, Node
from tocsin.conf.target_times import follows_from_a_target, sum_of
from tocsin.core.duration import format_duration
from tocsin.core.playbook.playbook import Level, Playbook
from tocsin.core.suggestions import did_you_mean

T = TypeVar("T")

OF = "targets_of"
_LISTS = ("events", "expect", "pages")
_KEYS = ("at", "every", "until")


def with_durations(file: Node, playbooks: Mapping[str, Playbook], findings: Findings) -> Node:
    """Return a file of tests with a duration in place of each time that follows from a target."""
    tests = file.child("tests")
    if tests is None or not isinstance(tests.value, list) or not isinstance(file.value, dict):
        return file
    done = [_test(test, _names(test, playbooks, findings), findings) for test in tests.value]
    return replace(file, value={**file.value, "tests": replace(tests, value=done)})


def _names(test: Node, playbooks: Mapping[str, Playbook], findings: Findings) -> dict[str, int]:
    """Return the names that the times of a test may use; none if the test does not name the playbook of its targets."""
    of = test.child(OF)
    if of is None:
        return {}
    playbook = _named(of, "playbook", playbooks, findings)
    levels = {level.name: level for level in playbook.levels} if playbook is not None else {}
    level = _named(of, "severity", levels, findings) if levels else None
    return _times(playbook, level) if playbook is not None and level is not None else {}


def _times(playbook: Playbook, level: Level) -> dict[str, int]:
    targets = {
        "respond_within": level.respond_within,
        "acknowledge_within": level.acknowledge_within,
        "resolve_within": level.resolve_within,
        "resolve_after": playbook.resolve_after,
        "fallback_every": max(level.respond_within, playbook.fallback_at_least),
    }
    return {name: at for name, at in targets.items() if at is not None}


def _named(of: Node, key: str, known: Mapping[str, T], findings: Findings) -> T | None:
    node = of.child(key)
    if node is None or not isinstance(node.value, str):
        return None  # the model tells that it is missing
    if node.value not in known:
        findings.problem(node.mark, f"there is no {key} {node.value!r}", did_you_mean(node.value, known))
    return known.get(node.value)


def _test(test: Node, names: Mapping[str, int], findings: Findings) -> Node:
    if not isinstance(test.value, dict):
        return test
    keys = _durations(test, names, findings)
    for name in _LISTS:
        lines = keys.get(name)
        if lines is not None and isinstance(lines.value, list):
            done = [
                replace(line, value=_durations(line, names, findings)) if isinstance(line.value, dict) else line
                for line in lines.value
            ]
            keys[name] = replace(lines, value=done)
    return replace(test, value=keys)


def _durations(mapping: Node, names: Mapping[str, int], findings: Findings) -> dict[str, Node]:
    """Return the keys of a mapping, with durations where these are times."""
    keys = dict(mapping.value) if isinstance(mapping.value, dict) else {}
    for key in _KEYS:
        node = keys.get(key)
        if node is not None and not node.broken and follows_from_a_target(node.value):
            keys[key] = _duration(node, names, findings)
    return keys


def _duration(node: Node, names: Mapping[str, int], findings: Findings) -> Node:
    if not names:
        hint = f"write {OF}: {{playbook: NAME, severity: LEVEL}} in this test, or a duration such as 15m"
        findings.problem(node.mark, f"{node.value!r} follows from the targets of a severity", hint)
        return replace(node, broken=True)
    try:
        return replace(node, value=format_duration(sum_of(str(node.value), names)))
    except ValueError as error:
        findings.problem(node.mark, f"{node.value!r} {error}")
        return replace(node, broken=True)
