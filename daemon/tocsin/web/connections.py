"""Limits on the HTTP server's connections: how many in all and for one peer, and how long a peer may take.

A peer chooses how many connections it opens, how slowly it sends a request and
how slowly it reads an answer. aiohttp bounds none of these before a request is
complete. When a limit is reached, the connection that has waited longest for a
request, or for the rest of one, makes room: a peer that holds connections
cannot lock out the others.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from time import monotonic
from typing import Any

import structlog
from aiohttp import web

from tocsin.ports.observer import Observer
from tocsin.web.auth import CALLER
from tocsin.web.peers import Network, address_of, counted_as, is_within

ANSWER_WITHIN = 30.0
"""Seconds that a peer gets to read what is waiting to be sent to it."""
ACCEPTS_AT_A_TIME = 32
"""Connections that are accepted before anything else is done."""
BACKLOG = 1024
"""Connections that the kernel keeps until they are accepted."""
LOG_AGAIN_AFTER = 60.0
"""Seconds between two log lines about connections that were closed for one reason."""

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: tocsin\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 31\r\n\r\ntoo many connections; try again"
)
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nServer: tocsin\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 35\r\n\r\nthe request head took too much time"
)

_log = structlog.get_logger("tocsin.web.connections")


@dataclass(frozen=True)
class Limits:
    """What the configuration and the process's file limit allow."""

    connections: int = 1024
    per_peer: int = 256
    head_within: float = 10.0
    """Seconds from the first byte of a request head, or from the opening of the connection, to the head's end."""
    proxies: tuple[Network, ...] = ()
    """Peers that stand for many others: only the limit of all connections counts for them."""


class Connections:
    """The open connections, by peer, each peer's least recently used first."""

    def __init__(self, limits: Callable[[], Limits], observer: Observer) -> None:
        """``limits`` is asked at each connection: a reload changes them."""
        self.limits = limits
        self._observer = observer
        self._by_peer: dict[str, dict[Connection, None]] = {}
        self._count = 0
        self._logged: dict[str, float] = {}

    def admit(self, connection: "Connection") -> bool:
        """Return whether a new connection may stay; it takes the place of one that waits where a limit is reached."""
        limits, peer = self.limits(), connection.peer
        own = self._by_peer.get(peer, {})
        is_one_peer = bool(peer) and not is_within(connection.address, limits.proxies)
        if is_one_peer and len(own) >= limits.per_peer and not self._make_room([own]):
            self.closed("too_many_of_peer", peer)
            return False
        if self._count >= limits.connections and not self._make_room(self._largest_first()):
            self.closed("too_many", peer)
            return False
        self._by_peer.setdefault(peer, {})[connection] = None
        self._count += 1
        self._observer.gauge("connections_open", self._count)
        return True

    def used(self, connection: "Connection") -> None:
        """Note that a request has come through a connection: it is the last to make room."""
        own = self._by_peer.get(connection.peer, {})
        if connection in own:
            del own[connection]
            own[connection] = None

    def forget(self, connection: "Connection") -> None:
        """Remove a connection that is closed."""
        own = self._by_peer.get(connection.peer)
        if own is None or connection not in own:
            return
        del own[connection]
        if not own:
            del self._by_peer[connection.peer]
        self._count -= 1
        self._observer.gauge("connections_open", self._count)

    def closed(self, reason: str, peer: str) -> None:
        """Count a connection that the daemon has closed, and log it at most once a minute for each reason."""
        self._observer.count("connections_closed_total", reason=reason)
        now = monotonic()
        if now - self._logged.get(reason, -LOG_AGAIN_AFTER) >= LOG_AGAIN_AFTER:
            self._logged[reason] = now
            _log.warning("connection_closed", reason=reason, peer=peer, open=self._count)

    def _largest_first(self) -> list[dict["Connection", None]]:
        return sorted(self._by_peer.values(), key=len, reverse=True)

    def _make_room(self, groups: Iterable[dict["Connection", None]]) -> bool:
        for group in groups:
            ranked = [(rank, connection) for connection in group if (rank := connection.makes_room) is not None]
            if ranked:
                _, oldest = min(ranked, key=itemgetter(0))  # of those of one rank the first, which is the oldest
                self.closed("made_room", oldest.peer)
                self.forget(oldest)
                oldest.abort()
                return True
        return False


