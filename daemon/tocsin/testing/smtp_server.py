"""A stand-in for a mail server: takes mail by SMTP as a strict one does, and keeps it.

``python -m tocsin.testing.smtp_server --port 8025 --log mail.jsonl``
"""

import asyncio
import base64
import binascii
import contextlib
import re
import ssl
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import web

from tocsin.testing.smtp_message import check_message
from tocsin.testing.standin import StandIn, arguments, serve

USER, PASSWORD = "tocsin", "a-mail-password-1"
LONGEST_COMMAND = 512
SIZE = 1 << 20
"""Octets that a message may have."""

CONNECTIONS = 50
"""Connections at once from one address, as Postfix has it by default."""

_PATH = re.compile(r"<([^<>@ ]+@[A-Za-z0-9.-]+)>(?: (.*))?")


@dataclass(frozen=True)
class SmtpFault:
    """What goes wrong at the next ``stage`` that is reached.

    Stages: ``connect``, ``ehlo``, ``starttls``, ``auth``, ``mail``, ``rcpt``, ``data``, ``content`` (the message is
    there, and is to be answered).
    """

    stage: str
    reply: str = ""
    """Answered with this, such as ``421 too busy``; empty: the connection is cut, or hangs."""
    hang: bool = False
    accept: bool = False
    """At ``content``: the message is taken all the same."""


@dataclass
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    encrypted: bool = False
    greeted: bool = False
    user: str = ""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)


