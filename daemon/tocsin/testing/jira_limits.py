"""The rate limits of the Jira stand-in: those that Atlassian publishes for calls with an API token ("Rate limiting").

Requests to one endpoint by one method, within a second; and writes to one issue, within 2 and 30 seconds. A refused
request is answered 429, with ``Retry-After`` and ``RateLimit-Reason``. The hourly points are for apps, not for tokens.
A Data Center has no limits unless its administrator sets some; the stand-in for it has the same ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.testing.rate_limit import RateLimit, longest_wait

A_SECOND = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}
"""Requests to one endpoint in a second."""
WRITES = {2.0: 20, 30.0: 100}
"""Writes to one issue, by the seconds in which they are counted."""


@dataclass(frozen=True)
class LimitExceeded:
    """The reason that Jira names for a refused request, and the seconds after which it can succeed."""

    reason: str
    wait: int


class JiraLimits:
    """The calls of one token."""

    def __init__(self, now: Callable[[], float], *, on: bool) -> None:
        """Create the limits; ``on`` False: no limits, for tests of other behavior."""
        self._bursts = {method: RateLimit(calls if on else None, 1.0, now) for method, calls in A_SECOND.items()}
        self._writes = [RateLimit(calls if on else None, seconds, now) for seconds, calls in WRITES.items()]

    def refused(self, method: str, endpoint: str, issue: str | None) -> LimitExceeded | None:
        """Count a request to an endpoint; return the refusal if it exceeds a limit."""
        wait = self._bursts[method].wait(endpoint)
        if wait is not None:
            return LimitExceeded("jira-burst-based", wait)
        if issue is None or method == "GET":
            return None
        wait = longest_wait(self._writes, issue)
        return LimitExceeded("jira-per-issue-on-write", wait) if wait is not None else None
