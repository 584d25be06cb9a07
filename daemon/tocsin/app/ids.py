"""Incident ids."""

import secrets

TIME_BITS = 80
"""Number of random bits in an id, below the time: ids sort by creation time and cannot be guessed."""


def new_id(now: int) -> str:
    """Return an incident id of 32 hex digits: 48 bits of time in milliseconds, then 80 random bits."""
    return f"{((now // 1000) << TIME_BITS) | secrets.randbits(TIME_BITS):032x}"
