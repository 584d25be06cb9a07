"""A rule together with its position in a file."""

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.conf.source import Mark, Node
from tocsin.core.errors import MatcherError
from tocsin.core.matching.grammar import Parsed, classic, utf8
from tocsin.core.matching.matcher import Matcher
from tocsin.core.rules.rule import Rule


class Written(NamedTuple):
    """A rule with the node that it was read from, and thus the position of each of its parts."""

    rule: Rule
    node: Node

    @property
    def mark(self) -> Mark:
        """Return where the rule begins."""
        return self.node.mark

    @property
    def takes_everything(self) -> bool:
        """Return whether the rule matches every alert, and every matching alert opens an incident."""
        actions = self.rule.actions
        return self.rule.matches_everything and not actions.get("suppress") and not actions.get("heartbeat")

    @property
    def place(self) -> str:
        """Return where the rule begins, for a hint: ``file:line``."""
        return f"{self.rule.path}:{self.rule.line}"

    def where(self, matcher: Matcher) -> Mark:
        """Return the position of one matcher's value."""
        for text in _texts(self.node):
            for parsed in _parsed(str(text.value)):
                if (parsed.name, parsed.op, parsed.value) == (matcher.name, matcher.op, matcher.value):
                    return text.inside(parsed.start)
        return self.node.at("match").head

    def action(self, name: str) -> Node:
        """Return the node of one action's value, or the nearest node."""
        under = self.node.child("set")
        return under.at(name) if under is not None and under.child(name) is not None else self.node.at(name)


def _texts(node: Node) -> Iterator[Node]:
    """Return the texts of a rule that contain matchers."""
    for key in ("match", "any"):
        child = node.child(key)
        listed = child.value if child is not None and isinstance(child.value, list) else [child]
        yield from (text for text in listed if text is not None and isinstance(text.value, str))


def _parsed(text: str) -> list[Parsed]:
    for grammar in (classic, utf8):  # where both can read it, the classic one counts
        try:
            return grammar(text)
        except MatcherError:
            continue
    return []
