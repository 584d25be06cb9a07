"""The names in a playbook's file, as others refer to them and as it refers to others."""

from collections.abc import Collection

from tocsin.conf.playbooks.file import PARTS
from tocsin.conf.source import Findings, Node
from tocsin.core.people import People
from tocsin.core.playbook import Level, Playbook
from tocsin.core.suggestions import did_you_mean


def skeleton_of(name: str, node: Node) -> Playbook:
    """The names in a playbook's file, whatever else is wrong with it: rules are not blamed for naming them."""
    names = [str(step) for step, _ in node.at("severities").children()]
    levels = tuple(Level(level, rank, 0, None, ()) for rank, level in enumerate(names))
    flags = tuple(str(flag.value) for _, flag in node.at("flags").children())
    return Playbook(name=name, title=name, levels=levels, tiers=(), unrouted=names[-1] if names else "", flags=flags)


def tell_unknown_targets(node: Node, people: People, findings: Findings) -> None:
    """Compare the targets of a playbook's file with those that exist. What else is wrong with it is told elsewhere."""
    known = people.targets
    lists = [targets for part in PARTS for targets in part.targets_in(node) if isinstance(targets.value, list)]
    alone = [target for part in PARTS for target in part.target_names_in(node)]
    for target in [*(target for targets in lists for _, target in targets.children()), *alone]:
        if isinstance(target.value, str) and target.value not in known:
            told = f"{target.value!r} is neither a person, a group nor a target of people.yaml"
            findings.problem(target.mark, told, did_you_mean(target.value, known))


def tell_unknown_templates(node: Node, names: Collection[str], findings: Findings) -> None:
    """Compare the templates that a playbook's file names with those that exist."""
    for template in (template for part in PARTS for template in part.templates_in(node)):
        if isinstance(template.value, str) and template.value not in names:
            told = f"there is no template {template.value!r} in templates/"
            findings.problem(template.mark, told, did_you_mean(template.value, names))
