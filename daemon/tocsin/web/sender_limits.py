"""Limits on what one sender does at a time, also where many senders share a listed proxy's connections."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from aiohttp import web

from tocsin.conf.settings import Settings
from tocsin.web.answers import BUSY, Refusal
from tocsin.web.peers import counted_as, sender_of

MINUTE = 60_000_000
MOST_SENDERS = 10_000
"""Senders whose failures are counted at a time; the one that failed least recently is forgotten first."""


class BusySenders:
    """The requests in progress of each sender behind a listed proxy.

    Its connections are the proxy's, so that `web.connections` cannot limit them for each sender.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._requests = Counter[str]()

    def one_more_of(self, request: web.Request) -> AbstractContextManager[None]:
        """Count a request while it is in progress.

        Raises:
            Refusal: Its sender has as many in progress as one peer may have connections (on entering).
        """
        settings = self._settings()
        if not settings.trusted_proxies:
            return nullcontext()
        sender = counted_as(sender_of(request, settings.trusted_proxies))
        return self._counted(sender, settings.limits.connections_per_peer)

    @contextmanager
    def _counted(self, sender: str, limit: int) -> Iterator[None]:
        if self._requests[sender] >= limit:
            raise Refusal(
                503, "busy", f"{limit} requests of {sender} are in progress", reason="overloaded", headers=BUSY
            )
        self._requests[sender] += 1
        try:
            yield
        finally:
            self._requests[sender] -= 1
            if not self._requests[sender]:
                del self._requests[sender]


class FailedLogins:
    """How often each sender has failed to show a valid token or signature lately."""

    def __init__(self, settings: Callable[[], Settings], now: Callable[[], int]) -> None:
        self._settings = settings
        self._now = now
        self._failures: dict[str, tuple[int, int]] = {}
        """The minute, and how many failures there were in it."""

    def is_one_too_many(self, sender: str) -> bool:
        """Count a failure; return whether its sender has had too many in this minute."""
        minute = self._now() // MINUTE
        at, count = self._failures.pop(sender, (minute, 0))
        count = count + 1 if at == minute else 1
        while len(self._failures) >= MOST_SENDERS:
            del self._failures[next(iter(self._failures))]
        self._failures[sender] = (minute, count)
        return count > self._settings().limits.failed_logins
