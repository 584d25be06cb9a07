"""What the edge answers with: JSON, and errors as ``{"error": {"code", "message"}}``."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import hdrs, web

from tocsin.core.errors import TocsinError

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
"""Of the answers to webhooks, which no browser ever shows."""


BUSY: Mapping[str, str] = {hdrs.RETRY_AFTER: "5"}
"""Of an answer that asks the sender to try again."""


class Refusal(TocsinError):
    """A request that gets an error for its answer."""

    def __init__(
        self, status: int, code: str, message: str, *, reason: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """``reason`` is what the metric ``inbound_rejected_total`` says; "" where nothing was wrong with the sender."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.headers = headers or {}

    def answer(self) -> web.Response:
        """The answer."""
        return problem(self.status, self.code, str(self), self.headers)


def bad_request(message: str, code: str = "bad_request") -> Refusal:
    """The caller's mistake."""
    return Refusal(400, code, message, reason="malformed")


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error."""
    return json_answer({"error": {"code": code, "message": message}}, status, headers)


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Anything that msgspec can encode."""
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers={**SECURITY_HEADERS, **(headers or {})},
    )


def text_answer(text: str, status: int = 200, content_type: str = "text/plain") -> web.Response:
    """Plain text."""
    return web.Response(text=text, status=status, content_type=content_type, headers=SECURITY_HEADERS)


def webhook_answer(content: Any = None) -> web.Response:
    """The good answer to a webhook; empty without content, as Slack wants it."""
    if content is None:
        return web.Response(headers=_MACHINE_HEADERS)
    return web.Response(body=msgspec.json.encode(content), content_type="application/json", headers=_MACHINE_HEADERS)


def rfc3339(microseconds: int | None) -> str | None:
    """A time as the API writes it: RFC 3339, UTC, of a fixed width, so that text sorts as time does."""
    if microseconds is None:
        return None
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
