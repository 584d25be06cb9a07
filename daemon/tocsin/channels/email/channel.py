"""The e-mail channel: one connection and one message per attempt."""

import asyncio
import ssl
from contextlib import suppress

import aiosmtplib

from tocsin.channels import http
from tocsin.channels.email.payload import render
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.text import plain, without
from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt

QUIT_WITHIN = 1.0
"""Seconds for the end of a session after the server has accepted the message."""

_BUSY = frozenset({421, 450, 452})
"""Replies of a server with too many connections or messages, or too little space (RFC 5321, 4.2.3)."""
_AUTH_ERRORS = frozenset({530, 534, 535, 538})
"""Replies of a server that requires credentials, or other ones (RFC 4954, 6)."""


class EmailChannel:
    """A channel that submits each notification to one server.

    SMTP servers do not deduplicate: an attempt without a response may have been delivered, and the retry is marked as a
    possible duplicate. Both have the same Message-ID, by which many mailboxes drop the second copy.
    """

    kind = "email"
    keyed = False
    handles = frozenset({Job.PAGE, Job.UPDATE, Job.ACKNOWLEDGE, Job.RESOLVE})

    def __init__(self, name: str, settings: EmailSettings) -> None:
        self.name = name
        self._settings = settings
        self._secrets = [settings.password.reveal()] if settings.password else []
        self._tls: ssl.SSLContext | None = None
        self._open: set[aiosmtplib.SMTP] = set()
        self._started = False

    async def start(self) -> None:
        """Load the trusted certificates."""
        if self._settings.tls != "none":
            self._tls = await asyncio.to_thread(ssl.create_default_context, cafile=self._settings.ca_file)
        self._started = True

    async def send(self, content: Content) -> Receipt:
        """Make one attempt to deliver a notification."""
        if not self._started:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started")
        message = render(content, self._settings)
        session = self._session()
        self._open.add(session)
        handing_over = False
        try:
            async with asyncio.timeout(self._settings.timeout / SECOND):
                await self._prepare(session, content.destination)
                handing_over = True
                answer = await session.data(message)
        except Exception as error:  # noqa: BLE001 - the library may raise anything about a server's reply
            return self._classify(error, handing_over=handing_over)
        else:
            await _quit(session)
            return Receipt(Outcome.SENT, ref=plain(answer.message, 120))
        finally:
            self._open.discard(session)
            session.close()

    async def close(self) -> None:
        """Close the open connections."""
        self._started = False
        for session in list(self._open):
            session.close()

    def _session(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.used_port,
            # Without this name, the library looks up this machine's name in DNS, and waits for the answer.
            local_hostname=settings.sender.rpartition("@")[2],
            timeout=settings.timeout / SECOND,
            use_tls=settings.tls == "implicit",
            start_tls=False,
            tls_context=self._tls,
        )

    async def _prepare(self, session: aiosmtplib.SMTP, recipient: str) -> None:
        settings = self._settings
        await session.connect()
        await session.ehlo()
        if settings.tls == "starttls":
            if not session.supports_extension("starttls"):
                raise _NoEncryption
            await session.starttls(tls_context=self._tls)
            await session.ehlo()
        if settings.username is not None and settings.password is not None:
            await session.login(settings.username, settings.password.reveal())
        await session.mail(settings.sender)
        await session.rcpt(recipient)

    def _classify(self, error: Exception, *, handing_over: bool) -> Receipt:
        """Return the receipt for an exception. Only while ``handing_over`` may the server have accepted the message."""
        unknown = Outcome.AMBIGUOUS if handing_over else Outcome.RETRY
        match error:
            case aiosmtplib.SMTPResponseException():
                return self._refused(error.code, error.message, unknown)
            case _NoEncryption():
                return Receipt(Outcome.PERMANENT, Reason.BAD_ANSWER, detail="the server does not offer STARTTLS")
            case TimeoutError():
                return Receipt(unknown, Reason.TIMEOUT, detail="no answer in time")
            case aiosmtplib.SMTPConnectError() | aiosmtplib.SMTPServerDisconnected() | OSError():
                cause = "connection lost" if handing_over else "not connected"
                return Receipt(unknown, Reason.CONNECTION, detail=f"{cause}: {http.explain(error.__cause__ or error)}")
            case aiosmtplib.SMTPException():  # for example: no common authentication method
                detail = plain(without(error.message, self._secrets), http.DETAIL_LIMIT)
                return Receipt(Outcome.PERMANENT, Reason.AUTH, detail=detail)
        return Receipt(unknown, Reason.BAD_ANSWER, detail=f"cannot be understood: {type(error).__name__}")

    def _refused(self, code: int, reply: str, unknown: Outcome) -> Receipt:
        detail = plain(without(f"{code} {reply}", self._secrets), http.DETAIL_LIMIT)
        if code // 100 == 5:
            return Receipt(
                Outcome.PERMANENT, Reason.AUTH if code in _AUTH_ERRORS else Reason.CLIENT_ERROR, detail=detail
            )
        if code // 100 == 4:
            return Receipt(Outcome.RETRY, Reason.RATE_LIMITED if code in _BUSY else Reason.SERVER_ERROR, detail=detail)
        return Receipt(unknown, Reason.BAD_ANSWER, detail=detail)


class _NoEncryption(Exception):
    """The server does not offer the encryption that the settings require."""


async def _quit(session: aiosmtplib.SMTP) -> None:
    with suppress(Exception):
        async with asyncio.timeout(QUIT_WITHIN):
            await session.quit()
