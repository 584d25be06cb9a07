"""Suggestions for unknown keys."""

import re
from collections.abc import Iterable

from tocsin.core.suggestions import did_you_mean

_WORD = re.compile(r"[\w.-]+")


def key_hint(key: str, known: Iterable[str]) -> str:
    """Return the hint for an unknown key: a key that lacks its colon or the space after it, or a mistyped one."""
    known = list(known)
    word = _WORD.match(key)
    if word is not None and word[0] in known and word[0] != key:
        rest = key[word.end() :].lstrip(": ").replace("`", "")
        rest += ": ...}" if "{" in rest else ""
        missing = "a space is missing after the colon" if key[word.end()] == ":" else "a colon is missing"
        return f"{missing}: write `{word[0]}: {rest}`"
    return did_you_mean(key, known)
