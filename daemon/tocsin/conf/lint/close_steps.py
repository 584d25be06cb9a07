"""Steps that come nearly, but not quite, at a target of their severity."""

from tocsin.conf.duration import format_duration
from tocsin.conf.playbooks.targets import duration_of, targets_of, with_targets
from tocsin.conf.source import Findings, Node

CLOSE = 10
"""A step within a tenth of a target was hardly meant to differ from it."""


def warn_of_close_steps(file: Node, findings: Findings) -> None:
    """Warn of each step of a playbook whose time is within a tenth of a target, and equal to none."""
    for _, level in with_targets(file, Findings()).at("severities").children():
        targets = targets_of(level)
        for _, cell in level.at("matrix").children():
            node = cell.child("after")
            after = duration_of(node)
            if node is None or after is None or after in targets.values():
                continue
            for name, at in targets.items():
                if abs(after - at) * CLOSE <= at:
                    told = f"this step comes at {format_duration(after)}, close to {name} ({format_duration(at)})"
                    findings.warn(node.mark, told, f"write after: {name}, so that it moves with the target")
                    break
