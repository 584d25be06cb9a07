"""Received alerts that cannot be processed: they have no labels, or their processing fails."""

import hashlib

import msgspec

LONGEST_BODY = 64 * 1024
"""Maximum number of characters kept of an entry's alerts, and of their errors."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """The unusable alerts of one webhook. The same content is kept once, and counted."""

    id: str
    """Derived from source and content: see `entry_id`."""
    at: int
    """The time of the first receipt, in microseconds since the epoch, UTC."""
    source: str
    sha256: str
    """The hash of the different alerts that were examined, one per line."""
    body: str
    """The first few of these alerts as JSON, one per line."""
    error: str
    """The errors of these alerts, one per line."""
    last_at: int
    """The time of the last receipt."""
    alerts: int = 1
    """Number of unusable alerts in the webhook."""
    seen: int = 1
    """Number of times that the same content was received."""


def entry_id(source: str, sha256: str) -> str:
    """Return the id of an entry: the same content from the same source has the same id."""
    return hashlib.sha256(f"{source} {sha256}".encode()).hexdigest()[:32]


def single(source: str, body: str, error: str, at: int) -> Quarantined:
    """Return an entry with one alert."""
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return Quarantined(
        id=entry_id(source, sha256),
        at=at,
        source=source,
        sha256=sha256,
        body=body[:LONGEST_BODY],
        error=error[:LONGEST_BODY],
        last_at=at,
    )
