"""The HTTP application and its sockets."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from tocsin.conf.settings import Listen
from tocsin.core.errors import TocsinError
from tocsin.web.alertmanager.large_webhooks import LargeWebhooks
from tocsin.web.alertmanager.webhook import LARGE
from tocsin.web.api.health import EXPOSED
from tocsin.web.api.reports import REPORTING
from tocsin.web.deadline import Deadline
from tocsin.web.edge import COMMITS, EDGE, Edge
from tocsin.web.openapi import DOCUMENT, document
from tocsin.web.routes import ROUTES
from tocsin.web.server.answers import problem
from tocsin.web.server.auth import Authenticator
from tocsin.web.server.connections import ConnectionLimits, Connections, HttpConnection, LimitedSite
from tocsin.web.server.guard import guarded
from tocsin.web.server.metrics_endpoint import Exposed

MAX_HEADERS = 64
"""Maximum number of headers of a request."""
MAX_HEADER = 8190
"""Maximum length of a header line, in bytes."""
FIRST_INHERITED = 3
"""The first file descriptor that systemd hands over (sd_listen_fds(3))."""

_ELSEWHERE = "set another address: listen: in tocsin.yaml, or for example TOCSIN_LISTEN=127.0.0.1:9100"
_ANYTHING = "/{path:.*}"
_CATCH_ALLS = frozenset({"/{path}", "/webhooks/{path}"})


class NotServed(TocsinError):
    """Failure to listen on an address."""


def build_app(edge: Edge) -> web.Application:
    """Return the application with all routes of the table."""
    app = web.Application(client_max_size=edge.settings().webhook.max_body)
    app[EDGE] = edge
    app[COMMITS] = Deadline(edge.deadlines.commit)
    app[LARGE] = LargeWebhooks(edge)
    app.on_cleanup.append(_close_large)
    app[REPORTING] = asyncio.Lock()
    app[EXPOSED] = Exposed(edge.exposition)
    app[DOCUMENT] = document(ROUTES)
    authenticator = Authenticator(edge)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, guarded(route, edge, authenticator))
    app.router.add_route(hdrs.METH_ANY, _ANYTHING, _unrouted)
    return app


async def _close_large(app: web.Application) -> None:
    await app[LARGE].close()


async def _unrouted(request: web.Request) -> web.Response:
    """Answer requests without a route in JSON. This is a route, because a middleware would slow down every webhook."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical not in _CATCH_ALLS:
            allowed |= (await resource.resolve(request))[1]
    if not allowed:
        return problem(404, "not_found", "the path does not exist; GET / lists the entry points")
    names = ", ".join(sorted(allowed))
    message = f"the path does not support {request.method}; use {names}"
    return problem(405, "method_not_allowed", message, {hdrs.ALLOW: names})


class Server:
    """The server of an application."""

    def __init__(
        self, app: web.Application, *, grace: float, limits: Callable[[], ConnectionLimits] = ConnectionLimits
    ) -> None:
        """Create a server; ``grace`` is the time in seconds for requests in progress when it is closed."""
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=grace)
        self._connections = Connections(limits, app[EDGE].observer)
        self._sockets: list[socket.socket] = []

    async def start(self, sockets: list[socket.socket]) -> None:
        """Accept connections on these sockets, which must be bound."""
        await self._runner.setup()
        self._sockets = sockets
        for bound in sockets:
            await LimitedSite(self._runner, bound, self._connection).start()

    def _connection(self) -> HttpConnection:
        manager = self._runner.server
        if manager is None:
            raise RuntimeError("the server is closed")
        return HttpConnection(
            manager,
            self._connections,
            access_log=None,
            keepalive_timeout=self._connections.limits().idle_for,
            max_headers=MAX_HEADERS,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Stop accepting connections, wait for requests in progress, and close all connections."""
        await self._runner.cleanup()

    @property
    def addresses(self) -> list[str]:
        """Addresses on which the server listens."""
        return [_address(bound) for bound in self._sockets]


def bind(listen: Listen) -> list[socket.socket]:
    """Return sockets bound to all addresses of ``listen``.

    Raises:
        NotServed: An address cannot be bound.
    """
    sockets: list[socket.socket] = []
    try:
        infos = socket.getaddrinfo(listen.host or None, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        port = listen.port
        for family, kind, protocol, _, address in sorted(set(infos), key=lambda info: info[0]):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind((address[0], port, *address[2:]))
            port = bound.getsockname()[1]  # for port 0: the same free port on all addresses
    except OSError as error:
        for bound in sockets:
            bound.close()
        raise NotServed(f"cannot listen on {listen}: {_why_not(error, listen)}") from error
    return sockets


def _why_not(error: OSError, listen: Listen) -> str:
    """Return the reason why an address cannot be listened on, and how to fix it."""
    if isinstance(error, socket.gaierror):
        return f"there is no host {listen.host!r}; {_ELSEWHERE}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"another program uses this port, perhaps another tocsin: stop it, or {_ELSEWHERE}"
        case errno.EACCES:
            return f"ports below 1024 are for root, or for sockets of systemd; {_ELSEWHERE}"
        case errno.EADDRNOTAVAIL:
            return f"this machine does not have this address; {_ELSEWHERE}"
        case _:
            return error.strerror or str(error)


def inherited(environ: Mapping[str, str], pid: int | None = None) -> list[socket.socket]:
    """Return the sockets that systemd has opened for this process; none without a socket unit.

    Raises:
        NotServed: The announced file descriptors are not sockets.
    """
    own = os.getpid() if pid is None else pid
    if environ.get("LISTEN_PID") != str(own):
        return []
    count = environ.get("LISTEN_FDS", "")
    sockets: list[socket.socket] = []
    try:
        for number in range(FIRST_INHERITED, FIRST_INHERITED + int(count or 0)):
            os.set_inheritable(number, False)
            sockets.append(socket.socket(fileno=number))
    except (OSError, ValueError) as error:
        raise NotServed(f"cannot use the {count!r} sockets that systemd announces in LISTEN_FDS: {error}") from error
    return sockets


def expect_loopback(sockets: list[socket.socket]) -> None:
    """Check that only this machine can reach the daemon: for a configuration without tokens.

    Raises:
        NotServed: Other machines can reach one of the sockets.
    """
    for bound in sockets:
        name = bound.getsockname()
        # Requests over a Unix socket always need a token.
        if isinstance(name, tuple) and not Listen(name[0], name[1]).is_loopback:
            raise NotServed(
                f"{_address(bound)} can be reached from other machines, and no token is configured; add tokens: "
                f"to tocsin.yaml, or listen on 127.0.0.1 (listen:, or ListenStream= of the socket unit)"
            )


def _address(bound: socket.socket) -> str:
    name = bound.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    return str(Listen(name[0], name[1]))
