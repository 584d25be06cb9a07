"""A source's heartbeat (its Watchdog alert), and the doubts about a source without one.

When Prometheus dies, its Alertmanager receives no more alerts and resolves all
of them some minutes later, the Watchdog among them: the outage looks like a
recovery.
"""

from collections.abc import Sequence

import msgspec

from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.typed_replace import replace

SAME_BEAT = 10 * SECOND
"""Time between two beats below which the second one is a copy, and says nothing about the Watchdog's interval."""
MISSING_AFTER = 90 * SECOND
"""Minimum time without a beat before a Watchdog is missing, however short its interval is."""
SILENT_AFTER = 3 * MINUTE
"""Minimum time without a beat before the missing Watchdog becomes an incident of its own."""

MANY = 10
"""While the Watchdog is missing, the end is doubted if so many episodes, and half of the source's, end together."""
TOGETHER = 5 * MINUTE
"""Time within which episodes end "together"."""
LOOK_EVERY = 30 * SECOND
"""Longest time until a returned Watchdog is noticed."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The last beats of a source's Watchdog. Times are microseconds since the epoch, UTC."""

    source: str
    last_seen_at: int
    """The time at which the Watchdog was last seen firing."""
    every: int | None = None
    """The time between the last two beats, or half of the previous value if that is longer; None before the second.

    A restarted Alertmanager repeats a beat at once although its interval is four hours: one short gap does not make the
    interval short.
    """
    lost_at: int | None = None
    """The time at which the Watchdog was reported resolved; None if it has fired since."""


def beaten(source: str, before: Heartbeat | None, now: int) -> Heartbeat:
    """Return the heartbeat with the beat of ``now``."""
    if before is None:
        return Heartbeat(source=source, last_seen_at=now)
    gap = now - before.last_seen_at
    every = before.every if gap < SAME_BEAT else max(gap, (before.every or 0) // 2)
    return Heartbeat(source=source, last_seen_at=now, every=every)


def lost(before: Heartbeat, now: int) -> Heartbeat:
    """Return the heartbeat as lost: a resolved Watchdog means that its Prometheus has stopped."""
    return before if before.lost_at is not None else replace(before, lost_at=now)


def is_missing(heartbeat: Heartbeat, now: int) -> bool:
    """Return whether the beat is half an interval late, so that the source's resolves are in doubt."""
    return _is_late(heartbeat, now, heartbeat.last_seen_at, 3, MISSING_AFTER)


def is_silent(heartbeat: Heartbeat, now: int, since: int) -> bool:
    """Return whether three beats in a row are missing, so that people must be notified.

    ``since`` is the time at which tocsin began to listen.
    """
    return _is_late(heartbeat, now, max(heartbeat.last_seen_at, since), 6, SILENT_AFTER)


def _is_late(heartbeat: Heartbeat, now: int, since: int, halves: int, at_least: int) -> bool:
    if heartbeat.lost_at is not None:
        return True
    return heartbeat.every is not None and now - since > max(halves * heartbeat.every // 2, at_least)


def ended_together(ends: Sequence[int], end: int, firing: int) -> bool:
    """Return whether too many episodes of the source ended together with the one at ``end`` for it to be a recovery.

    ``ends`` are the times at which episodes of the source ended, this one's
    among them; ``firing`` is the number of episodes that still fire. The ends are too many if within some
    `TOGETHER` around ``end`` at least `MANY` episodes ended, and at least half of all.
    """
    nearby = sorted(at for at in ends if end - TOGETHER <= at <= end + TOGETHER)
    end_index = 0
    largest = 0
    for first, at in enumerate(nearby):
        while end_index < len(nearby) and nearby[end_index] <= at + TOGETHER:
            end_index += 1
        if at <= end <= at + TOGETHER:
            largest = max(largest, end_index - first)
    return largest >= MANY and 2 * largest >= len(nearby) + firing


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A doubt that an incident's alerts have ended, because too many of their source's alerts ended with them."""

    source: str
    since: int
    look_at: int
    """The time of the next check."""
