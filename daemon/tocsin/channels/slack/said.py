"""A message's own words as Slack's mrkdwn: its author's Markdown in Slack's form, everything else as it is."""

import re
from collections.abc import Iterable

from tocsin.channels.slack.mrkdwn import entities
from tocsin.channels.text import is_link
from tocsin.core.said import Said

SECTION_LIMIT = 2900
TEXT_LIMIT = 9000
"""What a message may take of all that fits into one post."""

_HEADING = re.compile(r"^#{1,6} +")
_BOX = {"- [ ] ": "☐ ", "- [x] ": "☑ "}


def sections(said: Said, links: Iterable[str], more: str) -> list[str]:
    """The text in pieces that fit into a block each; ``more`` stands in place of what is too much.

    ``links`` are links that tocsin knows itself: only they can be followed.
    """
    known = sorted({entities(link) for link in links if is_link(link)}, key=len, reverse=True)
    found = [""]
    length = 0
    for line in said.by_line():
        shown = _linked(_line(line), known)
        length += len(shown) + 1
        if length > TEXT_LIMIT:
            found.append(more)
            break
        if len(found[-1]) + len(shown) + 1 > SECTION_LIMIT:
            found.append("")
        found[-1] += f"{shown}\n"
    return [section.strip("\n") for section in found if section.strip()]


def _line(line: Said) -> str:
    """One line, which is cut where it alone would fill a block."""
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
    """The line in so many characters, never within an entity."""
    if len(shown) <= limit:
        return shown
    kept = shown[:limit]
    entity = kept.rfind("&")
    return (kept[:entity] if entity > limit - 6 else kept) + "…"


def _linked(line: str, known: list[str]) -> str:
    for link in known:
        if link in line and f"<{link}" not in line:
            line = line.replace(link, f"<{link}>", 1)
            break
    return line
