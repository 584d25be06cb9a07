"""A rule together with where it was written."""

from typing import NamedTuple

from tocsin.conf.source import Mark, Node
from tocsin.core.rules import Rule


class WrittenRule(NamedTuple):
    """A rule that could be read, and the mapping of the file that it was read from."""

    rule: Rule
    node: Node

    @property
    def place(self) -> str:
        """Where it stands: ``file:line``."""
        return f"{self.rule.path}:{self.rule.line}"

    @property
    def match(self) -> Mark:
        """Where its conditions stand."""
        return self.node.at("match").head

    def action(self, name: str) -> Node:
        """The value of one of its actions, or the nearest thing to it."""
        under = self.node.child("set")
        return under.at(name) if under is not None and under.child(name) is not None else self.node.at(name)
