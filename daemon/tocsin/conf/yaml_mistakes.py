"""Explanations of YAML syntax errors. PyYAML's own messages are technical, and often point past the mistake."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Characters at which PyYAML ends a line."""
SECRET = re.compile(r"(?i)(?:secret|token|password|passwd|routing_key|credential|url)\w*")
"""A word in a line that may contain a secret by mistake: the text of such a line is not repeated."""
WIDTH = 100
"""Maximum number of characters of a line that are shown."""

_KEY = re.compile(r"(?P<dashes>(?:[ \t]|- +)*)(?P<key>[^\s:#\"'\[{][^:]*?):[ \t]+(?P<value>\S.*)")
_ENTRY = re.compile(r"(?P<dashes>(?:[ \t]|- +)*)(?P<text>\S.*)")
_BARE_KEY = re.compile(r"(?:[ \t]|- +)*(?P<key>[\w.-]+) +[\[{]")
_QUOTES = "write quotes around the whole text"


class Mistake(NamedTuple):
    """An error and its remedy; lines and columns count from 0."""

    line: int
    column: int
    message: str
    hint: str


class _Place(NamedTuple):
    """The position where the parser stopped, and its context."""

    lines: list[str]
    line: int
    column: int
    context: tuple[int, int]
    """The start of the construct that the parser was reading; the position itself if there was none."""
    problem: str

    @property
    def text(self) -> str:
        """Return the line."""
        return self.line_at(self.line)

    def line_at(self, number: int) -> str:
        """Return a line, "" beyond the end."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def above(self, number: int) -> int:
        """Return the nearest line above that is not blank or a comment, -1 if there is none."""
        result = (at for at in range(number - 1, -1, -1) if self.lines[at].strip() and not _is_comment(self.lines[at]))
        return next(result, -1)

    @property
    def is_secret(self) -> bool:
        """Return whether the line must not be quoted."""
        return SECRET.search(self.text) is not None


def explained(error: yaml.MarkedYAMLError, text: str, quote: tuple[int, int, int] | None, at: Any) -> Mistake:
    """Return the explanation of a text that the parser has refused.

    Args:
        error: The parser's message.
        text: The whole text.
        quote: Line and column of the last quoted text that spans several lines, and the line where it ends.
        at: The position that the parser has reached, for an error without a position.
    """
    mark = error.problem_mark or error.context_mark or at
    context = error.context_mark or mark
    lines = BREAKS.split(text)
    problem = f"{error.context or ''}: {error.problem or ''}"
    place = _Place(lines, mark.line, mark.column, (context.line, context.column), problem)
    tab = _tab(place)
    if tab is not None:
        return tab
    if quote is not None and quote[2] == mark.line:
        hint = f"close it in line {quote[0] + 1}"
        return Mistake(quote[0], quote[1], f"this quotation mark is closed only in line {quote[2] + 1}", hint)
    for pattern, explain in _EXPLANATIONS:
        if pattern.search(problem):
            return explain(place)
    return _anything(place)


def excerpt(text: str, line: int, column: int) -> str:
    """Return a line of a text with a caret below one of its columns; lines and columns count from 1.

    A line that may hold a secret by mistake is covered behind its key; an empty line is "".
    """
    lines = BREAKS.split(text)
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return ""
    shown = "".join(char if char.isprintable() else "→" if char == "\t" else "?" for char in lines[line - 1])
    if (secret := SECRET.search(shown)) is not None:
        shown = shown[: secret.end()] + re.sub(r"[^\s:]", "*", shown[secret.end() :])
    begin = max(0, min(column - 1 - WIDTH // 2, len(shown) - WIDTH))
    cut = shown[begin : begin + WIDTH]
    return f"    {cut}\n    {' ' * (column - 1 - begin)}^"


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _tab(place: _Place) -> Mistake | None:
    """Return the position of the tab that causes the error: in the indentation, or where the parser stopped."""
    for number in dict.fromkeys((place.line, place.above(place.line), place.context[0])):
        line = place.line_at(number)
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation and line.strip():
            message = "a tab stands in the indentation, where YAML takes only spaces"
            return Mistake(number, indentation.index("\t"), message, "write spaces instead of the tab")
    if place.text[place.column : place.column + 1] == "\t":
        return Mistake(place.line, place.column, "a tab stands where YAML takes only spaces", "write a space instead")
    return None


def _quoted(text: str) -> str:
    """Return a text in the kind of quotes that needs fewer escapes."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _quote_hint(place: _Place, value: str) -> str:
    return f"{_QUOTES}" if place.is_secret else f"{_QUOTES}: {_quoted(value)}"


