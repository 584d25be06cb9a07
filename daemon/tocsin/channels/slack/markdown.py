"""A message's own text as Slack's mrkdwn: the author's Markdown is converted, everything else is escaped."""

import re
from collections.abc import Iterable

from tocsin.channels.slack.mrkdwn import entities
from tocsin.channels.text import is_link
from tocsin.core.content.rendered_text import RenderedText

SECTION_LIMIT = 2900
"""Maximum number of characters in one block; Slack allows 3,000."""
TEXT_LIMIT = 9000
"""Maximum number of characters of a text in one post."""

_HEADING = re.compile(r"^#{1,6} +")
_BOX = {"- [ ] ": "☐ ", "- [x] ": "☑ "}


def sections(message: RenderedText, links: Iterable[str], more: str) -> list[str]:
    """Return the text in pieces that each fit into a block; ``more`` replaces the rest of a text that is too long.

    ``links`` are the links that tocsin itself knows: only these become clickable.
    """
    known = sorted({entities(link) for link in links if is_link(link)}, key=len, reverse=True)
    pieces = [""]
    length = 0
    for line in message.by_line():
        shown = _linked(_line(line), known)
        length += len(shown) + 1
        if length > TEXT_LIMIT:
            pieces.append(more)
            break
        if len(pieces[-1]) + len(shown) + 1 > SECTION_LIMIT:
            pieces.append("")
        pieces[-1] += f"{shown}\n"
    return [section.strip("\n") for section in pieces if section.strip()]


def _line(line: RenderedText) -> str:
    """Return one line in mrkdwn; a line that would fill a block alone is cut."""
    first = line.pieces[0] if line.pieces and not line.pieces[0].foreign else None
    heading = _HEADING.match(first.text) if first is not None else None
    shown = "".join(_piece(piece.text, foreign=piece.foreign) for piece in line.pieces)
    if heading is not None:
        bare = shown[len(heading[0]) :].replace("*", "")
        shown = f"*{bare}*"
    for markdown, box in _BOX.items():
        if first is not None and first.text.startswith(markdown):
            shown = box + shown[len(markdown) :]
    return _cut(shown, SECTION_LIMIT - 10)


def _piece(text: str, *, foreign: bool) -> str:
    escaped = entities(text)
    return escaped if foreign else escaped.replace("**", "*")


def _cut(shown: str, limit: int) -> str:
    """Return the line cut to a number of characters, cut between two words, and never within an entity."""
    if len(shown) <= limit:
        return shown
    kept = shown[:limit]
    entity = kept.rfind("&")
    kept = kept[:entity] if entity > limit - 6 else kept
    space = kept.rfind(" ")
    return (kept[:space] if space > limit // 2 else kept) + "…"


def _linked(line: str, known: list[str]) -> str:
    for link in known:
        if link in line and f"<{link}" not in line:
            line = line.replace(link, f"<{link}>", 1)
            break
    return line
