"""Members of a group that is polled at run time, such as a Slack user group."""

import msgspec

from tocsin.core.typed_replace import replace

SLACK = "slack:"
"""Prefix of the keys of Slack user groups."""


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """The last valid answer about the members of one group."""

    source: str
    """The key of the group: ``slack:<channel>:<id of the group>``."""
    members: tuple[str, ...]
    """The members by their ids at the provider: Slack user ids."""
    fetched_at: int
    """The time of the answer."""
    changed_at: int = 0
    """The time at which the present members were first seen, in microseconds since the epoch."""
    before: tuple[str, ...] = ()
    """The members before ``changed_at``."""


def answered(known: Roster | None, source: str, members: tuple[str, ...], now: int) -> Roster:
    """Return the roster after an answer; ``known`` is the roster before it."""
    before = known.members if known is not None else ()
    if known is not None and set(before) == set(members):
        return replace(known, members=members, fetched_at=now)
    return Roster(source=source, members=members, fetched_at=now, changed_at=now, before=before)


def slack_group_key(channel: str, group: str) -> str:
    """Return the key of a Slack user group that is polled through the given channel."""
    return f"{SLACK}{channel}:{group}"


def slack_group(key: str) -> tuple[str, str] | None:
    """Return (channel, id of the group) for the key of a Slack user group; None for any other key."""
    if not key.startswith(SLACK):
        return None
    channel, _, group = key.removeprefix(SLACK).rpartition(":")
    return channel, group
