"""The SLAs of an incident: obligations with deadlines, and follow-ups."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.playbooks.duties import DutiesByName, check_duties, target_names_in
from tocsin.conf.playbooks.parts import Check, Part, SeverityPart
from tocsin.conf.schema import Name, Section, Text
from tocsin.conf.settings import Span, Times
from tocsin.conf.source import Node
from tocsin.conf.target_times import SpanOrTarget
from tocsin.core.playbook.playbook import Duties, FollowUp, ItemKind
from tocsin.core.suggestions import did_you_mean

DEFAULT = Duties()


class PromisesSeverity(SeverityPart):
    """The keys of a severity."""

    acknowledge_within: SpanOrTarget | None = None
    update_every: SpanOrTarget | None = None
    post_mortem_within: Span | None = None

    def of_level(self) -> dict[str, Any]:
        """Return the promises as the core's types."""
        return {
            "acknowledge_within": self.acknowledge_within,
            "update_every": self.update_every,
            "post_mortem_within": self.post_mortem_within,
        }


class FollowUpEntry(Section):
    """One of ``follow_ups:``."""

    text: Text
    within: Span
    role: Name | None = None
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None


class PromisesPart(Part):
    """The keys that define who is reminded of obligations besides fixing the incident."""

    updates_by: Name = DEFAULT.updates_by
    post_mortem_by: Name = DEFAULT.post_mortem_by
    action_items: Annotated[dict[Name, Span], Field(max_length=20)] | None = None
    follow_ups: Annotated[tuple[FollowUpEntry, ...], Field(max_length=50)] = ()
    duties: DutiesByName = Field(default_factory=dict)

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the obligations."""
        del times
        kinds = self.action_items
        return {
            "duties": Duties(
                updates_by=self.updates_by,
                post_mortem_by=self.post_mortem_by,
                action_items=DEFAULT.action_items
                if kinds is None
                else tuple(ItemKind(name, within) for name, within in kinds.items()),
                follow_ups=tuple(
                    FollowUp(
                        name=f"follow-up-{number}",
                        text=entry.text,
                        within=entry.within,
                        role=entry.role or "",
                        severities=entry.severities or (),
                    )
                    for number, entry in enumerate(self.follow_ups, start=1)
                ),
                required=tuple(entry.duty(name) for name, entry in self.duties.items()),
            )
        }

    def check(self, check: Check) -> None:
        """Check that severities and roles belong to the playbook."""
        severities, roles = getattr(self, "severities", {}), getattr(self, "roles", {})
        for index, entry in enumerate(self.follow_ups):
            node = check.node.at("follow_ups", index)
            for place, severity in enumerate(entry.severities or ()):
                if severity not in severities:
                    hint = did_you_mean(severity, severities)
                    check.problem(node.at("severities", place), f"there is no severity {severity!r}", hint)
            if entry.role is not None and entry.role not in roles:
                hint = did_you_mean(entry.role, roles) or "declare it under roles:"
                check.problem(node.at("role"), f"there is no role {entry.role!r}", hint)
        check_duties(self.duties, self, check)
        for key in ("updates_by", "post_mortem_by"):
            role = getattr(self, key)
            if key in self.model_fields_set and role not in roles:
                hint = did_you_mean(role, roles) or "declare it under roles:"
                check.problem(check.node.at(key), f"there is no role {role!r}", hint)

    @classmethod
    def target_names_in(cls, node: Node) -> Iterable[Node]:
        """Return the owners of duties, and the people to invite."""
        return target_names_in(node)
