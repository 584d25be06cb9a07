"""Rendered text that distinguishes the words of its author from words from outside.

In a template, ``**bold**`` and ``#`` headings are meant as formatting; in a
label, the same characters are plain text. Each channel formats the author's
words in its own way and escapes all others.
"""

import re
from collections.abc import Iterator

import msgspec

from tocsin.core.plain_text import lines

OPEN, CLOSE = "\ue000", "\ue001"
"""Marks around words from outside during rendering: private-use characters, which are removed from these words."""

_MARKS = re.compile(f"([{OPEN}{CLOSE}])")
_SUBJECT = re.compile(r"\s*Subject:[ ]*(?P<subject>[^\n]*)\n*")
_HEADING = re.compile(r"^#{1,6} +")
_BLANK = re.compile(r"\[to fill in: [^\]\n]{1,500}\]")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#+!|~@])")
_HEADS = re.compile(r"^(\s*)([-=+]|\d+[.)])(?=\s|$)")


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive words with the same origin: the author, or outside."""

    text: str
    foreign: bool = False
    """True for words from outside."""


class RenderedText(msgspec.Struct, frozen=True):
    """A rendered text, in pieces by origin."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def marked(cls, text: str) -> "RenderedText":
        """Return the text of a template's output, in which `OPEN` and `CLOSE` mark words from outside."""
        pieces: list[Piece] = []
        depth = 0
        for part in _MARKS.split(text):
            if part == OPEN:
                depth += 1
            elif part == CLOSE:
                depth = max(0, depth - 1)
            elif part:
                pieces.append(Piece(part, depth > 0))
        return cls(tuple(pieces))

    @classmethod
    def written(cls, text: str) -> "RenderedText":
        """Return the text of a person: all its words are the author's."""
        return cls((Piece(lines(text)),))

    @property
    def plain(self) -> str:
        """Return the text without marks."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def unmarked(self) -> str:
        """Return the text as plain text, without the author's marks for bold words and headings."""
        return "\n".join(_unmarked(line) for line in self.by_line())

    @property
    def markdown(self) -> str:
        """Return the text as Markdown, with words from outside escaped so that they are shown literally."""
        return "".join(_escaped(piece.text) if piece.foreign else piece.text for piece in self.pieces)

    @property
    def blanks(self) -> tuple[str, ...]:
        """Return the placeholders that a person has to fill in before the text is sent."""
        return tuple(dict.fromkeys(_BLANK.findall(self.plain)))

    def split_subject(self) -> "tuple[str, RenderedText]":
        """Return the subject of a text that begins with ``Subject: ...``, and the rest; "" if there is no subject."""
        match = _SUBJECT.match(self.plain)
        if match is None:
            return "", self
        return match["subject"].strip(), self._after(match.end())

    def by_line(self) -> "Iterator[RenderedText]":
        """Yield the lines of the text."""
        line: list[Piece] = []
        for piece in self.pieces:
            first, *more = piece.text.split("\n")
            line.append(Piece(first, piece.foreign))
            for text in more:
                yield RenderedText(tuple(part for part in line if part.text))
                line = [Piece(text, piece.foreign)]
        yield RenderedText(tuple(part for part in line if part.text))

    def _after(self, count: int) -> "RenderedText":
        kept: list[Piece] = []
        for piece in self.pieces:
            rest = piece.text[count:]
            count = max(0, count - len(piece.text))
            if rest:
                kept.append(Piece(rest, piece.foreign))
        return RenderedText(tuple(kept))


def blank(what: str, who: str = "", how: str = "") -> str:
    """Return a placeholder for a fact that only a person knows: what is missing, and who records it how."""
    author = f"{OPEN}{who.replace(']', ')')}{CLOSE}" if who else ""
    ways = ": ".join(filter(None, (author, how)))
    return f"[to fill in: {what}{f'; {ways}' if ways else ''}]"


def _unmarked(line: RenderedText) -> str:
    texts = [piece.text if piece.foreign else piece.text.replace("**", "") for piece in line.pieces]
    if line.pieces and not line.pieces[0].foreign:
        texts[0] = _HEADING.sub("", texts[0])
    return "".join(texts)


def _escaped(text: str) -> str:
    """Escape the text for Markdown, so that it has no formatting, no HTML and no mentions."""
    escaped = "\n".join(_HEADS.sub(_escaped_start, _MARKDOWN.sub(r"\\\1", line)) for line in text.split("\n"))
    # GitHub still treats an escaped @ as a mention, but not one that an invisible character follows.
    return escaped.replace("\\@", "@\u200b")


def _escaped_start(match: "re.Match[str]") -> str:
    """Return the start of a line, escaped so that it begins no list or heading."""
    return f"{match[1]}{match[2][:-1]}\\{match[2][-1]}"
