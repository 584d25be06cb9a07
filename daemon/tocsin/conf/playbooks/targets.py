"""The targets of a severity, and the keys that may derive from them, so that each target is defined once."""

from collections.abc import Iterator
from dataclasses import replace

from tocsin.conf.source import Findings, Node
from tocsin.conf.target_times import follows_from_a_target, time_of
from tocsin.core.duration import format_duration, parse_duration

TARGETS = ("respond_within", "acknowledge_within", "resolve_within")
"""The targets that ``after:`` may name."""
FOLLOWING = (*TARGETS[1:], "update_every")
"""Keys of a severity that may follow from the targets before them."""


def with_targets(file: Node, findings: Findings) -> Node:
    """Return a playbook's file with a duration in place of each time that follows from a target."""
    severities = file.child("severities")
    if severities is None or not isinstance(severities.value, dict) or not isinstance(file.value, dict):
        return file
    levels = {name: _resolved(level, findings) for name, level in severities.value.items()}
    return replace(file, value={**file.value, "severities": replace(severities, value=levels)})


def _resolved(level: Node, findings: Findings) -> Node:
    if not isinstance(level.value, dict):
        return level
    keys = dict(level.value)
    for key in FOLLOWING:
        if key in keys:
            others = {name: keys[name] for name in TARGETS if name in keys and name != key}
            targets = targets_of(replace(level, value=others))
            keys[key] = _as_duration(keys[key], targets, findings)
    matrix = keys.get("matrix")
    if matrix is not None and isinstance(matrix.value, list):
        targets = targets_of(replace(level, value=keys))
        keys["matrix"] = replace(matrix, value=[_step(cell, targets, findings) for cell in matrix.value])
    return replace(level, value=keys)


def _step(cell: Node, targets: dict[str, int], findings: Findings) -> Node:
    if not isinstance(cell.value, dict) or "after" not in cell.value:
        return cell
    return replace(cell, value={**cell.value, "after": _as_duration(cell.value["after"], targets, findings)})


def _as_duration(node: Node, targets: dict[str, int], findings: Findings) -> Node:
    """Return the node with its duration; one that names no target is marked as broken and reported."""
    if not isinstance(node.value, str) or not follows_from_a_target(node.value) or node.broken:
        return node
    try:
        return replace(node, value=format_duration(time_of(node.value, targets)))
    except ValueError as error:
        findings.problem(node.mark, f"{node.value!r} {error}")
        return replace(node, broken=True)


def targets_of(level: Node) -> dict[str, int]:
    """Return the targets of a severity that are well written."""
    return dict(_durations(level))


def _durations(level: Node) -> Iterator[tuple[str, int]]:
    for name in TARGETS:
        at = duration_of(level.child(name))
        if at is not None:
            yield name, at


def duration_of(node: Node | None) -> int | None:
    """Return the microseconds of a duration; None if there is none, or if it is malformed."""
    try:
        return parse_duration(node.value) if node is not None and isinstance(node.value, str) else None
    except ValueError:
        return None