def _value(place: _Place) -> tuple[int, str] | None:
    """Return (column, value) for the value of a key or of a list item; None if the line has neither."""
    match = _KEY.match(place.text)
    if match is not None:
        return match.start("value"), match["value"].rstrip()
    entry = _ENTRY.match(place.text)
    if entry is not None and "- " in entry["dashes"]:
        return entry.start("text"), entry["text"].rstrip()
    return None


def _unexpected(place: _Place) -> Mistake:
    """Explain a token that cannot follow at its position."""
    word = _BARE_KEY.match(place.text)
    if word is not None:
        return _no_colon(place._replace(context=(place.line, word.start("key"))))
    value = _value(place)
    if value is not None and value[0] < place.column and value[1][0] in "{[\"'":
        column, text = value
        opening = text[0]
        if opening in "{[":
            kind = "a mapping" if opening == "{" else "a list"
            return Mistake(
                place.line, column, f"a value that begins with {opening} is {kind}", _quote_hint(place, text)
            )
        message = f"text follows after the closing {opening}"
        inner = text[1:-1] if text.endswith(opening) and len(text) > 1 else text
        return Mistake(place.line, place.column, message, _quote_hint(place, inner))
    result = place.text.strip()
    if result[:1] in ("}", "]", ",") and result:
        return Mistake(place.line, place.column, f"nothing is open that this {result[0]} could belong to", "remove it")
    if re.match(r"\s*-(\s|$)", place.text):
        hint = f"indent it {_like(place, items=True)}, or write a key with a colon above it"
        return Mistake(place.line, place.column, "a list item (-) stands where a key is expected", hint)
    return _indented(place)


def _indented(place: _Place) -> Mistake:
    width = len(place.text) - len(place.text.lstrip(" "))
    spaces = f"{width} space" if width == 1 else f"{width} spaces"
    message = f"this line is indented by {spaces}, which fits no line above it"
    return Mistake(place.line, place.column, message, f"indent it {_like(place)}")


def _like(place: _Place, *, items: bool = False) -> str:
    """Return the indentation of the nearest line above to which this line could belong."""
    width = len(place.text) - len(place.text.lstrip(" "))
    columns: dict[int, int] = {}
    for number in range(place.line - 1, -1, -1):
        line = place.lines[number]
        entry = _ENTRY.match(line)
        if entry is None or _is_comment(line):
            continue
        first = len(line) - len(line.lstrip(" "))
        is_item = "- " in entry["dashes"]
        for column in {first} if items else {first, entry.start("text")}:
            if is_item or not items:
                columns.setdefault(column, number)
        if first == 0:
            break
    if not columns:
        return "like the lines above it"
    column = min(columns, key=lambda each: (abs(each - width), -each))
    return f"by {column} {'space' if column == 1 else 'spaces'}, like line {columns[column] + 1}"


def _second_colon(place: _Place) -> Mistake:
    """Explain a colon that cannot end a key."""
    value = _value(place)
    if value is not None and value[0] < place.column:
        column, text = value
        return Mistake(place.line, column, "a text with a colon and a space needs quotes", _quote_hint(place, text))
    above = place.above(place.line)
    entry = _ENTRY.match(place.line_at(above))
    if entry is not None and ":" not in entry["text"]:
        return _no_colon(place._replace(line=above, context=(above, entry.start("text"))))
    message = f"this line is indented further than line {above + 1}, which has a value already"
    return Mistake(place.line, len(place.text) - len(place.text.lstrip()), message, f"indent it {_like(place)}")


def _no_colon(place: _Place) -> Mistake:
    """Explain a line that should be a key and its value."""
    line, column = place.context
    place = place._replace(line=line, column=column)
    text = place.text[column:].strip()
    glued = re.match(r"([\w.-]+):(\S.*)", text)
    spaced = re.match(r"([\w.-]+) +(\S.*)", text)
    if glued is not None:
        hint = "write a space after it" if place.is_secret else f"write {glued[1]}: {glued[2]}"
        return Mistake(line, column + glued.end(1), "a space is missing after the colon", hint)
    if spaced is not None:
        hint = "write KEY: VALUE" if place.is_secret else f"write {spaced[1]}: {spaced[2]}"
        return Mistake(line, column + spaced.end(1), "a colon is missing", hint)
    hint = "write KEY: VALUE" if place.is_secret or not text else f"write {text}: and a value"
    return Mistake(line, column, "a colon is missing", hint)


def _unclosed_quote(place: _Place) -> Mistake:
    line, column = place.context
    mark = place.line_at(line)[column : column + 1]
    return Mistake(line, column, "this quotation mark is never closed", f"write {mark} at the end of the text")


