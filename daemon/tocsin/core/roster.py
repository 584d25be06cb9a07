"""Who belongs to a source that is asked while tocsin runs, such as a Slack user group."""

import msgspec


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """The last good answer of one source."""

    source: str
    """Its key: ``slack:<channel>:<id of the group>``."""
    members: tuple[str, ...]
    """As the source names them: Slack user ids."""
    fetched_at: int
