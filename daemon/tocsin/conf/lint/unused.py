"""Parts of playbooks that are never used."""

from collections.abc import Iterable

from tocsin.conf.lint.material import Material
from tocsin.conf.source import Findings, Node
from tocsin.core.matching.placeholders import Template
from tocsin.core.playbook.playbook import Playbook

_COUNTED = frozenset({"raise", "lower", "cap"})
"""Actions that derive a severity from the current one."""


def report_unused(material: Material, findings: Findings) -> None:
    """Report playbooks that no rule selects, and in the others tiers and severities that are never reached."""
    chosen = _constants(material, "playbook")
    given = _constants(material, "severity")
    for name, playbook in material.playbooks.items():
        node = material.playbook_nodes[name]
        if chosen is not None and name not in {*chosen, material.default_playbook}:
            message = f"no rule chooses the playbook {name}: alerts go to {material.default_playbook}"
            message += ", the default of tocsin.yaml" if chosen <= {material.default_playbook} else " and the others"
            findings.warn(node.mark, message, f"let a rule `set: {{playbook: {name}}}`")
            continue
        _report_unreachable_tiers(playbook, node, findings)
        if given is not None:
            _report_unused_severities(playbook, node, given, findings)


def _constants(material: Material, action: str) -> frozenset[str] | None:
    """Return all values that rules set with this action; None if one depends on labels or the current severity."""
    if action == "severity" and any(written.rule.actions.keys() & _COUNTED for written in material.rules):
        return None
    templates = [written.rule.actions.get(action) for written in material.rules]
    given = [template.constant for template in templates if isinstance(template, Template)]
    return frozenset(text for text in given if text is not None) if None not in given else None


def _report_unreachable_tiers(playbook: Playbook, node: Node, findings: Findings) -> None:
    named = {cell.tier for level in playbook.levels for cell in level.cells}
    for tier in playbook.tiers:
        if tier.number not in named:
            message = f"no severity's matrix names tier {tier.number}: its targets are never notified"
            findings.warn(node.at("tiers", str(tier.number)).head, message, "add a step for it, or remove the tier")


def _report_unused_severities(playbook: Playbook, node: Node, given: Iterable[str], findings: Findings) -> None:
    for level in playbook.levels:
        if level.name not in {*given, playbook.unrouted}:
            message = f"no rule gives the severity {level.name}: only a person can"
            findings.warn(
                node.at("severities", level.name).head, message, f"let a rule `set: {{severity: {level.name}}}`"
            )
