"""Limits per sender, which also apply to senders that share the connections of a trusted proxy."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from aiohttp import web

from tocsin.conf.settings import Settings
from tocsin.core.duration import MINUTE
from tocsin.ports.observer import Limit, Observer
from tocsin.web.server.answers import BUSY, Refusal
from tocsin.web.server.peers import counted_as, sender_of

MOST_SENDERS = 10_000
"""Maximum number of senders whose failures are counted; the sender that failed least recently is dropped first."""


class BusySenders:
    """The requests in progress of each sender behind a trusted proxy.

    These senders share the proxy's connections, so `web.server.connections` cannot limit them individually.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._requests = Counter[str]()

    def one_more_of(self, request: web.Request) -> AbstractContextManager[None]:
        """Count a request while it is in progress.

        Raises:
            Refusal: The sender has as many requests in progress as a peer may have connections (raised on entering).
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
                503,
                "busy",
                f"{sender} has {limit} requests in progress, which is the limit; retry later",
                reason="overloaded",
                headers=BUSY,
            )
        self._requests[sender] += 1
        try:
            yield
        finally:
            self._requests[sender] -= 1
            if not self._requests[sender]:
                del self._requests[sender]


class FailedLogins:
    """The numbers of each sender's recent requests without a valid token or signature."""

    def __init__(self, settings: Callable[[], Settings], now: Callable[[], int], observer: Observer) -> None:
        self._settings = settings
        self._now = now
        self._observer = observer
        self._failures: dict[str, tuple[int, int]] = {}
        """Sender -> (the minute of the last failure, the number of failures in that minute)."""

    def is_one_too_many(self, sender: str) -> bool:
        """Count a failure; return whether its sender has exceeded the limit for this minute."""
        minute = self._now() // MINUTE
        at, count = self._failures.pop(sender, (minute, 0))
        count = count + 1 if at == minute else 1
        while len(self._failures) >= MOST_SENDERS:
            del self._failures[next(iter(self._failures))]
            self._observer.count("limits_exceeded_total", limit=Limit.SENDERS)
        self._failures[sender] = (minute, count)
        return count > self._settings().limits.failed_logins
