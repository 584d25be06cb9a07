"""What works, but hardly as it was meant: one idea a file, each told as a warning at its place.

A lint claims only what is certain: of a rule that it calls dead no alert can be found that the rule decides.
"""

from tocsin.conf.lint.close_steps import warn_of_close_steps
from tocsin.conf.lint.dead import dead_rules
from tocsin.conf.lint.dedup_key import tell_restless_keys
from tocsin.conf.lint.expensive import tell_expensive_patterns
from tocsin.conf.lint.material import Material
from tocsin.conf.lint.overridden import tell_overridden_rules
from tocsin.conf.lint.placeholders import tell_missing_labels
from tocsin.conf.lint.unused import tell_unused
from tocsin.conf.source import Findings


def lint(material: Material, findings: Findings) -> None:
    """Tell of everything that is hardly meant. What needs the whole picture waits until there is no problem."""
    dead = dead_rules(material.rules, findings)
    tell_restless_keys(material.rules, findings)
    tell_expensive_patterns(material.rules, findings)
    tell_missing_labels(material, dead, findings)
    if findings.problems:
        return
    for node in material.playbook_nodes.values():
        warn_of_close_steps(node, findings)
    tell_overridden_rules(material.rules, dead, findings)
    tell_unused(material, findings)


__all__ = ["Material", "lint"]
