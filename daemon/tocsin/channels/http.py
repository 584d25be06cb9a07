"""The HTTP client of all channels: bounded, without redirects or proxies, with one classification of outcomes."""

import asyncio
import errno
import ipaddress
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from tocsin import __version__
from tocsin.channels.text import plain, without
from tocsin.core.duration import SECOND
from tocsin.ports.channel import Outcome, Reason, Receipt

ANSWER_LIMIT = 64 * 1024
"""Maximum size of a response; no provider needs more."""

LISTING_LIMIT = 4 * 1024 * 1024
"""Maximum size of a response that is a list."""

DETAIL_LIMIT = 300
"""Maximum length of a receipt's detail, in characters."""
LONGEST_WAIT = 3600 * SECOND
"""Maximum wait that a provider can impose: a wrong header must not delay a page."""

USER_AGENT = f"tocsin/{__version__}"

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ConnectionRefusedError)
_CODES: dict[int, tuple[Outcome, Reason]] = {
    401: (Outcome.PERMANENT, Reason.AUTH),
    403: (Outcome.PERMANENT, Reason.AUTH),
    # An address that is not known there: the credential is part of it with most providers.
    404: (Outcome.PERMANENT, Reason.AUTH),
    407: (Outcome.PERMANENT, Reason.AUTH),
    # The server gave up waiting for the request, or would not take it this early: it did nothing.
    408: (Outcome.RETRY, Reason.TIMEOUT),
    425: (Outcome.RETRY, Reason.CLIENT_ERROR),
    429: (Outcome.RETRY, Reason.RATE_LIMITED),
    # A gateway lost the server behind it, which may have done its work.
    502: (Outcome.AMBIGUOUS, Reason.SERVER_ERROR),
    504: (Outcome.AMBIGUOUS, Reason.SERVER_ERROR),
}
_CLASSES: dict[int, tuple[Outcome, Reason]] = {
    2: (Outcome.SENT, Reason.NONE),
    # Redirects are not followed: a page goes where the configuration says, or nowhere.
    3: (Outcome.PERMANENT, Reason.BAD_ANSWER),
    4: (Outcome.PERMANENT, Reason.CLIENT_ERROR),
    5: (Outcome.RETRY, Reason.SERVER_ERROR),
}


class Redirected(aiohttp.ClientError):
    """The provider answered with a redirect, which is not followed."""

    def __init__(self, status: int) -> None:
        super().__init__(f"redirect ({status})")
        self.status = status


