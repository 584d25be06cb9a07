"""A source's sign of life (its Watchdog), and what is believed of the source without one.

When Prometheus dies, its Alertmanager hears of no alert any more and calls all
of them resolved some minutes later, the Watchdog among them: an outage that
looks like a recovery.
"""

from collections.abc import Sequence

import msgspec

from tocsin.core.playbook import MINUTE, SECOND

SAME_BEAT = 10 * SECOND
"""Copies from the other replica, and repeats of a webhook, say nothing of how often a Watchdog comes."""
MISSING_AFTER = 90 * SECOND
"""A Watchdog that usually comes more often is missing after this all the same."""
SILENT_AFTER = 3 * MINUTE
"""The same for when its silence is an incident of its own."""

MANY = 10
"""So many episodes that end together, and half of the source, are no recovery while its Watchdog is missing."""
TOGETHER = 5 * MINUTE
LOOK_EVERY = 30 * SECOND
"""How long the return of a Watchdog may go unnoticed."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a source's Watchdog. Times are microseconds since the epoch, UTC."""

    source: str
    last_seen_at: int
    """When it was last seen firing."""
    every: int | None = None
    """The time between the last two of them, or half of what it was before, if that is longer; None before the second.

    A restarted Alertmanager repeats one at once that else comes every four hours: that makes it no frequent one.
    """
    lost_at: int | None = None
    """It was reported resolved then, and has not fired since."""


def beaten(source: str, before: Heartbeat | None, now: int) -> Heartbeat:
    """The Watchdog fires."""
    if before is None:
        return Heartbeat(source=source, last_seen_at=now)
    gap = now - before.last_seen_at
    every = before.every if gap < SAME_BEAT else max(gap, (before.every or 0) // 2)
    return Heartbeat(source=source, last_seen_at=now, every=every)


def lost(before: Heartbeat, now: int) -> Heartbeat:
    """The Watchdog, of all alerts, is reported resolved: whatever evaluates it has stopped."""
    return before if before.lost_at is not None else msgspec.structs.replace(before, lost_at=now)


def is_missing(heartbeat: Heartbeat, now: int) -> bool:
    """Whether nothing proves that the source is alive; half an interval too late is enough to doubt what it says."""
    return _is_late(heartbeat, now, heartbeat.last_seen_at, 3, MISSING_AFTER)


def is_silent(heartbeat: Heartbeat, now: int, since: int) -> bool:
    """Whether three beats in a row have not come: people must know. ``since``: when somebody began to listen."""
    return _is_late(heartbeat, now, max(heartbeat.last_seen_at, since), 6, SILENT_AFTER)


def _is_late(heartbeat: Heartbeat, now: int, since: int, halves: int, at_least: int) -> bool:
    if heartbeat.lost_at is not None:
        return True
    return heartbeat.every is not None and now - since > max(halves * heartbeat.every // 2, at_least)


def ended_together(ends: Sequence[int], end: int, firing: int) -> bool:
    """Whether the episode that ended at ``end`` did so with too many others of its source to be believed.

    ``ends`` are the moments at which episodes of the source ended, this one's
    among them, and ``firing`` is how many of them still fire: within some
    `TOGETHER` around ``end`` at least `MANY` ended, and at least half of all.
    """
    near = sorted(at for at in ends if end - TOGETHER <= at <= end + TOGETHER)
    last = 0
    most = 0
    for first, at in enumerate(near):
        while last < len(near) and near[last] <= at + TOGETHER:
            last += 1
        if at <= end <= at + TOGETHER:
            most = max(most, last - first)
    return most >= MANY and 2 * most >= len(near) + firing


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """That an incident's alerts have ended is not believed: too much of their source ended with them."""

    source: str
    since: int
    look_at: int
    """When it is asked again."""
