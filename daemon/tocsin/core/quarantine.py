"""Received alerts that cannot be placed because they have no labels."""

import hashlib

import msgspec

LONGEST_BODY = 64 * 1024
"""Characters kept of an entry's alerts, and of what is wrong with them."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """The unplaceable alerts of one webhook. The same content is kept once, and counted."""

    id: str
    """By its source and content: see `entry_id`."""
    at: int
    """When it came first, in microseconds since the epoch, UTC."""
    source: str
    sha256: str
    """The hash of the different alerts that were looked at, one per line."""
    body: str
    """The first few of them as JSON, one a line."""
    error: str
    """The error of each of these, one per line."""
    last_at: int
    """When it came last."""
    alerts: int = 1
    """How many alerts of the webhook could not be placed."""
    seen: int = 1
    """How often the same has come."""


def entry_id(source: str, sha256: str) -> str:
    """Return the id of what a source has sent, so that the same content is the same entry."""
    return hashlib.sha256(f"{source} {sha256}".encode()).hexdigest()[:32]


def single(source: str, body: str, error: str, at: int) -> Quarantined:
    """Return the entry of one alert."""
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
