"""Limits of the HTTP server's connections: their number in total and per peer, and the time a peer may take.

A peer chooses how many connections it opens, how slowly it sends a request and how
slowly it reads an answer. aiohttp limits none of these before a request is complete.
At the limit, the server closes the connection that has waited longest for a request or
for the rest of one, so that a peer that holds connections cannot lock out the others.
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
from tocsin.web.server.auth import CALLER
from tocsin.web.server.peers import Network, address_of, counted_as, is_within

ANSWER_WITHIN = 30.0
"""Seconds that a peer gets to read an answer once the send buffer is full."""
KEEPALIVE = 75.0
"""Seconds that a connection may be idle between requests.

Alertmanager keeps connections open for five minutes, and opens a new one if the server has closed one."""
ACCEPTS_AT_A_TIME = 32
"""Maximum number of connections accepted in one iteration of the event loop."""
BACKLOG = 1024
"""Maximum number of connections in the kernel's queue of connections to accept."""
LOG_AGAIN_AFTER = 60.0
"""Minimum seconds between two log lines about connections closed for the same reason."""

_SHOWN = 300
"""Maximum number of characters of an error in an answer."""

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: tocsin\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 31\r\n\r\ntoo many connections; try again"
)
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nServer: tocsin\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 35\r\n\r\nthe request head took too much time"
)

_log = structlog.get_logger("tocsin.web.server.connections")


@dataclass(frozen=True)
class ConnectionLimits:
    """The limits from the configuration and the process's limit of open files."""

    connections: int = 1024
    per_peer: int = 256
    head_within: float = 10.0
    """Seconds for a request head, from its first byte or from the opening of the connection."""
    answer_within: float = ANSWER_WITHIN
    idle_for: float = KEEPALIVE
    proxies: tuple[Network, ...] = ()
    """Trusted proxies, which stand for many peers: ``per_peer`` does not apply to them."""


class Connections:
    """The open connections by peer, each peer's least recently used connection first."""

    def __init__(self, limits: Callable[[], ConnectionLimits], observer: Observer) -> None:
        """Create an empty set; ``limits`` is called for each connection, because a reload may change the limits."""
        self.limits = limits
        self.observer = observer
        self._by_peer: dict[str, dict[HttpConnection, None]] = {}
        self._count = 0
        self._logged: dict[str, float] = {}
        """The time of the last log line for each reason."""

    def admit(self, connection: "HttpConnection") -> bool:
        """Return whether a new connection may stay; at a limit, it replaces a waiting connection, if there is one."""
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
        self.observer.gauge("connections_open", self._count)
        return True

    def used(self, connection: "HttpConnection") -> None:
        """Record a request on a connection, so that the connection is the last to be replaced."""
        own = self._by_peer.get(connection.peer, {})
        if connection in own:
            del own[connection]
            own[connection] = None

    def forget(self, connection: "HttpConnection") -> None:
        """Remove a connection that is closed."""
        own = self._by_peer.get(connection.peer)
        if own is None or connection not in own:
            return
        del own[connection]
        if not own:
            del self._by_peer[connection.peer]
        self._count -= 1
        self.observer.gauge("connections_open", self._count)

    def closed(self, reason: str, peer: str) -> None:
        """Count a connection that the daemon has closed, and log it at most once a minute per reason."""
        self.observer.count("connections_closed_total", reason=reason)
        now = monotonic()
        if now - self._logged.get(reason, -LOG_AGAIN_AFTER) >= LOG_AGAIN_AFTER:
            self._logged[reason] = now
            _log.warning("connection_closed", reason=reason, peer=peer, open=self._count)

    def _largest_first(self) -> list[dict["HttpConnection", None]]:
        return sorted(self._by_peer.values(), key=len, reverse=True)

    def _make_room(self, groups: Iterable[dict["HttpConnection", None]]) -> bool:
        for group in groups:
            ranked = [(rank, connection) for connection in group if (rank := connection.makes_room) is not None]
            if ranked:
                _, oldest = min(ranked, key=itemgetter(0))  # the first one of the lowest rank is the oldest
                self.closed("made_room", oldest.peer)
                self.forget(oldest)
                oldest.abort()
                return True
        return False


class HttpConnection(web.RequestHandler):
    """An aiohttp connection with deadlines for each request head and for the reading of an answer."""

    __slots__ = ("_answer_timer", "_connections", "_head_timer", "_is_refused", "address", "peer")

    def __init__(self, manager: web.Server, connections: Connections, **settings: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **settings)
        self._connections = connections
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self._is_refused = False
        self.address = self.peer = ""
        """The peer's address, and the key under which its connections are counted; "" for a Unix socket."""

    @property
    def was_used(self) -> bool:
        """True if a complete request head was received."""
        return self._request_count > 0

    @property
    def is_waiting(self) -> bool:
        """True if no request is in progress."""
        is_between_requests = self._waiter is not None and not self._waiter.done()
        return is_between_requests or not self.was_used or self.transport is None

    @property
    def makes_room(self) -> int | None:
        """Rank in which the connection may be replaced, lowest first; None if it must not be replaced.

        Connections without any request come first, then those with an incomplete request without a valid token, then
        idle keep-alive connections. A connection with a complete request, or with a valid token, is never replaced.
        """
        if not self.was_used or self.transport is None:
            return 0
        if self.is_waiting:
            return 2
        request = self._current_request
        if request is None:  # the last request is answered but its body is incomplete, or the next has just arrived
            return None if self._messages else 1
        return None if CALLER in request or request.content.is_eof() else 1

    def abort(self) -> None:
        """Close the connection immediately, discarding unsent data."""
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
        """Receive bytes of a request; the deadline starts with the first byte of a head."""
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
        """Start the deadline for the peer to read the data in the send buffer."""
        super().pause_writing()
        self._answer_timer = self._loop.call_later(self._connections.limits().answer_within, self._answer_is_unread)

    def resume_writing(self) -> None:
        """Stop the deadline: the peer has read the data."""
        super().resume_writing()
        self._end_answer_timer()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer 400 to data that is not HTTP or exceeds the limits of a head; log this at most once a minute."""
        if status != 400:
            return super().handle_error(request, status, exc, message)
        self._connections.closed("bad_head", self.peer)
        answer = web.Response(status=400, text=f"the request head cannot be read: {message or exc}"[:_SHOWN])
        answer.force_close()
        return answer

    def _process_keepalive(self) -> None:
        """Close the connection if it was idle for too long; count this, but do not log it, because it is too common."""
        was_closed = self.transport is None or self._force_close
        super()._process_keepalive()
        if self._force_close and not was_closed:
            self._connections.observer.count("connections_closed_total", reason="idle")

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

    def _answer_is_unread(self) -> None:
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
    """A bound socket with limited connections."""

    __slots__ = ("_make", "_socket")

    def __init__(self, runner: web.BaseRunner, bound: socket.socket, make: Callable[[], HttpConnection]) -> None:
        super().__init__(runner)
        self._socket = bound
        self._make = make

    @property
    def name(self) -> str:
        """See `web.BaseSite`."""
        return f"http:{self._socket.getsockname()}"

    async def start(self) -> None:
        """Accept connections."""
        await super().start()
        loop = asyncio.get_running_loop()
        # asyncio accepts `backlog` connections at once, and each needs a file descriptor before it can be refused.
        self._server = await loop.create_server(self._make, sock=self._socket, backlog=ACCEPTS_AT_A_TIME)
        self._socket.listen(BACKLOG)
