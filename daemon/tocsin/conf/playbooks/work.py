"""What people make of an incident: its statuses, its roles, and whether an acknowledgment declares it."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, Text
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.core.work import Role


class RoleEntry(Section):
    """One of ``roles:``."""

    name: Text
    targets: tuple[Name, ...] = ()


class WorkPart(Part):
    """The keys of the whole playbook."""

    statuses: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    roles: Annotated[dict[Name, RoleEntry], Field(max_length=50)] = Field(default_factory=dict)
    declare_at: Literal["acknowledgment"] | None = None

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """As the core has them."""
        del times
        return {
            "statuses": self.statuses,
            "roles": tuple(Role(key=key, name=role.name, targets=role.targets) for key, role in self.roles.items()),
            "declares_when_acknowledged": self.declare_at is not None,
        }

    def check(self, check: Check) -> None:
        """No status stands there twice."""
        for index, status in enumerate(self.statuses):
            if status in self.statuses[:index]:
                check.problem(check.node.at("statuses", index), f"{status!r} is given twice", "remove one")

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Whom a role falls to while nobody has taken it."""
        roles = node.child("roles")
        lists = [role.child("targets") for _, role in roles.children()] if roles is not None else []
        yield from (targets for targets in lists if targets is not None)
