"""A stand-in for a mail server: accepts mail by SMTP as strictly as possible, and keeps it.

``python -m tocsin.testing.smtp_server --port 8025 --log mail.jsonl``; needs the extra ``tocsin[sandbox]``.
"""

import asyncio
import logging
import re
import ssl
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tocsin.testing.smtp_message import check_message
from tocsin.testing.standin import StandIn, arguments, serve

USER, PASSWORD = "tocsin", "a-mail-password-1"
SIZE = 1 << 20
"""Maximum number of octets of a message."""

CONNECTIONS = 50
"""Maximum number of simultaneous connections of one address, the default of Postfix."""

_PATH = r"<[^<>@ ]+@[A-Za-z0-9.-]+>( .*)?"
_DOMAIN = r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f.:]+\]"
_LONGEST_ARGUMENT = 512 - len("MAIL \r\n")
"""The library lets each SIZE that is announced lengthen the limit of all connections."""

logging.getLogger("mail.log").setLevel(logging.ERROR)  # each login is a warning about the library's own next version


@dataclass(frozen=True)
class SmtpFault:
    """A fault at the next ``stage`` that is reached.

    Stages: ``connect``, ``ehlo``, ``starttls``, ``auth``, ``mail``, ``rcpt``, ``data``, ``content`` (the message has
    been received but not answered).
    """

    stage: str
    reply: str = ""
    """Answered with this, such as ``421 too busy``; empty: the connection is cut, or hangs."""
    hang: bool = False
    accept: bool = False
    """At ``content``: the message is accepted despite the fault."""