def _flow(place: _Place) -> Mistake:
    """Explain a malformed mapping or list in brackets."""
    line, column = place.context
    opening = place.line_at(line)[column : column + 1]
    closing = {"{": "}", "[": "]"}.get(opening, "its end")
    if place.line != line or not place.text[place.column :].strip():
        hint = f"write {closing} at its end"
        return Mistake(line, column, f"this {opening} is not closed", f"{hint}, or quotes around a text")
    hint = f"separate entries by commas, and write quotes around a text that holds any of {{ }} [ ] , : {chr(34)}"
    return Mistake(place.line, place.column, f"a comma or {closing} is missing before this", hint)


def _no_content(place: _Place) -> Mistake:
    result = place.text[place.column : place.column + 1]
    if not result:
        return _anything(place)
    message = f"a value cannot begin with {result}"
    return Mistake(place.line, place.column, message, f"remove it, or {_QUOTES}")


def _wrong_start(place: _Place) -> Mistake:
    """Explain a text that begins with a character that has another meaning in YAML."""
    line, column = place.context if place.problem.startswith("while scanning a") else (place.line, place.column)
    place = place._replace(line=line, column=column)
    if "for the next token" in place.problem:
        place = place._replace(column=min(place.column, len(place.text)))
    rest = place.text[place.column :]
    is_inside = place.text[: place.column].count("{") > place.text[: place.column].count("}")
    text = re.split(r"[,}\]]", rest)[0].rstrip() if is_inside else rest.rstrip()
    hint = _quote_hint(place, text)
    return Mistake(place.line, place.column, f"a text must not begin with {rest[:1]} without quotes", hint)


def _block_text(place: _Place) -> Mistake:
    line, column = place.context
    mark = place.line_at(line)[column : column + 1]
    message = f"after {mark} a text begins in the next line"
    return Mistake(line, column, message, f"write the text there, indented, or {_QUOTES}")


def _escape(place: _Place) -> Mistake:
    start = max(0, place.text.rfind("\\", 0, place.column + 1))
    written = place.text[start : start + 2]
    hint = f"write \\{written} for a backslash, or single quotes around the text"
    return Mistake(place.line, start, f"{written} means nothing in double quotes", hint)


def _second_document(place: _Place) -> Mistake:
    hint = "remove the line, or write what follows into a file of its own"
    return Mistake(place.line, place.column, "a second document begins here; a file holds one", hint)


def _after_the_end(place: _Place) -> Mistake:
    above = place.above(place.line)
    if place.line_at(above).startswith("%"):
        return _directive(place._replace(context=(above, 0)))
    message = "nothing may follow here: the value above is complete"
    return Mistake(place.line, place.column, message, "write `key: value` lines, and remove a line of ... above")


def _list_in_line(place: _Place) -> Mistake:
    hint = "write each item on a line of its own below the key, or [a, b]"
    return Mistake(place.line, place.column, "a list item (-) cannot stand behind a key", hint)


def _directive(place: _Place) -> Mistake:
    line, column = place.context if place.line_at(place.context[0]).startswith("%") else (place.line, place.column)
    return Mistake(line, column, "a line must not begin with %", "remove it, or write quotes around a text")


def _tag(place: _Place) -> Mistake:
    line, column = place.context
    return Mistake(line, column, "a tag (!...) is not allowed", "remove it; put text in quotes")


def _too_deep(place: _Place) -> Mistake:
    return Mistake(place.line, place.column, place.problem.rpartition(": ")[2], "write it with fewer")


def _anything(place: _Place) -> Mistake:
    hint = "look here and in the line above for a missing colon, quote or bracket, or a wrong indentation"
    return Mistake(place.line, place.column, "this cannot be read as YAML", hint)


_EXPLANATIONS: list[tuple[re.Pattern[str], Callable[[_Place], Mistake]]] = [
    (re.compile(pattern), explain)
    for pattern, explain in (
        ("nested deeper", _too_deep),
        ("quoted scalar.*(unexpected end of stream|document separator)", _unclosed_quote),
        ("unknown escape|escape sequence", _escape),
        ("directive|incompatible YAML", _directive),
        ("scanning an? (alias|anchor)", _wrong_start),
        ("tag", _tag),
        ("cannot start any token", _wrong_start),
        ("block scalar", _block_text),
        ("another document", _second_document),
        ("<document start>", _after_the_end),
        ("could not find expected ':'", _no_colon),
        ("mapping values are not allowed", _second_colon),
        ("sequence entries are not allowed", _list_in_line),
        ("flow (mapping|sequence)", _flow),
        ("node content", _no_content),
        ("<block end>|block (mapping|collection|sequence)", _unexpected),
    )
]
