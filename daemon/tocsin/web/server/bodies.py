"""Reading and parsing of request bodies."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from aiohttp import hdrs, web

from tocsin.core.duration import parse_duration
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import BUSY, Refusal, bad_request

SMALL = 256 * 1024
"""Maximum size of a body without alerts, in bytes; PagerDuty's bodies are never larger."""

T = TypeVar("T")


async def read_body(request: web.Request, limit: int = SMALL) -> bytes:
    """Return the raw body.

    Raises:
        Refusal: The body is compressed, does not arrive in time, or has more bytes than ``limit``.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        # No sender of webhooks compresses them, and a small compressed body may expand to gigabytes.
        raise Refusal(415, "content_encoding", "the body is compressed; send it uncompressed", reason="malformed")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        if request.content.is_eof():  # the body came together with its head, as nearly always: no timer is needed
            body = await request.read()
        else:
            async with asyncio.timeout(request.app[EDGE].deadlines.body):
                body = await request.read()
    except TimeoutError:
        # Not 408: an Alertmanager behind a bad line should retry, and retries only after a 5xx.
        headers = {**BUSY, hdrs.CONNECTION: "close"}
        message = f"the body did not arrive within {request.app[EDGE].deadlines.body:g} s; send it again"
        raise Refusal(503, "slow", message, headers=headers) from None
    except ConnectionError:  # no client is left to read the answer, and the daemon is not at fault
        raise Refusal(400, "aborted", "the connection was closed before the body was complete") from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(limit) from None
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def read_json(request: web.Request, type_: type[T]) -> T:
    """Return a small JSON body, decoded as this type; an empty body counts as ``{}``.

    Raises:
        Refusal: The body is not JSON, or not of this type.
    """
    body = await read_body(request)
    try:
        return msgspec.json.decode(body or b"{}", type=type_)
    except msgspec.ValidationError as error:
        raise bad_request(str(error), "malformed") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"the body is not JSON ({error}); send {_expected(type_)}", "malformed") from None


def _expected(type_: type) -> str:
    """Return a description of the body of this type."""
    fields = [f'"{field.encode_name}"' for field in msgspec.structs.fields(type_)]
    return f"a JSON object with the fields {', '.join(fields)}" if fields else "an empty JSON object, {}"


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"the body is larger than {limit} bytes", reason="too_large")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its UTC offset."""


def micros_of(moment: datetime | None) -> int | None:
    """Return a time from a request in microseconds since the epoch."""
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def duration_of(text: str | None, name: str = "duration") -> int | None:
    """Return a duration from a request in microseconds; ``name`` is the name of the field.

    Raises:
        Refusal: The text is not a duration.
    """
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise bad_request(f"{name} {error}") from None
