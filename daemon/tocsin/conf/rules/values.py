"""The forms in which values are written, each read with its mistakes told."""

from typing import Any

from tocsin.conf.duration import parse_duration
from tocsin.conf.source import Findings, Node
from tocsin.core.errors import PlaceholderError
from tocsin.core.placeholder import Template


class Values:
    """Reads values; None where one could not be read, which has then been told."""

    def __init__(self, findings: Findings) -> None:
        self._tell = findings.problem

    def text(self, node: Node) -> str | None:
        """A text as it is."""
        if isinstance(node.value, str) and not node.broken:
            return node.value
        if node.value is None:
            self._tell(node.head, "has no value", "write one, or remove the line")
        elif not node.broken:
            is_scalar = isinstance(node.value, int | float)
            self._tell(node.mark, "text is wanted here", "put it in quotes" if is_scalar else "")
        return None

    def template(self, node: Node) -> Template | None:
        """A text with placeholders, not empty."""
        text = self.text(node)
        if text is None:
            return None
        if not text.strip():
            self._tell(node.mark, "must not be empty", "write a text, or remove the line")
            return None
        try:
            return Template.parse(text)
        except PlaceholderError as error:
            self._tell(node.inside(error.start or 0), f"bad placeholder: {error}")
            return None

    def templates(self, node: Node) -> dict[str, Template] | None:
        """Names and their texts."""
        if not isinstance(node.value, dict):
            self.no_mapping(node, "write for example `{team: platform}`")
            return None
        found = {name: self.template(child) for name, child in node.value.items()}
        return {name: template for name, template in found.items() if template is not None}

    def names(self, node: Node) -> tuple[str, ...] | None:
        """A list of texts."""
        if not isinstance(node.value, list):
            if not node.broken:
                self._tell(node.head, "a list is wanted here", "write [a, b], or one line each that begins with -")
            return None
        found = [self.text(child) for child in node.value]
        return tuple(name for name in found if name is not None)

    def duration(self, node: Node) -> int | None:
        """Microseconds."""
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            hint = f"write {node.value}s for seconds or {node.value}m for minutes"
            self._tell(node.mark, "a duration needs its unit", hint)
            return None
        text = self.text(node)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            self._tell(node.mark, str(error))
            return None

    def switch(self, node: Node) -> bool | None:
        """Yes or no."""
        if isinstance(node.value, bool):
            return node.value
        if not node.broken:
            self._tell(node.mark if node.value is not None else node.head, "true or false is wanted here")
        return None

    def count(self, node: Node) -> int | None:
        """A whole number from 1."""
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
            return node.value
        if not node.broken:
            place = node.mark if node.value is not None else node.head
            self._tell(place, "a whole number from 1 is wanted here", "write for example 1")
        return None

    def no_mapping(self, node: Node, hint: str) -> None:
        """Tell that a mapping was wanted."""
        if not node.broken:
            self._tell(node.head, "a mapping is wanted here", hint)


def constant(value: Any) -> str | None:
    """What a text with placeholders always is; None if that depends on the alert, or there is none."""
    return value.constant if isinstance(value, Template) else None
