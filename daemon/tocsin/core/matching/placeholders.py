"""``{label}`` placeholders: the only templates in the processing of alerts.

``{name}`` stands for a label, ``{name|text}`` for the label or, where it is
missing, the text; ``{a, b|text}`` for the first of several labels that the
alert has; ``{{`` and ``}}`` are braces, and a backslash before ``{``, ``}``, ``$``
or ``%`` keeps that character as text. As in matchers, an empty label counts
as missing.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tocsin.core.errors import PlaceholderError

SOURCE = "__source__"
"""Placeholder of the alert's source. Prometheus drops labels that begin with two underscores, so no alert has it."""

_PART = re.compile(r"(?P<literal>\\[{}$%]|\{\{|\}\})|\{(?P<name>[^{}|]*)(?:\|(?P<default>[^{}]*))?\}|(?P<stray>[{}])")


class _Field(NamedTuple):
    name: str
    others: tuple[str, ...]
    """The labels that are read, in this order, if ``name`` is missing."""
    default: str | None
    after: str
    """The text between this field and the next."""


class Template:
    """A parsed text with placeholders."""

    __slots__ = ("_before", "_fields", "text")

    def __init__(self, text: str, before: str, fields: tuple[_Field, ...]) -> None:
        self.text = text
        """The text as written."""
        self._before = before
        self._fields = fields

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Parse a text with placeholders.

        Raises:
            PlaceholderError: A brace stands alone, or a placeholder has no name.
        """
        pieces: list[str] = [""]
        fields: list[tuple[str, tuple[str, ...], str | None]] = []
        position = 0
        for part in _PART.finditer(text):
            pieces[-1] += text[position : part.start()]
            position = part.end()
            if part["stray"]:
                stray = part["stray"]
                message = f"a single {stray} is not a placeholder: write {{label}}, or {stray * 2} for a brace"
                raise PlaceholderError(message, part.start())
            if part["literal"]:
                pieces[-1] += part["literal"][-1]
                continue
            name, *others = map(str.strip, part["name"].split(","))
            if not all((name, *others)):
                raise PlaceholderError("a placeholder needs the name of a label: {label}", part.start())
            if others and part["default"] is None:
                names = ", ".join((name, *others))
                message = f"a placeholder with several labels needs a default: write {{{names}|text}}"
                raise PlaceholderError(message, part.start())
            fields.append((name, tuple(others), part["default"]))
            pieces.append("")
        pieces[-1] += text[position:]
        joined = zip(fields, pieces[1:], strict=True)
        return cls(text, pieces[0], tuple(_Field(*field, after) for field, after in joined))

    @property
    def names(self) -> frozenset[str]:
        """The labels that the template reads."""
        return frozenset(name for field in self._fields for name in (field.name, *field.others))

    @property
    def needs(self) -> frozenset[str]:
        """The labels without which the template cannot be rendered: their placeholders have no default."""
        return frozenset(field.name for field in self._fields if field.default is None) - {SOURCE}

    @property
    def constant(self) -> str | None:
        """The text that the template always renders to; None if that depends on labels."""
        return None if self._fields else self._before

    def render(self, labels: Mapping[str, str]) -> str:
        """Return the text for these labels.

        Raises:
            PlaceholderError: A label is missing and its placeholder has no default.
        """
        text = self._before
        for name, others, default, after in self._fields:
            value = labels.get(name) or next(filter(None, map(labels.get, others)), default)
            if value is None:
                raise PlaceholderError(f"{self.text!r} needs the label {name!r}, which this alert does not have")
            text += value + after
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Template.parse({self.text!r})"