class _Connection(SMTP):
    """A connection of the library, with stricter checks and with the scripted faults."""

    def __init__(self, server: "SmtpServer") -> None:
        self.server = server
        self.stage = "connect"
        self._half_line_end = b""
        tls = None if server.implicit else server.tls
        super().__init__(
            server,
            hostname="mail.example.com",
            data_size_limit=SIZE,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_require_tls=tls is not None,
            authenticator=server.authenticate,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server.connected.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.connected.discard(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if re.search(rb"(?<!\r)\n|\r[^\n]", self._half_line_end + data):
            self.end(b"500 a CR or LF that stands alone\r\n")
            return
        self._half_line_end = data[-1:] if data.endswith(b"\r") else b""
        super().data_received(data)

    def end(self, last_words: bytes = b"") -> None:
        """Cut the connection."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(last_words)
            self.transport.close()

    async def push(self, status: str | bytes) -> None:
        reply = status if isinstance(status, str) else status.decode()
        fault = self.server.fault(self.stage) if reply.startswith(("220", "235", "250", "354")) else None
        if fault is not None:
            reply = fault.reply
        elif self.stage == "connect" and len(self.server.connected) > self.server.connections:
            reply = "421 4.7.0 too many connections from your address"
        if reply:
            await super().push(reply)
        if reply.startswith("354"):
            self.stage = "content"
        if not reply or reply.startswith("421"):
            if fault is None or not fault.hang:
                self.end()
            await asyncio.Event().wait()  # until the connection is gone, which cancels this

    async def check_auth_needed(self, caller_method: str) -> bool:
        if self.server.login and self.session is not None and not self.session.authenticated:
            await self.push("530 5.7.0 authentication required")
            return True
        return False

    async def _begin(self, stage: str, form: str, argument: str | None) -> bool:
        self.stage = stage
        argument = argument or ""
        is_good = bool(re.fullmatch(form, argument)) and len(argument) <= _LONGEST_ARGUMENT
        if not is_good:
            await self.push("501 not understood")
        return is_good

    async def smtp_HELO(self, hostname: str) -> None:
        await self.push("502 EHLO is wanted")

    async def smtp_EHLO(self, hostname: str) -> None:
        if await self._begin("ehlo", _DOMAIN, hostname):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if self.session is not None and self.session.ssl is not None:
            await self.push("503 it is encrypted")
        elif await self._begin("starttls", "", arg):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        if await self._begin("auth", ".+", arg):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if await self._begin("mail", f"(?i:FROM:){_PATH}", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if await self._begin("rcpt", f"(?i:TO:){_PATH}", arg):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if await self._begin("data", "", arg):
            await super().smtp_DATA(arg)


class SmtpServer(StandIn):
    """Speaks SMTP on 127.0.0.1.

    An ``accepted`` entry holds ``sender``, ``recipients``, ``user``, ``encrypted``, and of the message ``subject``,
    ``message_id``, ``references``, ``headers`` and ``body``.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        log: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
        implicit: bool = False,
        login: bool = False,
        known: Collection[str] | None = None,
    ) -> None:
        """Create a server.

        With a ``certificate`` (and its key), TLS is required, by STARTTLS or with ``implicit`` from the start. With
        ``login``, mail requires `USER` and `PASSWORD`; ``known`` are the only recipients.
        """
        super().__init__(port=port, log=log)
        self.implicit = implicit
        self.login = login
        self.known = known
        self.connections = CONNECTIONS
        """Maximum number of connections at once."""
        self.faults: deque[SmtpFault] = deque()
        self.connected: set[_Connection] = set()
        self.tls: ssl.SSLContext | None = None
        if certificate is not None:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(*certificate)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Return ``smtp://127.0.0.1:<port>``."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._port

    def routes(self, app: web.Application) -> None:
        """Add nothing: it does not speak HTTP."""

    async def __aenter__(self) -> Self:
        self.open_log()
        context = self.tls if self.implicit else None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", self._port, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.close()
        for connection in list(self.connected):
            connection.end()
        self.close_log()

    def _connection(self) -> _Connection:
        self.requests += 1
        return _Connection(self)

    def fault(self, stage: str) -> SmtpFault | None:
        """Take the next scripted fault if it belongs to this stage."""
        return self.faults.popleft() if self.faults and self.faults[0].stage == stage else None

    def authenticate(self, _: SMTP, session: Session, envelope: Envelope, mechanism: str, fields: Any) -> AuthResult:
        """See `aiosmtpd.smtp.SMTP`."""
        is_right = fields == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False, auth_data=fields)

    async def handle_EHLO(self, smtp: SMTP, session: Session, _: Envelope, name: str, offers: list[str]) -> list[str]:
        """See `aiosmtpd.smtp.SMTP`."""
        session.host_name = name
        offered = [line for line in offers if not line.endswith(("8BITMIME", "HELP"))]
        return ["\r\n".join([*offered, "250 ENHANCEDSTATUSCODES"])]

    async def handle_RCPT(self, _: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]) -> str:
        """See `aiosmtpd.smtp.SMTP`."""
        if self.known is not None and to not in self.known:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(to)
        return "250 2.1.5 ok"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        """See `aiosmtpd.smtp.SMTP`."""
        content, wrong = check_message(envelope.original_content or b"")
        if not wrong and envelope.mail_from != content["headers"]["From"].addresses[0].addr_spec:
            wrong = "From is not who sends it"
        if wrong:
            return f"554 5.6.0 {wrong}"
        fault = self.faults[0] if self.faults and self.faults[0].stage == "content" else None
        if fault is None or fault.accept:
            self.accept(
                sender=envelope.mail_from,
                recipients=list(envelope.rcpt_tos),
                user=USER if session.authenticated else "",
                encrypted=self.implicit or session.ssl is not None,
                headers={name: str(value) for name, value in content.pop("headers").items()},
                **content,
            )
        return f"250 2.0.0 queued as {self.requests}"


def main() -> None:
    """Run it by itself."""
    fields = arguments("A stand-in for a mail server on loopback.").parse_args()
    serve(lambda: SmtpServer(port=fields.port, log=fields.log))


if __name__ == "__main__":
    main()
