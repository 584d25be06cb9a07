"""A single template: reading, compiling and rendering in the sandbox."""

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from tocsin.conf.templates.cage import PURSE, STEPS, Cage, Objection, Spent, metered, objections
from tocsin.core.content.rendered_text import CLOSE, OPEN, RenderedText
from tocsin.core.content.template_context import VARIABLES
from tocsin.core.errors import TocsinError
from tocsin.core.plain_text import one_line

OUTPUT_LIMIT = 60_000
"""Maximum length of the rendered text, in characters: GitHub accepts no longer issue."""
SOURCE_LIMIT = 64 << 10
"""Maximum size of a template file."""

_CAGE = Cage()
_FOREIGN = "not filled in here: that is another syntax"
_GO = re.compile(r"\{\{-?\s*[$.][^{}]*\}\}")
"""Variables that Prometheus and Alertmanager expand."""
_UNFILLED = re.compile(r"\$?\{(?P<name>[A-Za-z_]\w*)\}")
_WRITES_UTC = re.compile(r"\bUTC\b")
_OF_BLANKS = frozenset({"author", "number"})
"""Variables that a blank contains."""
_HOLES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


class TemplateMistake(TocsinError):
    """A template cannot be used."""

    def __init__(self, objections: list[Objection]) -> None:
        self.objections = tuple(objections)
        super().__init__("; ".join(f"line {each.line}: {each.message}" for each in objections))


class TemplateFailed(TocsinError):
    """A template could not be rendered."""

    def __init__(self, name: str, line: int, reason: str, *, does_too_much: bool = False) -> None:
        self.line = line
        """0 where it is not known."""
        self.reason = reason
        self.does_too_much = does_too_much
        """True if a limit was exceeded, False if a value was missing."""
        super().__init__(f"template {name}{f', line {line}' if line else ''}: {reason}")


class MessageTemplate:
    """A text with ``{{ variables }}``. Rendering has no side effects and is thread-safe."""

    def __init__(self, name: str, source: str) -> None:
        """Compile the template.

        Raises:
            TemplateMistake: The text is not a template, or contains a forbidden construct.
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
            has_blanks = any(each.name == "blank" for each in tree.find_all(nodes.Filter))
            self.variables = frozenset(meta.find_undeclared_variables(tree)) | (
                _OF_BLANKS if has_blanks else frozenset()
            )
            """The variables that it needs from outside."""
            code = _CAGE.compile(metered(tree), name=name, filename=_filename(name))
        except TemplateSyntaxError as error:
            raise TemplateMistake([_no_template(error, source)]) from None
        except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
            raise TemplateMistake([Objection(1, "is too deeply nested", "write it simpler")]) from None
        self._compiled = jinja2.Template.from_code(_CAGE, code, {})

    def render(self, variables: Mapping[str, Any]) -> RenderedText:
        """Return the text rendered with these values.

        Raises:
            TemplateFailed: A variable is missing, or the time or output limit is exceeded.
        """
        try:
            text = "".join(_bounded(self._compiled.generate({**variables, PURSE: [STEPS]})))
        except Exception as error:  # noqa: BLE001 - whatever it is: what it was to say is then said in plain words
            line, reason = _line_of(error, self.name), _reason(error)
            raise TemplateFailed(self.name, line, reason, does_too_much=isinstance(error, Spent)) from None
        return RenderedText.marked(_tidied(text))


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
    result = [*objections(tree), *_unfilled(tree)]
    if result:
        raise TemplateMistake(result)
    return tree


def _no_template(error: TemplateSyntaxError, source: str) -> Objection:
    line = source.splitlines()[error.lineno - 1] if source.strip() else ""
    foreign = _GO.search(line)
    if foreign is None:
        return Objection(error.lineno, _lowered(error.message or "is not a template"))
    return Objection(error.lineno, f"{foreign[0]!r} is {_FOREIGN}", "write a variable such as {{ title }}")


def _unfilled(tree: nodes.Template) -> Iterator[Objection]:
    """Return placeholders of other programs and of rules, which a template would not expand."""
    for data in tree.find_all(nodes.TemplateData):
        for result in _UNFILLED.finditer(data.data):
            name = result["name"]
            if name in VARIABLES or result[0].startswith("$"):
                line = data.lineno + data.data.count("\n", 0, result.start())
                hint = f"write {{{{ {name} }}}}, or {{{{ '{result[0]}' }}}} to keep it as text"
                yield Objection(line, f"{result[0]!r} is {_FOREIGN}", hint)


def _loads(name: nodes.Name) -> bool:
    return name.ctx == "load"


def _filename(name: str) -> str:
    return f"<template {name}>"


def _line_of(error: BaseException, name: str) -> int:
    """Return the template's line of an error: Jinja2 puts the template's own lines into the traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _filename(name)]
    return (lines[-1] or 0) if lines else 0


def _reason(error: BaseException) -> str:
    if isinstance(error, TemplateError | Spent):
        return _lowered(str(error))
    return f"{type(error).__name__}: {error}"


def _lowered(message: str) -> str:
    return one_line(message[:1].lower() + message[1:])[:300].rstrip(".")


def _tidied(text: str) -> str:
    """Return the text stripped, with at most one empty line at a time, so that omitted parts leave no gap."""
    return _HOLES.sub("\n\n", text).strip()
