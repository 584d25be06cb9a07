"""Webhooks that tocsin sends to itself, for scheduled drills."""

import secrets
import socket
from collections.abc import Sequence

import aiohttp

from tocsin.core.alerts.alert import DRILL_SOURCE
from tocsin.core.errors import TocsinError

TIMEOUT = 15.0
"""Seconds until an answer; a webhook is committed or refused sooner."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a socket is bound to, not a place to bind to


class NotAccepted(TocsinError):
    """Tocsin's own webhook was not answered with 200."""


class OwnWebhook:
    """The sender of webhooks to this daemon's own address, with a token that only this process knows."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._bound: socket.socket | None = None

    def listens_on(self, sockets: Sequence[socket.socket]) -> None:
        """Set the sockets of the server; the first one is used."""
        self._bound = sockets[0] if sockets else None

    async def post(self, body: bytes) -> None:
        """Send a webhook; return once it was answered with 200.

        Raises:
            NotAccepted: It was not.
        """
        if self._bound is None:
            raise NotAccepted("the server does not listen yet")
        name = self._bound.getsockname()
        connector = aiohttp.TCPConnector() if isinstance(name, tuple) else aiohttp.UnixConnector(name)
        host, port = _where(name)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        url = f"http://{host}:{port}/webhooks/alertmanager/{DRILL_SOURCE}"
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT)) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise NotAccepted(f"answered {answer.status}: {(await answer.text())[:300]}")
        except (aiohttp.ClientError, OSError) as error:
            raise NotAccepted(str(error) or type(error).__name__) from error


def _where(name: object) -> tuple[str, int]:
    """Return the host, as a URL writes it, and the port of a bound address."""
    if not isinstance(name, tuple):
        return "localhost", 80
    host, port = _ANY.get(str(name[0]), str(name[0])), int(name[1])
    return (f"[{host}]" if ":" in host else host), port