class AnswerTooLong(aiohttp.ClientPayloadError):
    """The response exceeds the limit; ``status`` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__("answer too long")
        self.status = status


class _BoundedResponse(aiohttp.ClientResponse):
    """A response that is never read beyond its limit."""

    limit = ANSWER_LIMIT

    async def read(self) -> bytes:
        if self._body is None:
            body = bytearray()
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > self.limit:
                    self.close()
                    raise AnswerTooLong(self.status)
            self._body = bytes(body)
        return await super().read()


async def _refuse_redirect(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if response.status // 100 == 3:
        response.close()
        raise Redirected(response.status)
    return response


class _LongerResponse(_BoundedResponse):
    limit = LISTING_LIMIT


def open_session(timeout: int, *, lists: bool = False) -> aiohttp.ClientSession:
    """Return a session for one channel; ``timeout`` limits a whole request, in microseconds.

    ``lists``: responses may be listings, up to `LISTING_LIMIT`.

    The session reads neither proxies nor credentials from the environment, keeps no cookies, and refuses redirects and
    responses beyond `ANSWER_LIMIT`.
    """
    total = timeout / SECOND
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(5.0, total)),
        connector=aiohttp.TCPConnector(limit=20),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        response_class=_LongerResponse if lists else _BoundedResponse,
        middlewares=(_refuse_redirect,),
        trust_env=False,
    )


def classify_status(status: int, detail: str = "", retry_after: int | None = None) -> Receipt:
    """Return the receipt for an HTTP status, the same for all channels."""
    outcome, reason = _CODES.get(status) or _CLASSES.get(status // 100, (Outcome.AMBIGUOUS, Reason.BAD_ANSWER))
    return Receipt(
        outcome,
        reason,
        detail=detail if outcome is not Outcome.SENT else "",
        http_status=status,
        retry_after=retry_after if outcome is Outcome.RETRY else None,
    )


def classify_error(error: Exception) -> Receipt:
    """Return the receipt for an exception of aiohttp.

    Refused, unresolved or not connected in time: certainly not sent. Anything later: there was no response, and the
    provider may have accepted the request.
    """
    if isinstance(error, Redirected):
        return classify_status(error.status, detail=str(error))
    if isinstance(error, AnswerTooLong):
        # The detail needs more than the status.
        receipt = classify_status(error.status, detail=str(error))
        return receipt if receipt.outcome is not Outcome.SENT else unreadable(error.status)
    if isinstance(error, _NEVER_SENT):
        return Receipt(Outcome.RETRY, Reason.CONNECTION, detail=f"not connected: {explain(error)}")
    if isinstance(error, aiohttp.InvalidURL):
        return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail="the URL is not valid")
    if isinstance(error, TimeoutError):
        return Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, detail="no answer in time")
    return Receipt(Outcome.AMBIGUOUS, Reason.CONNECTION, detail=f"connection lost: {explain(error)}")


def unreadable(status: int | None = None) -> Receipt:
    """Return a receipt for a response that cannot be interpreted: the provider may have accepted the request."""
    detail = "an answer that is none of the provider's"
    return Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, detail=detail, http_status=status)


def explain(error: BaseException) -> str:
    """Return a description of an exception without its arguments, which may contain URLs."""
    cause: BaseException | None = getattr(error, "os_error", error)
    while cause is not None:
        number = getattr(cause, "errno", None)
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {plain(getattr(cause, 'reason', None) or _in_words(cause), 80)}"
        if isinstance(number, int) and number in errno.errorcode:
            return f"{os.strerror(number).lower()} ({errno.errorcode[number]})"
        cause = cause.__cause__ or cause.__context__
    return _in_words(error)


_WORDS = {
    "ClientConnectorDNSError": "the host name cannot be resolved",
    "ServerDisconnectedError": "the server closed the connection",
}


def _in_words(error: BaseException) -> str:
    """Return the name of an exception's class as words: ``client payload error``."""
    name = type(error).__name__
    return _WORDS.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def retry_after(headers: Mapping[str, str], now: int) -> int | None:
    """Return the microseconds that ``Retry-After`` asks to wait: seconds or an HTTP date (RFC 9110 10.2.3).

    A date is relative to the response's own ``Date``, so that the two clocks need not agree; without one, to ``now``.
    None if the header is missing or malformed.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:9]) * SECOND, LONGEST_WAIT)
    until = _http_date(value)
    if until is None:
        return None
    since = _http_date(headers.get("Date", ""))
    return max(0, min(until - (now if since is None else since), LONGEST_WAIT))


def _http_date(value: str) -> int | None:
    try:
        parsed = parsedate_to_datetime(value)
        return int(parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None


async def excerpt(response: aiohttp.ClientResponse, secrets: Iterable[str]) -> str:
    """Return the beginning of an error response for the timeline: one line without secrets, "" if it cannot be read."""
    try:
        body = await response.read()
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError):
        return ""
    return error_text(body, secrets)


def error_text(body: bytes, secrets: Iterable[str]) -> str:
    """Return a provider's text for the timeline: one line without secrets."""
    return plain(without(body[:4096].decode(errors="replace"), secrets), DETAIL_LIMIT)


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine, by its name or address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(url: str) -> str:
    """Return a provider's base URL: https, or plain http on loopback, for a stand-in.

    Raises:
        ValueError: It is neither; credentials would be sent unencrypted.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0 or parts.query or parts.fragment or parts.username:
        raise ValueError("is no base URL: write https://host or https://host/path")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)):
        return url.rstrip("/")
    raise ValueError("must begin with https:// (plain http is for loopback only)")
