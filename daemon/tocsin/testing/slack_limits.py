"""The rate limits of the Slack stand-in: Slack's tiers by method, and one post per second and channel."""

from collections.abc import Callable
from typing import Any

from tocsin.testing.rate_limit import RateLimit

TIERS = {
    "chat.update": 50,
    "conversations.archive": 20,
    "conversations.create": 20,
    "conversations.invite": 50,
    "conversations.setPurpose": 20,
    "conversations.setTopic": 20,
    "pins.add": 20,
    "usergroups.users.list": 20,
    "users.conversations": 50,
}
"""Calls a minute that Slack promises to take of each method. ``auth.test`` takes hundreds."""

BURST = 8
"""Number of posts that a channel accepts at once; on average it accepts one per second."""
POSTS_A_MINUTE = 300
"""Maximum number of posts per minute of a workspace; Slack says "several hundred"."""


class SlackLimits:
    """The calls of one app in one workspace."""

    def __init__(self, now: Callable[[], float], *, on: bool) -> None:
        """Create the limits; ``on`` False: no limits, for tests of other behavior."""
        self.posts = RateLimit(BURST if on else None, float(BURST), now)
        """By channel."""
        self.workspace = RateLimit(POSTS_A_MINUTE if on else None, 60.0, now)
        self.tiers = {method: RateLimit(calls if on else None, 60.0, now) for method, calls in TIERS.items()}

    def wait(self, method: str, arguments: dict[str, Any]) -> int | None:
        """Count a call; return the seconds to wait if it exceeds a limit."""
        if method == "chat.postMessage":
            wait = self.posts.wait(str(arguments.get("channel")))
            return wait if wait is not None else self.workspace.wait("")
        limit = self.tiers.get(method)
        return limit.wait("") if limit is not None else None
