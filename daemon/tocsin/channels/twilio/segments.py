"""What an SMS may hold: GSM 03.38 seven-bit text or UCS-2, in segments of 160 or 70 characters.

In several segments each loses some for the header that joins them: 153 or 67.
"""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
"""These take two of the 160."""


def segments(text: str) -> int:
    """How many segments a text takes."""
    seven_bit = is_gsm(text)
    length = units(text, seven_bit=seven_bit)
    alone, joined = (160, 153) if seven_bit else (70, 67)
    return 1 if length <= alone else -(-length // joined)


def is_gsm(text: str) -> bool:
    """Whether seven bits a character are enough for it."""
    return all(char in _GSM or char in _GSM_TWICE for char in text)


def units(text: str, *, seven_bit: bool) -> int:
    """Its length as it is counted: septets, or 16-bit units."""
    if seven_bit:
        return len(text) + sum(char in _GSM_TWICE for char in text)
    return len(text.encode("utf-16-le", errors="replace")) // 2


def fitted(head: str, tail: str, most: int) -> str:
    """``head`` and ``tail`` in at most so many segments; a head that is cut ends in ``...``.

    The tail says what to do, and is never cut.
    """
    if segments(head + tail) <= most:
        return head + tail
    low, high = 0, len(head)
    while low < high:
        middle = (low + high + 1) // 2
        if segments(f"{head[:middle].rstrip()}...{tail}") <= most:
            low = middle
        else:
            high = middle - 1
    return f"{head[:low].rstrip()}...{tail}"
