"""The size of an answer: as many items as fit."""

from collections.abc import Iterable

import msgspec

LARGEST_LIST = 8 * 1024 * 1024
"""Maximum number of bytes of the alerts in one answer, and of the timeline's entries."""


def fitting(items: Iterable[msgspec.Raw]) -> tuple[list[msgspec.Raw], bool]:
    """Return as many encoded items as fit into one answer; also return whether all of them do.

    Encode them one at a time, in an iterator: the encoding of very many at once keeps every other thread from running.
    """
    fit, size = list[msgspec.Raw](), 0
    for item in items:
        size += len(memoryview(item))
        if size > LARGEST_LIST:
            return fit, False
        fit.append(item)
    return fit, True
