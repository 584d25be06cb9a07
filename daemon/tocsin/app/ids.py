"""The ids of incidents."""

import secrets

TIME_BITS = 80
"""Where the time stands in an incident's id: ids sort by when they were made, and cannot be guessed."""


def new_id(now: int) -> str:
    """An incident's id: 48 bits of milliseconds and 80 random ones, 32 hex digits, sorted by time."""
    return f"{((now // 1000) << TIME_BITS) | secrets.randbits(TIME_BITS):032x}"
