"""What people make of an incident: its statuses, its roles, and whether an acknowledgment declares it."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, Text, did_you_mean
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.core.work import Checklist, Role


class RoleEntry(Section):
    """One of ``roles:``."""

    name: Text
    targets: tuple[Name, ...] = ()


class ChecklistEntry(Section):
    """One of ``checklists:``."""

    items: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None


class WorkPart(Part):
    """The keys of the whole playbook."""

    statuses: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    roles: Annotated[dict[Name, RoleEntry], Field(max_length=50)] = Field(default_factory=dict)
    checklists: Annotated[dict[Name, ChecklistEntry], Field(max_length=50)] = Field(default_factory=dict)
    declare_at: Literal["acknowledgment"] | None = None

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """As the core has them."""
        del times
        return {
            "statuses": self.statuses,
            "roles": tuple(Role(key=key, name=role.name, targets=role.targets) for key, role in self.roles.items()),
            "checklists": tuple(
                Checklist(key=key, items=entry.items, severities=entry.severities or ())
                for key, entry in self.checklists.items()
            ),
            "declares_when_acknowledged": self.declare_at is not None,
        }

    def check(self, check: Check) -> None:
        """No status stands there twice, and the severities of checklists are the playbook's."""
        for index, status in enumerate(self.statuses):
            if status in self.statuses[:index]:
                check.problem(check.node.at("statuses", index), f"{status!r} is given twice", "remove one")

        severities = getattr(self, "severities", {})
        for key, entry in self.checklists.items():
            for place, severity in enumerate(entry.severities or ()):
                if severity not in severities:
                    node = check.node.at("checklists", key, "severities", place)
                    check.problem(node, f"there is no severity {severity!r}", did_you_mean(severity, severities))

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Whom a role falls to while nobody has taken it."""
        roles = node.child("roles")
        lists = [role.child("targets") for _, role in roles.children()] if roles is not None else []
        yield from (targets for targets in lists if targets is not None)
