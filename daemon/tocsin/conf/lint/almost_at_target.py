"""Steps whose time is close to, but not equal to, a time target of their severity (``respond_within`` ...)."""

from tocsin.conf.playbooks.targets import duration_of, targets_of, with_targets
from tocsin.conf.source import Findings, Node
from tocsin.core.duration import format_duration

CLOSE = 10
"""A step within a tenth of a target was probably meant to be equal to it."""


def warn_of_steps_near_targets(file: Node, findings: Findings) -> None:
    """Warn about each step of a playbook that is within a tenth of a target but equal to none."""
    for _, level in with_targets(file, Findings()).at("severities").children():
        targets = targets_of(level)
        for _, cell in level.at("matrix").children():
            node = cell.child("after")
            after = duration_of(node)
            if node is None or after is None or after in targets.values():
                continue
            for name, at in targets.items():
                if abs(after - at) * CLOSE <= at:
                    message = f"this step comes at {format_duration(after)}, close to {name} ({format_duration(at)})"
                    findings.warn(node.mark, message, f"write after: {name}, so that it moves with the target")
                    break
