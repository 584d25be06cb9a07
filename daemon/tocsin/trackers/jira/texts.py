"""Text in Jira's formats: an Atlassian document (API version 3) or wiki markup (version 2).

Of its author's Markdown headings, lists, bold text and fenced blocks are kept;
words from outside are shown as they are.
"""

import re
from collections.abc import Iterator
from typing import Any

from tocsin.channels.text import cut
from tocsin.core.content.rendered_text import RenderedText

LIMIT = 30_000
"""Most of Jira's 32,767 characters of a text field."""

_HEADING = re.compile(r"^(#{1,6}) +")
_ITEM = re.compile(r"^\s*[-*] +(\[[ x]\] +)?")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_WIKI = re.compile(r"([\\{}\[\]*_+^~|!?#-])")
_FENCE = "```"

Node = dict[str, Any]


def document(message: RenderedText) -> Node:
    """Return the text as an Atlassian document (developer.atlassian.com, "Atlassian Document Format")."""
    blocks: list[Node] = []
    for kind, line in _lines(message):
        inline = list(_inline(line))
        if kind == "item":
            if not blocks or blocks[-1]["type"] != "bulletList":
                blocks.append({"type": "bulletList", "content": []})
            paragraph = {"type": "paragraph", "content": inline}
            blocks[-1]["content"].append({"type": "listItem", "content": [paragraph]})
        elif kind.startswith("h"):
            blocks.append({"type": "heading", "attrs": {"level": int(kind[1])}, "content": inline})
        elif inline:
            blocks.append({"type": "paragraph", "content": inline})
    return {"type": "doc", "version": 1, "content": blocks or [{"type": "paragraph", "content": []}]}


def wiki(message: RenderedText) -> str:
    """Return the text as wiki markup, with external text escaped."""
    shown: list[str] = []
    for kind, line in _lines(message):
        text = "".join(_WIKI.sub(r"\\\1", each) if foreign else _BOLD.sub(r"*\1*", each) for each, foreign in line)
        prefix = {"item": "* ", "line": ""}.get(kind, f"{kind}. ")
        shown.append(f"{prefix}{text}")
    return cut("\n".join(shown).strip("\n"), LIMIT)


def _lines(message: RenderedText) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """Yield (``h1`` ... ``h6``, ``item`` or ``line``; the line's parts, each with a flag for external text)."""
    length, fenced = 0, False
    for line in message.by_line():
        pieces = [(piece.text, piece.foreign) for piece in line.pieces]
        length += sum(len(text) for text, _ in pieces) + 1
        if length > LIMIT:
            yield "line", [("…", False)]
            return
        own = pieces[0][0] if pieces and not pieces[0][1] else ""
        if own.strip().startswith(_FENCE):
            fenced = not fenced
            continue
        heading, item = (None, None) if fenced else (_HEADING.match(own), _ITEM.match(own))
        if heading is not None:
            yield f"h{len(heading[1])}", [(own[heading.end() :], False), *pieces[1:]]
        elif item is not None:
            box = {"[ ]": "☐ ", "[x]": "☑ "}.get((item[1] or "").strip(), "")
            yield "item", [(box + own[item.end() :], False), *pieces[1:]]
        else:
            yield "line", pieces


def _inline(line: list[tuple[str, bool]]) -> Iterator[Node]:
    for text, foreign in line:
        parts = [text] if foreign else _BOLD.split(text)
        for index, part in enumerate(parts):
            if part:
                node: Node = {"type": "text", "text": part}
                yield node | ({"marks": [{"type": "strong"}]} if index % 2 else {})
