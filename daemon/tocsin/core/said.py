"""A rendered text that still knows which of its words are its author's, and which came from outside.

Whoever writes a template means its ``**bold**`` and its ``#`` headings; a
label that holds the same characters means nothing by them. Each channel gives
the author's words its own form and makes everything else harmless there.
"""

import re
from collections.abc import Iterator

import msgspec

from tocsin.core.plain import lines

OPEN, CLOSE = "\ue000", "\ue001"
"""What stands around words from outside while a text is rendered: private characters, which no such words can hold."""

_MARKS = re.compile(f"([{OPEN}{CLOSE}])")
_SUBJECT = re.compile(r"\s*Subject:[ ]*(?P<subject>[^\n]*)\n*")
_BLANK = re.compile(r"\[to fill in: [^\]\n]{1,100}\]")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#+!|~@])")
_HEADS = re.compile(r"^(\s*)([-=+]|\d+[.)])(?=\s|$)")


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Words that belong together: the author's, or from outside."""

    text: str
    foreign: bool = False


class Said(msgspec.Struct, frozen=True):
    """A text in pieces."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def marked(cls, text: str) -> "Said":
        """The text of a template that has marked what came from outside."""
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
    def written(cls, text: str) -> "Said":
        """A text that a person has written, who is its author."""
        return cls((Piece(lines(text)),))

    @property
    def plain(self) -> str:
        """The text as it reads."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def markdown(self) -> str:
        """The text for whoever renders Markdown: words from outside are escaped, so that they are seen as they are."""
        return "".join(_escaped(piece.text) if piece.foreign else piece.text for piece in self.pieces)

    @property
    def blanks(self) -> tuple[str, ...]:
        """What a person has to fill in before it can go out."""
        return tuple(dict.fromkeys(_BLANK.findall(self.plain)))

    def parted(self) -> "tuple[str, Said]":
        """The subject of a text that begins with ``Subject: ...``, and the rest of it; "" where there is none."""
        found = _SUBJECT.match(self.plain)
        if found is None:
            return "", self
        return found["subject"].strip(), self._after(found.end())

    def by_line(self) -> "Iterator[Said]":
        """Each of its lines."""
        line: list[Piece] = []
        for piece in self.pieces:
            first, *more = piece.text.split("\n")
            line.append(Piece(first, piece.foreign))
            for text in more:
                yield Said(tuple(each for each in line if each.text))
                line = [Piece(text, piece.foreign)]
        yield Said(tuple(each for each in line if each.text))

    def _after(self, count: int) -> "Said":
        kept: list[Piece] = []
        for piece in self.pieces:
            rest = piece.text[count:]
            count = max(0, count - len(piece.text))
            if rest:
                kept.append(Piece(rest, piece.foreign))
        return Said(tuple(kept))


def blank(what: str) -> str:
    """The mark of something that only a person knows."""
    return f"[to fill in: {what}]"


def _escaped(text: str) -> str:
    """Without meaning to Markdown: no mark-up, no HTML, and nobody mentioned."""
    escaped = "\n".join(_HEADS.sub(_headless, _MARKDOWN.sub(r"\\\1", line)) for line in text.split("\n"))
    # An escaped @ still mentions somebody on GitHub; one that is followed by nothing visible does not.
    return escaped.replace("\\@", "@\u200b")


def _headless(found: "re.Match[str]") -> str:
    """A line's beginning that would start a list or a heading."""
    return f"{found[1]}{found[2][:-1]}\\{found[2][-1]}"
