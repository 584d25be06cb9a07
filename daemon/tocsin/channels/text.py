"""What every channel does with text that comes from outside: make it harmless, make it fit."""

import re
from collections.abc import Iterable, Sequence

from tocsin.core.plain import one_line

__all__ = ["cut", "cut_list", "cut_words", "is_link", "one_line", "plain", "sentence", "without"]

_URL = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?#][!-~]*)?")
_URL_LIMIT = 2000
_ENDS = frozenset(".!?…。")


def cut(text: str, limit: int) -> str:
    """The text in at most ``limit`` characters; a cut is marked."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut_words(text: str, limit: int) -> str:
    """Return the text in at most ``limit`` characters, cut between two words where there is a space late enough."""
    if len(text) <= limit:
        return text
    kept = text[: max(0, limit - 1)]
    space = kept.rfind(" ")
    return f"{kept[:space] if space > limit // 2 else kept}".rstrip(" ,;:") + "…"


def cut_list(items: Sequence[str], limit: int, unseen: int = 0) -> str:
    """Return ``a, b and 3 more``: as many items as fit, and how many there are besides, ``unseen`` ones included."""
    shown: list[str] = []
    length = 0
    for item in items:
        part = cut(item, limit)
        length += len(part) + 2
        if length > limit and shown:
            break
        shown.append(part)
    more = len(items) - len(shown) + unseen
    if not shown:
        return f"{more} more"
    return f"{', '.join(shown)} and {more} more" if more else ", ".join(shown)


def sentence(text: str) -> str:
    """Return the text with a period at its end, where it does not end like a sentence."""
    text = text.rstrip()
    return text if not text or text[-1] in _ENDS else f"{text.rstrip(',;:')}."


def plain(text: str, limit: int) -> str:
    """One harmless line of at most ``limit`` characters."""
    # The front is cut first: a label may hold megabytes, and only its beginning is looked at.
    return cut(one_line(text[: 4 * limit + 16]), limit)


def is_link(text: str) -> bool:
    """Whether a provider will take this as a link: a web address in ASCII, of a sensible length."""
    return len(text) <= _URL_LIMIT and _URL.fullmatch(text) is not None and not set(text) & set('<>|"')


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it replaced."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "<secret>")
    return text
