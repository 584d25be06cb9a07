"""What every channel does with text that comes from outside: make it harmless, make it fit."""

import re
from collections.abc import Iterable

from tocsin.core.plain import one_line

__all__ = ["cut", "is_link", "one_line", "plain", "without"]

_URL = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?#][!-~]*)?")
_URL_LIMIT = 2000


def cut(text: str, limit: int) -> str:
    """The text in at most ``limit`` characters; a cut is marked."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


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
