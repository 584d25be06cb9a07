"""The people that a Slack message notifies, from its text as Slack parses it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SEQUENCE = re.compile(r"<([^<>\n]*)>")
_AT = re.compile(r"(?<!\w)@(channel|here|everyone)\b")
_EVERYBODY = ("channel", "here", "everyone")


@dataclass(frozen=True)
class NotifiedUsers:
    """The recipients of a message's notification."""

    users: tuple[str, ...] = ()
    """User ids, once each, in order."""
    everybody: tuple[str, ...] = ()
    """``channel``, ``here``, ``everyone`` and ``subteam^S...``, which a label must never cause."""
    stray: tuple[str, ...] = ()
    """Sequences in angle brackets that are no mention, no date and no link: something was not escaped."""


NOT_NOTIFIED = NotifiedUsers()


def notified(text: str, blocks: list[dict[str, Any]], *, parses_names: bool) -> NotifiedUsers:
    """Return the people that a message with this text and these blocks notifies.

    ``parses_names``: it was posted with ``link_names`` or ``parse: full``, which turn bare names into mentions.
    """
    users, everybody, stray = [], [], []
    for markup in (text, *_marked_up(blocks)):
        for sequence in _SEQUENCE.findall(markup):
            content = sequence.partition("|")[0]
            if re.fullmatch(r"@[UW][A-Z0-9]+", content):
                users.append(content[1:])
            elif content.startswith("!subteam^") or (content[1:] in _EVERYBODY and content[:1] == "!"):
                everybody.append(content[1:])
            elif not _is_harmless(content):
                stray.append(sequence)
        if parses_names:
            everybody += _AT.findall(markup)
    return NotifiedUsers(_once(users), _once(everybody), _once(stray))


def _is_harmless(content: str) -> bool:
    is_date = re.fullmatch(r"!date\^\d+\^[^^]+(\^https?://\S+)?", content)
    return bool(is_date or re.fullmatch(r"#C[A-Z0-9]+|(https?://|mailto:)\S+", content))


def _marked_up(node: object) -> Iterator[str]:
    """Return the texts of every mrkdwn object in the blocks; plain_text is not parsed for mentions."""
    if isinstance(node, list):
        for child in node:
            yield from _marked_up(child)
    elif isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield str(node.get("text", ""))
        else:
            for child in node.values():
                yield from _marked_up(child)


def _once(items: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
