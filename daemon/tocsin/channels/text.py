"""Sanitizing and truncation of external text, which every channel uses."""

import re
from collections.abc import Iterable, Sequence

from tocsin.core.plain_text import one_line

__all__ = [
    "cut",
    "cut_list",
    "cut_words",
    "ends_in_command",
    "is_link",
    "lines_of",
    "one_line",
    "plain",
    "sentence",
    "without",
]

_URL = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?#][!-~]*)?")
_URL_LIMIT = 2000
_COMMAND = re.compile(
    r": ((?:on a computer: )?(?:tocsin (?:incidents|postmortem|oncall) |reply ack )[^:]*)\Z", re.ASCII
)
_ENDS = frozenset(".!?…。")
LINES = 10
"""Maximum number of lines of a request or an outcome in a message."""


def cut(text: str, limit: int) -> str:
    """Return the text in at most ``limit`` characters; a cut is marked."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut_words(text: str, limit: int) -> str:
    """Return the text in at most ``limit`` characters, cut between two words where there is a space late enough."""
    if len(text) <= limit:
        return text
    kept = text[: max(0, limit - 1)]
    space = kept.rfind(" ")
    return f"{kept[:space] if space > limit // 2 else kept}".rstrip(" ,;:") + "…"


def cut_list(items: Sequence[str], limit: int, unseen: int = 0) -> str:
    """Return ``a, b and 3 more``: as many items as fit, and the number of the rest, including ``unseen`` ones."""
    shown: list[str] = []
    length = 0
    for item in items:
        part = cut_words(item, limit)
        length += len(part) + 2
        if length > limit and shown:
            break
        shown.append(part)
    more = len(items) - len(shown) + unseen
    if not shown:
        return f"{more} more"
    return f"{', '.join(shown)} and {more} more" if more else ", ".join(shown)


def ends_in_command(text: str) -> tuple[str, str]:
    """Return a text without the command at its end, and that command; "" if it has none."""
    match = _COMMAND.search(text)
    return (text[: match.start(1)].rstrip(), match[1]) if match is not None else (text, "")


def lines_of(text: str) -> list[str]:
    """Return the lines of one of tocsin's own texts, in which each command has a line of its own."""
    return [line for line in text.split("\n")[:LINES] if line]


def sentence(text: str) -> str:
    """Return the text with a period at its end, where it does not end like a sentence or in a command."""
    text = text.rstrip()
    return text if not text or text[-1] in _ENDS or _COMMAND.search(text) else f"{text.rstrip(',;:')}."


def plain(text: str, limit: int) -> str:
    """Return one sanitized line of at most ``limit`` characters, cut between two words."""
    # The front is cut first: a label may hold megabytes, and only its beginning is looked at.
    return cut_words(one_line(text[: 4 * limit + 16]), limit)


def is_link(text: str) -> bool:
    """Return whether providers accept this as a link: an ASCII web address of reasonable length."""
    return len(text) <= _URL_LIMIT and _URL.fullmatch(text) is not None and not set(text) & set('<>|"')


def without(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret in it replaced."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "<secret>")
    return text
