"""What is written in a playbook and never happens."""

from collections.abc import Iterable

from tocsin.conf.lint.material import Material
from tocsin.conf.source import Findings, Node
from tocsin.core.placeholder import Template
from tocsin.core.playbook import Playbook

_COUNTED = frozenset({"raise", "lower", "cap"})
"""Actions that make another severity of the one that is set."""


def tell_unused(material: Material, findings: Findings) -> None:
    """Tell of playbooks that nothing chooses, and in the others of tiers and severities that nothing reaches."""
    chosen = _constants(material, "playbook")
    given = _constants(material, "severity")
    for name, playbook in material.playbooks.items():
        node = material.playbook_nodes[name]
        if chosen is not None and name not in {*chosen, material.default_playbook}:
            findings.warn(node.mark, f"nothing chooses the playbook {name}", f"let a rule `set: {{playbook: {name}}}`")
            continue
        _tell_unreachable_tiers(playbook, node, findings)
        if given is not None:
            _tell_unused_severities(playbook, node, given, findings)


def _constants(material: Material, action: str) -> frozenset[str] | None:
    """All that rules give by this action; None if some of that depends on labels, or is counted."""
    if action == "severity" and any(written.rule.actions.keys() & _COUNTED for written in material.rules):
        return None
    templates = [written.rule.actions.get(action) for written in material.rules]
    given = [template.constant for template in templates if isinstance(template, Template)]
    return frozenset(text for text in given if text is not None) if None not in given else None


def _tell_unreachable_tiers(playbook: Playbook, node: Node, findings: Findings) -> None:
    named = {cell.tier for level in playbook.levels for cell in level.cells}
    for tier in playbook.tiers:
        if tier.number not in named:
            told = f"no severity's matrix names tier {tier.number}: nobody of it is ever told"
            findings.warn(node.at("tiers", str(tier.number)).head, told, "add a step for it, or remove the tier")


def _tell_unused_severities(playbook: Playbook, node: Node, given: Iterable[str], findings: Findings) -> None:
    for level in playbook.levels:
        if level.name not in {*given, playbook.unrouted}:
            told = f"no rule gives the severity {level.name}: only a person can"
            findings.warn(node.at("severities", level.name).head, told, f"let a rule `set: {{severity: {level.name}}}`")
