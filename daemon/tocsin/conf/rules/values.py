"""Readers for the forms of values; each reports the mistakes it finds."""

from typing import Any

from tocsin.conf.foreign import KEEP, foreign_in_template
from tocsin.conf.source import Findings, Node
from tocsin.core.duration import parse_duration
from tocsin.core.errors import PlaceholderError
from tocsin.core.matching.placeholders import Template


class Values:
    """Reads values; returns None for one that cannot be read, after reporting it."""

    def __init__(self, findings: Findings) -> None:
        self._report = findings.problem

    def text(self, node: Node) -> str | None:
        """Return a text without placeholders."""
        if isinstance(node.value, str) and not node.broken:
            return node.value
        if node.value is None:
            self._report(node.head, "has no value", "write one, or remove the line")
        elif not node.broken:
            hint = f'put it in quotes: "{node.braces}"' if node.braces else ""
            hint = "put it in quotes" if isinstance(node.value, int | float) else hint
            self._report(node.mark, "text is expected here", hint)
        return None

    def template(self, node: Node) -> Template | None:
        """Return a text with placeholders, not empty."""
        text = self.text(node)
        if text is None:
            return None
        if not text.strip():
            self._report(node.mark, "must not be empty", "write a text, or remove the line")
            return None
        foreign = foreign_in_template(text)
        if foreign is not None:
            self._report(node.inside(foreign.start), foreign.message, f"write {foreign.label}; {KEEP}")
            return None
        try:
            return Template.parse(text)
        except PlaceholderError as error:
            self._report(node.inside(error.start or 0), f"bad placeholder: {error}")
            return None

    def templates(self, node: Node) -> dict[str, Template] | None:
        """Return texts by name."""
        if not isinstance(node.value, dict):
            self.no_mapping(node, "write for example `{team: platform}`")
            return None
        result = {name: self.template(child) for name, child in node.value.items()}
        return {name: template for name, template in result.items() if template is not None}

    def names(self, node: Node) -> tuple[str, ...] | None:
        """Return a list of texts."""
        if not isinstance(node.value, list):
            if not node.broken:
                self._report(node.head, "a list is expected here", "write [a, b], or one line each that begins with -")
            return None
        result = [self.text(child) for child in node.value]
        return tuple(name for name in result if name is not None)

    def duration(self, node: Node) -> int | None:
        """Return a duration in microseconds."""
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            hint = f"write {node.value}s for seconds or {node.value}m for minutes"
            self._report(node.mark, "a duration needs its unit", hint)
            return None
        text = self.text(node)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            self._report(node.mark, str(error))
            return None

    def switch(self, node: Node) -> bool | None:
        """Return a boolean."""
        if isinstance(node.value, bool):
            return node.value
        if not node.broken:
            self._report(node.mark if node.value is not None else node.head, "true or false is expected here")
        return None

    def count(self, node: Node) -> int | None:
        """Return a positive integer."""
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
            return node.value
        if not node.broken:
            place = node.mark if node.value is not None else node.head
            self._report(place, "a whole number from 1 is expected here", "write for example 1")
        return None

    def no_mapping(self, node: Node, hint: str) -> None:
        """Report that a mapping was expected."""
        if not node.broken:
            self._report(node.head, "a mapping is expected here", hint)


def constant(value: Any) -> str | None:
    """Return the fixed value of a text with placeholders; None if it depends on the alert, or if there is no text."""
    return value.constant if isinstance(value, Template) else None
