"""A rule together with the place where it is written."""

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.conf.source import Mark, Node
from tocsin.core.errors import MatcherError
from tocsin.core.matcher import Matcher
from tocsin.core.matcher_grammar import Parsed, classic, utf8
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

    @property
    def place(self) -> str:
        """Where it begins, for a hint: ``file:line``."""
        return f"{self.rule.path}:{self.rule.line}"

    def where(self, matcher: Matcher) -> Mark:
        """Where the value of one of its matchers stands."""
        for text in _texts(self.node):
            for parsed in _parsed(str(text.value)):
                if (parsed.name, parsed.op, parsed.value) == (matcher.name, matcher.op, matcher.value):
                    return text.inside(parsed.start)
        return self.node.at("match").head

    def action(self, name: str) -> Node:
        """The value of one of its actions, or the nearest thing to it."""
        under = self.node.child("set")
        return under.at(name) if under is not None and under.child(name) is not None else self.node.at(name)


def _texts(node: Node) -> Iterator[Node]:
    """The texts of a rule that hold matchers."""
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
