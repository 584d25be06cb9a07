"""HTTP answers: JSON, and errors as ``{"error": {"code", "message"}}``."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import hdrs, web

from tocsin.core.errors import (
    Conflict,
    IllegalTransition,
    InvalidValue,
    LimitReached,
    MatcherError,
    PlaceholderError,
    SourceUnavailable,
    StoreUnavailable,
    TocsinError,
    UnknownName,
    WindowError,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SECURITY_HEADERS: Mapping[str, str] = {
    "Server": "tocsin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

_MACHINE_HEADERS = {"Server": "tocsin"}
"""Headers of answers to webhooks, which are not shown in a browser."""


BUSY: Mapping[str, str] = {hdrs.RETRY_AFTER: "5"}
"""Headers of an answer that asks the sender to retry."""


ANSWERS: Mapping[type[TocsinError], tuple[int, str]] = {
    UnknownName: (404, "not_found"),
    IllegalTransition: (409, "conflict"),
    InvalidValue: (422, "unprocessable"),
    MatcherError: (422, "unprocessable"),
    PlaceholderError: (422, "unprocessable"),
    StoreUnavailable: (503, "unavailable"),
    SourceUnavailable: (503, "unavailable"),
    Conflict: (500, "internal"),
}
"""HTTP status and code of each class of errors, and of its subclasses.

A request that cannot be read gets 400, by a `Refusal`. An error that no request can cause, such as a conflict in the
store, gets 500: it is a bug in tocsin."""


class Refusal(TocsinError):
    """An error that becomes the answer to a request."""

    def __init__(
        self, status: int, code: str, message: str, *, reason: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Create a refusal; ``reason`` is a label of ``inbound_rejected_total``, "" if the sender is not at fault."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.headers = headers or {}

    def answer(self) -> web.Response:
        """Return the HTTP answer."""
        return problem(self.status, self.code, str(self), self.headers)


def bad_request(message: str, code: str = "bad_request") -> Refusal:
    """Return the refusal of a request that cannot be read."""
    return Refusal(400, code, message, reason="malformed")


def answer_to(error: TocsinError) -> web.Response | None:
    """Return the answer to a request that an error has ended; None if the error is a bug in tocsin."""
    status, code = next((ANSWERS[type_] for type_ in type(error).__mro__ if type_ in ANSWERS), (500, "internal"))
    if status == 500:
        return None
    hint = f"; {error.hint}" if isinstance(error, WindowError) and error.hint else ""
    return problem(status, code, f"{error}{hint}", BUSY if status == 503 else None)


def reason_of(error: TocsinError) -> str:
    """Return the label of ``inbound_rejected_total`` for a request that an error has ended, "" if none applies."""
    if isinstance(error, LimitReached):
        return "too_many"
    return "unprocessable" if isinstance(error, InvalidValue | MatcherError | PlaceholderError) else ""


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error as JSON."""
    return json_answer({"error": {"code": code, "message": message}}, status, headers)


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer with an object, which msgspec must be able to encode, as JSON."""
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers={**SECURITY_HEADERS, **(headers or {})},
    )


def text_answer(text: str, status: int = 200, content_type: str = "text/plain") -> web.Response:
    """Return an answer with a text, by default plain text."""
    return web.Response(text=text, status=status, content_type=content_type, headers=SECURITY_HEADERS)


def webhook_answer(content: Any = None) -> web.Response:
    """Return the answer to a successful webhook; without content, the body is empty, as Slack requires."""
    if content is None:
        return web.Response(headers=_MACHINE_HEADERS)
    return web.Response(body=msgspec.json.encode(content), content_type="application/json", headers=_MACHINE_HEADERS)


def rfc3339(microseconds: int | None) -> str | None:
    """Return a time in RFC 3339 (UTC) with a fixed width, so that sorting as text sorts by time."""
    if microseconds is None:
        return None
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
