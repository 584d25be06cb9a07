"""One template: read, compiled, and rendered in its cage."""

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from tocsin.conf.templates.cage import PURSE, STEPS, Cage, Objection, Spent, metered, objections
from tocsin.core.errors import TocsinError
from tocsin.core.plain import one_line
from tocsin.core.said import CLOSE, OPEN, Said

OUTPUT_LIMIT = 60_000
"""The longest text that a template may make, in characters: a GitHub issue takes no more."""
SOURCE_LIMIT = 64 << 10

_CAGE = Cage()
_WRITES_UTC = re.compile(r"\bUTC\b")
_HOLES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


class TemplateMistake(TocsinError):
    """A template cannot be used."""

    def __init__(self, objections: list[Objection]) -> None:
        self.objections = tuple(objections)
        super().__init__("; ".join(f"line {each.line}: {each.message}" for each in objections))


class TemplateFailed(TocsinError):
    """A template could not be rendered."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        self.line = line
        """0 where it is not known."""
        self.reason = reason
        super().__init__(f"template {name}{f', line {line}' if line else ''}: {reason}")


class Template:
    """A text with ``{{ variables }}``. Rendering it changes nothing and may be done in any thread."""

    def __init__(self, name: str, source: str) -> None:
        """Compile it.

        Raises:
            TemplateMistake: It is no template, or does what a template may not do.
        """
        self.name = name
        self.tried: set[str] = set()
        """The playbooks, by their sha, on whose samples it has been rendered."""
        try:
            tree = _read(source)
            self.uses = {each.name: each.lineno for each in reversed(list(tree.find_all(nodes.Name))) if _loads(each)}
            """The names that it asks for, each with the first line that does; also those that it makes itself."""
            self.is_in_utc = _WRITES_UTC.search(source) is not None
            """True if the template writes UTC beside its times, which are then in UTC for every reader."""
            self.variables = frozenset(meta.find_undeclared_variables(tree))
            """The variables that it needs from outside."""
            code = _CAGE.compile(metered(tree), name=name, filename=_filename(name))
        except TemplateSyntaxError as error:
            raise TemplateMistake([Objection(error.lineno, _lowered(error.message or "is no template"))]) from None
        except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
            raise TemplateMistake([Objection(1, "is too deeply nested", "write it simpler")]) from None
        self._compiled = jinja2.Template.from_code(_CAGE, code, {})

    def render(self, variables: Mapping[str, Any]) -> Said:
        """The text that it makes of these values.

        Raises:
            TemplateFailed: A variable is missing, or it takes too long, or makes too much.
        """
        try:
            text = "".join(_bounded(self._compiled.generate({**variables, PURSE: [STEPS]})))
        except Exception as error:  # noqa: BLE001 - whatever it is: what it was to say is then said in plain words
            raise TemplateFailed(self.name, _line_of(error, self.name), _reason(error)) from None
        return Said.marked(_tidied(text))


def _bounded(pieces: Iterator[str]) -> Iterator[str]:
    left = OUTPUT_LIMIT
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise Spent(f"it makes more than {OUTPUT_LIMIT} characters")
        yield piece


def _read(source: str) -> nodes.Template:
    if len(source) > SOURCE_LIMIT:
        raise TemplateMistake([Objection(1, f"is longer than {SOURCE_LIMIT} characters", "split it")])
    for number, line in enumerate(source.splitlines(), 1):
        if OPEN in line or CLOSE in line:
            raise TemplateMistake([Objection(number, "holds a private character (U+E000, U+E001)", "remove it")])
    tree = _CAGE.parse(source)
    found = list(objections(tree))
    if found:
        raise TemplateMistake(found)
    return tree


def _loads(name: nodes.Name) -> bool:
    return name.ctx == "load"


def _filename(name: str) -> str:
    return f"<template {name}>"


def _line_of(error: BaseException, name: str) -> int:
    """Where in the template it happened: Jinja2 puts the template's own lines into the traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _filename(name)]
    return (lines[-1] or 0) if lines else 0


def _reason(error: BaseException) -> str:
    if isinstance(error, TemplateError | Spent):
        return _lowered(str(error))
    return f"{type(error).__name__}: {error}"


def _lowered(message: str) -> str:
    return one_line(message[:1].lower() + message[1:])[:300].rstrip(".")


def _tidied(text: str) -> str:
    """Without space at the ends, and at most one empty line at a time: what was left out leaves no hole."""
    return _HOLES.sub("\n\n", text).strip()