class _End(Exception):
    """The session is over."""


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
        """With a ``certificate`` (and its key) TLS is demanded, by STARTTLS or with ``implicit`` from the beginning.

        With ``login`` nobody sends mail without `USER` and `PASSWORD`; ``known`` are the only recipients.
        """
        super().__init__(port=port, log=log)
        self.implicit = implicit
        self.login = login
        self.known = known
        self.connections = CONNECTIONS
        """How many it serves at once."""
        self.faults: deque[SmtpFault] = deque()
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(*certificate)
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """``smtp://127.0.0.1:<port>``."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def routes(self, app: web.Application) -> None:
        """It speaks no HTTP."""

    async def __aenter__(self) -> Self:
        self.open_log()
        context = self._tls if self.implicit else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=context, limit=4 * SIZE)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.close()
        for task in list(self._sessions):
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        self.close_log()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        task = asyncio.current_task()
        if task is not None:
            self._sessions.add(task)
            task.add_done_callback(self._sessions.discard)
        session = _Session(reader, writer, encrypted=self.implicit)
        if len(self._sessions) > self.connections:
            writer.write(b"421 4.7.0 too many connections from your address\r\n")
            with contextlib.suppress(ConnectionError):
                await writer.drain()
                writer.close()
            return
        with contextlib.suppress(
            _End, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError
        ):
            await self._answer(session, "connect", "220 mail.example.com ESMTP")
            while True:
                await self._command(session)
        session.writer.transport.abort()

    async def _command(self, session: _Session) -> None:
        line = await self._line(session)
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                await self._ehlo(session, rest)
            case "STARTTLS" if self._tls is not None and not session.encrypted:
                await self._starttls(session)
            case "AUTH":
                await self._auth(session, rest)
            case "MAIL":
                await self._mail(session, rest)
            case "RCPT":
                await self._rcpt(session, rest)
            case "DATA":
                await self._data(session)
            case "QUIT":
                await self._say(session, "221 bye")
                raise _End
            case _:
                await self._say(session, "502 not known here")

    async def _line(self, session: _Session) -> str:
        raw = await session.reader.readuntil(b"\n")
        if not raw.endswith(b"\r\n") or len(raw) > LONGEST_COMMAND or b"\r" in raw[:-2]:
            await self._say(session, "500 no line of a command")
            raise _End
        return raw[:-2].decode("ascii", errors="replace")

    async def _ehlo(self, session: _Session, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f.:]+\]", name):
            await self._say(session, "501 no domain")
            return
        session.greeted = True
        offers = [f"SIZE {SIZE}", "ENHANCEDSTATUSCODES"]
        offers += ["STARTTLS"] if self._tls is not None and not session.encrypted else []
        offers += ["AUTH PLAIN LOGIN"] if session.encrypted or self._tls is None else []
        lines = ["mail.example.com", *offers]
        dashed = "".join(f"250-{line}\r\n" for line in lines[:-1])
        await self._answer(session, "ehlo", f"{dashed}250 {lines[-1]}")

    async def _starttls(self, session: _Session) -> None:
        await self._answer(session, "starttls", "220 go ahead")
        if self._tls is None:
            raise _End
        await session.writer.start_tls(self._tls)
        session.encrypted, session.greeted = True, False

    async def _auth(self, session: _Session, rest: str) -> None:
        method, _, initial = rest.partition(" ")
        if not session.greeted or (self._tls is not None and not session.encrypted):
            await self._say(session, "538 encryption first")
            return
        try:
            if method.upper() == "PLAIN" and initial:
                _, user, password = base64.b64decode(initial, validate=True).decode().split("\0")
            elif method.upper() == "LOGIN":
                user = base64.b64decode(initial).decode() if initial else await self._ask(session, "Username:")
                password = await self._ask(session, "Password:")
            else:
                await self._say(session, "504 no such method")
                return
        except (binascii.Error, ValueError):
            await self._say(session, "501 not understood")
            return
        if (user, password) != (USER, PASSWORD):
            await self._say(session, "535 5.7.8 wrong user name or password")
            return
        session.user = user
        await self._answer(session, "auth", "235 2.7.0 welcome")

    async def _ask(self, session: _Session, what: str) -> str:
        await self._say(session, f"334 {base64.b64encode(what.encode()).decode()}")
        return base64.b64decode(await self._line(session), validate=True).decode()

    async def _mail(self, session: _Session, rest: str) -> None:
        path = _PATH.fullmatch(rest[5:]) if rest[:5].upper() == "FROM:" else None
        size = re.search(r"SIZE=(\d+)", (path[2] or "") if path else "")
        if self._tls is not None and not session.encrypted:
            await self._say(session, "530 5.7.0 must issue a STARTTLS command first")
        elif self.login and not session.user:
            await self._say(session, "530 5.7.0 authentication required")
        elif not session.greeted or session.sender:
            await self._say(session, "503 not now")
        elif path is None:
            await self._say(session, "501 no address")
        elif size is not None and int(size[1]) > SIZE:
            await self._say(session, "552 5.3.4 too large")
        else:
            session.sender = path[1]
            await self._answer(session, "mail", "250 2.1.0 ok")

    async def _rcpt(self, session: _Session, rest: str) -> None:
        path = _PATH.fullmatch(rest[3:]) if rest[:3].upper() == "TO:" else None
        if not session.sender:
            await self._say(session, "503 not now")
        elif path is None:
            await self._say(session, "501 no address")
        elif self.known is not None and path[1] not in self.known:
            await self._say(session, "550 5.1.1 no such user here")
        else:
            session.recipients.append(path[1])
            await self._answer(session, "rcpt", "250 2.1.5 ok")

    async def _data(self, session: _Session) -> None:
        if not session.recipients:
            await self._say(session, "503 nobody to send it to")
            return
        await self._answer(session, "data", "354 end with a dot")
        raw = await session.reader.readuntil(b"\r\n.\r\n")
        lines = raw[:-3].split(b"\r\n")
        content = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        said, wrong = check_message(content)
        if len(content) > SIZE:
            wrong = "too large"
        if not wrong and session.sender != said["headers"]["From"].addresses[0].addr_spec:
            wrong = "From is not who sends it"
        if wrong:
            await self._say(session, f"554 5.6.0 {wrong}")
        else:
            fault = self._fault("content")
            if fault is None or fault.accept:
                self._take(session, said)
            await self._reply(session, fault, f"250 2.0.0 queued as {self.requests}")
        session.sender, session.recipients = "", []

    def _take(self, session: _Session, said: dict[str, object]) -> None:
        headers = {name: str(value) for name, value in dict(said.pop("headers")).items()}  # type: ignore[call-overload]  # a dict
        self.accept(
            sender=session.sender,
            recipients=list(session.recipients),
            user=session.user,
            encrypted=session.encrypted,
            headers=headers,
            **said,
        )

    def _fault(self, stage: str) -> SmtpFault | None:
        if self.faults and self.faults[0].stage == stage:
            return self.faults.popleft()
        return None

    async def _answer(self, session: _Session, stage: str, usual: str) -> None:
        await self._reply(session, self._fault(stage), usual)

    async def _reply(self, session: _Session, fault: SmtpFault | None, usual: str) -> None:
        if fault is None:
            await self._say(session, usual)
        elif fault.hang:
            await self._stopping.wait()
        elif not fault.reply:
            raise _End
        else:
            await self._say(session, fault.reply)
            if fault.reply.startswith("421"):
                raise _End

    async def _say(self, session: _Session, text: str) -> None:
        session.writer.write(f"{text}\r\n".encode())
        await session.writer.drain()


def main() -> None:
    """Run it by itself."""
    given = arguments("A stand-in for a mail server on loopback.").parse_args()
    serve(lambda: SmtpServer(port=given.port, log=given.log))


if __name__ == "__main__":
    main()
