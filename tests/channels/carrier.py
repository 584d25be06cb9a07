"""An independent implementation of SMS segmentation: encodes the text and cuts the bytes (3GPP TS 23.038, 23.040)."""

from collections.abc import Callable

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet: a character's place is its septet. 0x1b leads to the extension table."""
EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
ESCAPE = 0x1B


def cut(text: str) -> list[bytes]:
    """Return the segments that go over the air: a septet a byte, or UTF-16 where one character needs it."""
    septets = _septets(text)
    if septets is not None:
        return _cut(septets, 160, 153, lambda data, at: at < len(data) and data[at - 1] == ESCAPE, 1)
    utf16 = text.encode("utf-16-be", "surrogatepass")
    return _cut(utf16, 140, 134, lambda data, at: at < len(data) and _is_low(data, at) and _is_high(data, at - 2), 2)


def _septets(text: str) -> bytes | None:
    data = bytearray()
    for char in text:
        if char in EXTENSION:
            data += bytes((ESCAPE, EXTENSION[char]))
        elif char in BASIC and char != "\x1b":
            data.append(BASIC.index(char))
        else:
            return None
    return bytes(data)


def _cut(data: bytes, alone: int, joined: int, splits: Callable[[bytes, int], bool], unit: int) -> list[bytes]:
    if len(data) <= alone:
        return [data]
    segments = []
    while data:
        end = min(joined, len(data))
        end -= unit if splits(data, end) else 0
        segments.append(data[:end])
        data = data[end:]
    return segments


def _is_high(data: bytes, at: int) -> bool:
    return data[at] & 0xFC == 0xD8


def _is_low(data: bytes, at: int) -> bool:
    return data[at] & 0xFC == 0xDC
