"""Warnings about likely mistakes: one check per file, each reported at its position.

A lint reports only what is certain: no alert exists that a rule reported as dead would decide.
"""

from tocsin.conf.lint.almost_at_target import warn_of_steps_near_targets
from tocsin.conf.lint.dead import dead_rules
from tocsin.conf.lint.dedup_key import report_restless_keys
from tocsin.conf.lint.expensive import report_expensive_patterns
from tocsin.conf.lint.material import Material
from tocsin.conf.lint.overridden import report_overridden_rules
from tocsin.conf.lint.placeholders import report_missing_labels
from tocsin.conf.lint.unused import report_unused
from tocsin.conf.source import Findings


def lint(material: Material, findings: Findings) -> None:
    """Report all likely mistakes. Checks of the whole configuration run only if it has no problems."""
    dead = dead_rules(material.rules, findings)
    report_restless_keys(material.rules, findings)
    report_expensive_patterns(material.rules, findings)
    report_missing_labels(material, dead, findings)
    if findings.problems:
        return
    for node in material.playbook_nodes.values():
        warn_of_steps_near_targets(node, findings)
    report_overridden_rules(material.rules, dead, findings)
    report_unused(material, findings)


__all__ = ["Material", "lint"]
