"""Evaluation of alerts by the rules, on the event loop in slices of a few milliseconds."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tocsin.core.alerts.alert import Alert

ALERTS_AT_ONCE = 100
"""Maximum number of alerts in a slice."""
TEXT_AT_ONCE = 32 * 1024
"""Maximum number of label characters in a slice: rules search that much text within a few milliseconds."""

V = TypeVar("V")


def is_quick(alerts: Sequence[Alert]) -> bool:
    """Return whether alerts fit into one slice."""
    return len(alerts) <= ALERTS_AT_ONCE and sum(map(_size, alerts)) <= TEXT_AT_ONCE


async def judged(judge: Callable[[Alert], V], alerts: Sequence[Alert]) -> list[V]:
    """Return ``judge`` of each alert, slice by slice; an alert larger than a slice is evaluated in another thread."""
    verdicts: list[V] = []
    for piece in _pieces(alerts):
        if verdicts:
            await asyncio.sleep(0)
        if len(piece) == 1 and _size(piece[0]) > TEXT_AT_ONCE:
            verdicts.append(await asyncio.to_thread(judge, piece[0]))
        else:
            verdicts += map(judge, piece)
    return verdicts


def _pieces(alerts: Sequence[Alert]) -> Iterator[Sequence[Alert]]:
    start = size = 0
    for end, alert in enumerate(alerts):
        size += _size(alert)
        if end > start and (size > TEXT_AT_ONCE or end - start >= ALERTS_AT_ONCE):
            yield alerts[start:end]
            start, size = end, _size(alert)
    yield alerts[start:]


def _size(alert: Alert) -> int:
    return len(alert.labels) + sum(map(len, alert.labels.values()))
