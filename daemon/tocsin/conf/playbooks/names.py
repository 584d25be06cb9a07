"""The names in a playbook's file, as others refer to them and as it refers to others."""

from collections.abc import Collection

from tocsin.conf.playbooks.file import PARTS
from tocsin.conf.source import Findings, Node
from tocsin.core.oncall.people import People
from tocsin.core.playbook.playbook import Level, Playbook
from tocsin.core.suggestions import did_you_mean, did_you_mean_or_add


def skeleton_of(name: str, node: Node) -> Playbook:
    """Return the names that a playbook's file defines even if it is invalid, so that rules may refer to them."""
    names = [str(step) for step, _ in node.at("severities").children()]
    levels = tuple(Level(level, rank, 0, None, ()) for rank, level in enumerate(names))
    flags = tuple(str(flag.value) for _, flag in node.at("flags").children())
    return Playbook(name=name, title=name, levels=levels, tiers=(), unrouted=names[-1] if names else "", flags=flags)


def report_unknown_targets(node: Node, people: People, findings: Findings) -> None:
    """Report targets in a playbook's file that do not exist. Other mistakes are reported elsewhere."""
    known = people.targets
    lists = [targets for part in PARTS for targets in part.targets_in(node) if isinstance(targets.value, list)]
    alone = [target for part in PARTS for target in part.target_names_in(node)]
    for target in [*(target for targets in lists for _, target in targets.children()), *alone]:
        if isinstance(target.value, str) and target.value not in known:
            message = f"{target.value!r} is neither a person, a group nor a target of people.yaml"
            findings.problem(target.mark, message, did_you_mean_or_add(target.value, known))


def report_unknown_templates(node: Node, names: Collection[str], findings: Findings) -> None:
    """Report templates in a playbook's file that do not exist."""
    for template in (template for part in PARTS for template in part.templates_in(node)):
        if isinstance(template.value, str) and template.value not in names:
            message = f"there is no template {template.value!r} in templates/"
            findings.problem(template.mark, message, did_you_mean(template.value, names))
