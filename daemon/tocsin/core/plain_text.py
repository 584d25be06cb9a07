"""Text from outside, made safe: it cannot move the cursor, hide, or reorder the text around it."""

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that can move a cursor, hide or reorder text, or cannot be encoded."""


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters, each run of white space as one blank.

    Escape sequences, bidirectional overrides and lone surrogates become U+FFFD,
    so that they stay visible.
    """
    spaced = " ".join(text.split())
    if spaced.isprintable():
        return spaced
    return "".join("\ufffd" if unicodedata.category(char) in _UNSAFE else char for char in spaced)


def lines(text: str) -> str:
    """Return the text with its line breaks, indentation and columns; otherwise each line is cleaned like `one_line`."""
    return "\n".join(map(_line, text.replace("\t", "    ").splitlines()))


def _line(line: str) -> str:
    line = line.rstrip()
    if line.isprintable():
        return line
    return "".join("\ufffd" if unicodedata.category(char) in _UNSAFE else char for char in line)
