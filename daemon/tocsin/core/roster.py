"""Who belongs to a source that is asked while tocsin runs, such as a Slack user group."""

import msgspec

SLACK = "slack:"


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """The last good answer of one source."""

    source: str
    """Its key: ``slack:<channel>:<id of the group>``."""
    members: tuple[str, ...]
    """As the source names them: Slack user ids."""
    fetched_at: int
    changed_at: int = 0
    """When they were first found to be others than before, in microseconds since the epoch."""
    before: tuple[str, ...] = ()
    """Who they were until then."""


def answered(known: Roster | None, source: str, members: tuple[str, ...], now: int) -> Roster:
    """What is kept of an answer; ``known``: what was kept of the one before."""
    before = known.members if known is not None else ()
    if known is not None and set(before) == set(members):
        return msgspec.structs.replace(known, members=members, fetched_at=now)
    return Roster(source=source, members=members, fetched_at=now, changed_at=now, before=before)


def slack_source(channel: str, group: str) -> str:
    """The key of a Slack user group, asked through the channel of that name."""
    return f"{SLACK}{channel}:{group}"


def slack_group(source: str) -> tuple[str, str] | None:
    """(channel, id of the group) of the key of a Slack user group; None: it is of something else."""
    if not source.startswith(SLACK):
        return None
    channel, _, group = source.removeprefix(SLACK).rpartition(":")
    return channel, group
