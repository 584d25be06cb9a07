"""A rule together with where it was written."""

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.conf.source import Mark, Node
from tocsin.core.errors import MatcherError
from tocsin.core.matcher import Matcher
from tocsin.core.matcher_grammar import Parsed, classic, utf8
from tocsin.core.rules import Rule


class WrittenRule(NamedTuple):
    """A rule that could be read, and the mapping of the file that it was read from."""

    rule: Rule
    node: Node

    @property
    def place(self) -> str:
        """Where it stands: ``file:line``."""
        return f"{self.rule.path}:{self.rule.line}"

    def where(self, matcher: Matcher) -> Mark:
        """Where one of its matchers stands."""
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
        waiting = [child] if child is not None else []
        while waiting:
            first = waiting.pop(0)
            if isinstance(first.value, str):
                yield first
            elif isinstance(first.value, list):
                waiting += first.value


def _parsed(text: str) -> list[Parsed]:
    for grammar in (classic, utf8):  # where both can read it, the classic one counts
        try:
            return grammar(text)
        except MatcherError:
            continue
    return []
