"""Text from outside, made harmless: nothing in it moves a cursor, hides, or reorders what stands beside it."""

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that can move a cursor, hide or reorder text, or not be encoded at all."""


def one_line(text: str) -> str:
    """The text without line breaks and control characters, each run of space as one blank.

    Escape sequences, bidirectional overrides and lone surrogates become U+FFFD,
    so that their presence is still to be seen.
    """
    spaced = " ".join(text.split())
    if spaced.isprintable():
        return spaced
    return "".join("\ufffd" if unicodedata.category(char) in _UNSAFE else char for char in spaced)


def lines(text: str) -> str:
    """The text with its line breaks, indentation and columns, each line otherwise as `one_line` makes it."""
    return "\n".join(map(_line, text.replace("\t", "    ").splitlines()))


def _line(line: str) -> str:
    line = line.rstrip()
    if line.isprintable():
        return line
    return "".join("\ufffd" if unicodedata.category(char) in _UNSAFE else char for char in line)
