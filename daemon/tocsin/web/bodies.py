"""Reading what a request holds."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from aiohttp import hdrs, web

from tocsin.conf.duration import parse_duration
from tocsin.web.answers import BUSY, Refusal, bad_request
from tocsin.web.keys import EDGE

SMALL = 256 * 1024
"""Bytes of anything but alerts; PagerDuty sends nothing larger."""

T = TypeVar("T")


async def read_body(request: web.Request, limit: int = SMALL) -> bytes:
    """The raw body.

    Raises:
        Refusal: It is packed, does not arrive in time, or has more bytes than ``limit``.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        # Nobody who sends webhooks packs them, and what unpacks to gigabytes need not be unpacked.
        raise Refusal(415, "content_encoding", "send the body as it is, not packed", reason="malformed")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        if request.content.is_eof():  # it came together with its head, as nearly always: no timer is needed
            body = await request.read()
        else:
            async with asyncio.timeout(request.app[EDGE].deadlines.body):
                body = await request.read()
    except TimeoutError:
        # Not 408: a real Alertmanager behind a bad line should try again, and 5xx is how to say that.
        headers = {**BUSY, hdrs.CONNECTION: "close"}
        raise Refusal(503, "slow", "the body did not arrive in time", headers=headers) from None
    except ConnectionError:  # nobody is left to read the answer, and nothing went wrong here
        raise Refusal(400, "aborted", "the connection ended before the body") from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(limit) from None
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def read_json(request: web.Request, type_: type[T]) -> T:
    """A small JSON body as this type; an empty one counts as ``{}``.

    Raises:
        Refusal: It is not that.
    """
    body = await read_body(request)
    try:
        return msgspec.json.decode(body or b"{}", type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(str(error) or "not JSON", "malformed") from None


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"the body is larger than {limit} bytes", reason="too_large")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment, with its time zone."""


def micros_of(moment: datetime | None) -> int | None:
    """A moment of a request, in microseconds since the epoch."""
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def duration_of(text: str | None, name: str = "duration") -> int | None:
    """Microseconds of a duration in a request.

    Raises:
        HTTPBadRequest: It is none.
    """
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise bad_request(f"{name} {error}") from None
