"""Segments of an SMS: GSM 03.38 seven-bit text or UCS-2, 160 or 70 characters each.

In several segments, each loses some for the header that joins them: 153 or 67 remain.
"""

from collections.abc import Collection, Sequence

from tocsin.channels.text import ends_in_command

CUT = "(cut)"
"""The mark of a text whose end is missing."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
"""Characters that count as two of the 160."""


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
    """Return ``head`` and ``tail`` in at most that many segments; the head is cut after a word, with ``...``.

    The tail has the instructions, and is never cut.
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
    kept = head[:low]
    space = kept.rfind(" ") if head[low : low + 1] not in ("", " ") else -1
    return f"{(kept[:space] if space > low // 2 else kept).rstrip(' ,;:')}...{tail}"


def fitting_lines(lines: Sequence[str], most: int) -> str:
    """Return the first lines that fit into so many segments, with a mark if some are missing; a line is never cut.

    Only the first line is cut if it is too long by itself.
    """
    for count in range(len(lines), 0, -1):
        text = "\n".join([*lines[:count], *([CUT] if count < len(lines) else [])])
        if segments(text) <= most:
            return text
    return fitted(lines[0], "", most) if lines else ""


def packed(
    head: str, parts: Sequence[str], tail: str, most: int, *, rest: str = "", optional: Collection[str] = ()
) -> str:
    """Return ``head``, the parts that fit, and ``tail`` in at most that many segments.

    No part is cut: one that does not fit is left out with all after it, but a command that fits takes its place. The
    text then says that it is cut, and if there is room, where the ``rest`` is; not if only ``optional`` parts are
    missing. A command has a line of its own.
    """
    text, end, missing = _filled(head, parts, tail, most)
    if all(part in optional for part in missing):
        return fitted(text, end, most)
    if rest and segments(cut := f"{text}\n{CUT} {rest}\n{tail.lstrip()}".rstrip()) <= most:
        return cut
    text, end, _ = _filled(head, parts, f" {CUT}{tail}", most)
    return text + end if segments(text + end) <= most else fitted(text, tail, most)


def _filled(head: str, parts: Sequence[str], tail: str, most: int) -> tuple[str, str, list[str]]:
    """Return a text with the parts that fit, its tail, and the missing parts."""
    text, is_after_command = head, False
    missing: list[str] = []
    for part in parts:
        is_command = bool(ends_in_command(part)[1])
        longer = f"{text}{_gap(is_command or is_after_command)}{part}"
        if (is_command or not missing) and segments(longer + tail) <= most:
            text, is_after_command = longer, is_command
        else:
            missing.append(part)
    return text, f"{_gap(is_after_command)}{tail[1:]}" if tail else "", missing


def _gap(is_line: bool) -> str:
    return "\n" if is_line else " "
