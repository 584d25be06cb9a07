"""The application, and the sockets that it is served on."""

import os
import socket
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from tocsin.conf.settings import Listen
from tocsin.core.errors import TocsinError
from tocsin.web.alertmanager import LARGE
from tocsin.web.answers import problem
from tocsin.web.auth import Door
from tocsin.web.connections import Connection, Connections, LimitedSite, Limits
from tocsin.web.exposed import Exposed
from tocsin.web.guard import guarded
from tocsin.web.health import EXPOSED
from tocsin.web.keys import COMMITS, EDGE, Edge
from tocsin.web.large import LargeWebhooks
from tocsin.web.openapi import DOCUMENT, document
from tocsin.web.routes import ROUTES
from tocsin.web.watch import Watch

KEEPALIVE = 75.0
"""Seconds. An Alertmanager keeps its connections for five minutes, and opens another when one is gone."""
MAX_HEADERS = 64
MAX_HEADER = 8190
"""Bytes of one header line."""
FIRST_INHERITED = 3
"""The first file descriptor that systemd hands over (sd_listen_fds(3))."""

_ANYTHING = "/{path:.*}"
_CATCH_ALLS = frozenset({"/{path}", "/webhooks/{path}"})


class NotServed(TocsinError):
    """There is nothing to listen on, or no permission to."""


def build_app(edge: Edge) -> web.Application:
    """The application with every route of the table."""
    app = web.Application(client_max_size=edge.settings().webhook.max_body)
    app[EDGE] = edge
    app[COMMITS] = Watch(edge.deadlines.commit)
    app[LARGE] = LargeWebhooks(edge)
    app.on_cleanup.append(_close_large)
    app[EXPOSED] = Exposed(edge.exposition)
    app[DOCUMENT] = document(ROUTES)
    door = Door(edge)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, guarded(route, edge, door))
    app.router.add_route(hdrs.METH_ANY, _ANYTHING, _unrouted)
    return app


async def _close_large(app: web.Application) -> None:
    await app[LARGE].close()


async def _unrouted(request: web.Request) -> web.Response:
    """What no route takes is told in JSON as well. A route of its own, since a middleware would cost every webhook."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical not in _CATCH_ALLS:
            allowed |= (await resource.resolve(request))[1]
    if not allowed:
        return problem(404, "not_found", "there is nothing here; GET / says what there is")
    names = ", ".join(sorted(allowed))
    return problem(405, "method_not_allowed", f"{request.method} is not for this; {names} is", {hdrs.ALLOW: names})


class Server:
    """Serves an application until it is closed."""

    def __init__(self, app: web.Application, *, grace: float, limits: Callable[[], Limits] = Limits) -> None:
        """``grace``: seconds that requests get to end when it is closed."""
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=grace)
        self._connections = Connections(limits, app[EDGE].observer)
        self._sockets: list[socket.socket] = []

    async def start(self, sockets: list[socket.socket]) -> None:
        """Take connections on these sockets, which must be bound."""
        await self._runner.setup()
        self._sockets = sockets
        for bound in sockets:
            await LimitedSite(self._runner, bound, self._connection).start()

    def _connection(self) -> Connection:
        manager = self._runner.server
        if manager is None:
            raise RuntimeError("the server is closed")
        return Connection(
            manager,
            self._connections,
            access_log=None,
            keepalive_timeout=KEEPALIVE,
            max_headers=MAX_HEADERS,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Take no more connections, let the requests that are being answered end, and close what is left."""
        await self._runner.cleanup()

    @property
    def addresses(self) -> list[str]:
        """Where it is to be reached."""
        return [_address(bound) for bound in self._sockets]


def bind(listen: Listen) -> list[socket.socket]:
    """Sockets bound to every address that ``listen`` stands for.

    Raises:
        NotServed: One cannot be bound.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(listen.host or None, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        port = listen.port
        for family, kind, protocol, _, address in sorted(set(found), key=lambda info: info[0]):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind((address[0], port, *address[2:]))
            port = bound.getsockname()[1]  # port 0: the same free port for each address
    except OSError as error:
        for bound in sockets:
            bound.close()
        raise NotServed(f"cannot listen on {listen}: {error.strerror or error}") from error
    return sockets


def inherited(environ: Mapping[str, str], pid: int | None = None) -> list[socket.socket]:
    """The sockets that systemd has opened for this process; none where there is no socket unit.

    Raises:
        NotServed: They are announced, but are no listening sockets.
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
        raise NotServed(f"systemd announces {count!r} sockets, which cannot be used: {error}") from error
    return sockets


def expect_loopback(sockets: list[socket.socket]) -> None:
    """Without a token, nobody but this machine may reach the daemon, whoever opened its sockets.

    Raises:
        NotServed: Other machines can reach one of them.
    """
    for bound in sockets:
        name = bound.getsockname()
        # Behind a Unix socket everybody is a stranger: nobody is let in without a token.
        if isinstance(name, tuple) and not Listen(name[0], name[1]).is_loopback:
            raise NotServed(
                f"{_address(bound)} can be reached from other machines, and no token is configured: write tokens: "
                f"into tocsin.yaml, or listen on 127.0.0.1 (listen:, or ListenStream= of the socket unit)"
            )


def _address(bound: socket.socket) -> str:
    name = bound.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    return str(Listen(name[0], name[1]))
