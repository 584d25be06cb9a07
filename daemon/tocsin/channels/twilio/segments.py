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
    """Return how many segments a text takes, counted as the carrier does.

    A character that takes two units, such as ``]`` or an emoji, is not split
    over two segments: where only one unit is left, the carrier leaves it empty.
    """
    sizes = _sizes(text)
    alone, joined = (160, 153) if is_gsm(text) else (70, 67)
    if sum(sizes) <= alone:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size > joined:
            count, used = count + 1, 0
        used += size
    return count


def is_gsm(text: str) -> bool:
    """Return whether seven bits a character are enough for it."""
    return all(char in _GSM or char in _GSM_TWICE for char in text)


def _sizes(text: str) -> list[int]:
    """Return how many units each character takes: septets, or 16-bit units."""
    if is_gsm(text):
        return [2 if char in _GSM_TWICE else 1 for char in text]
    return [2 if ord(char) > 0xFFFF else 1 for char in text]


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
