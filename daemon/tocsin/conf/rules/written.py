"""A rule together with the place where it is written."""

from typing import NamedTuple

from tocsin.conf.source import Mark, Node
from tocsin.core.rules import Rule


class Written(NamedTuple):
    """A rule, and the node that it was made of: where each of its parts stands."""

    rule: Rule
    node: Node

    @property
    def mark(self) -> Mark:
        """Where it begins."""
        return self.node.mark

    @property
    def takes_everything(self) -> bool:
        """Whether it matches every alert, and every alert opens an incident for all that it says."""
        actions = self.rule.actions
        return self.rule.matches_everything and not actions.get("suppress") and not actions.get("heartbeat")