class Connection(web.RequestHandler):
    """One connection: aiohttp's, with a deadline for each request head and for the reading of an answer."""

    __slots__ = ("_answer_timer", "_connections", "_head_timer", "_is_refused", "address", "peer")

    def __init__(self, manager: web.Server, connections: Connections, **settings: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **settings)
        self._connections = connections
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self._is_refused = False
        self.address = self.peer = ""
        """The peer's address, and what its connections are counted by; "" behind a Unix socket."""

    @property
    def was_used(self) -> bool:
        """Whether a whole request head has come through it."""
        return self._request_count > 0

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is being done for its peer."""
        is_between_requests = self._waiter is not None and not self._waiter.done()
        return is_between_requests or not self.was_used or self.transport is None

    @property
    def makes_room(self) -> int | None:
        """The rank in which it makes room for another, the lowest first; None where it does not.

        First the one that has never carried a request, then the one whose request has no valid token and no end, then
        the one that an honest client keeps open. A request that is complete, or has a valid token, is left alone.
        """
        if not self.was_used or self.transport is None:
            return 0
        if self.is_waiting:
            return 2
        request = self._current_request
        if request is None:  # it is answered, and the rest of its body is waited for; or the next has just come
            return None if self._messages else 1
        return None if CALLER in request or request.content.is_eof() else 1

    def abort(self) -> None:
        """Close it at once, whatever is still to be sent."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or answer 503 and close it."""
        self.address = address_of(transport.get_extra_info("peername"))
        self.peer = counted_as(self.address)
        if not self._connections.admit(self):
            self._is_refused = True
            if isinstance(transport, asyncio.Transport):
                transport.write(_BUSY)
            transport.close()
            return
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; the deadline begins with the first byte of a head."""
        if self._is_refused:
            return
        heads = self._request_count
        super().data_received(data)
        if self._request_count != heads:
            self._end_timers()
            self._connections.used(self)
        elif self._head_timer is None and data and self.is_waiting:
            self._await_head()

    def pause_writing(self) -> None:
        """Give the peer some time to read what is waiting to be sent."""
        super().pause_writing()
        self._answer_timer = self._loop.call_later(ANSWER_WITHIN, self._answer_is_not_read)

    def resume_writing(self) -> None:
        """Note that the peer has read it."""
        super().resume_writing()
        self._end_answer_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._end_timers()
        self._end_answer_timer()
        self._connections.forget(self)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(self._connections.limits().head_within, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.is_waiting or self.transport is None:
            return
        self._connections.closed("slow_head", self.peer)
        self.transport.write(_TOO_SLOW)
        self.force_close()

    def _answer_is_not_read(self) -> None:
        self._answer_timer = None
        self._connections.closed("slow_reader", self.peer)
        self.abort()

    def _end_timers(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None


class LimitedSite(web.BaseSite):
    """A bound socket whose connections are limited."""

    __slots__ = ("_make", "_socket")

    def __init__(self, runner: web.BaseRunner, bound: socket.socket, make: Callable[[], Connection]) -> None:
        super().__init__(runner)
        self._socket = bound
        self._make = make

    @property
    def name(self) -> str:
        """See `web.BaseSite`."""
        return f"http:{self._socket.getsockname()}"

    async def start(self) -> None:
        """Take connections."""
        await super().start()
        loop = asyncio.get_running_loop()
        # asyncio accepts as many at once as its backlog says, and each needs a file before it can be limited.
        self._server = await loop.create_server(self._make, sock=self._socket, backlog=ACCEPTS_AT_A_TIME)
        self._socket.listen(BACKLOG)
