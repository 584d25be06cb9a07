"""Parsing of the parameters in a request's path and query string."""

from typing import Any

from aiohttp import web

from tocsin.web.server.answers import bad_request

DEFAULT_LIMIT = 50
"""Number of items in a list, if the request has no ``limit``."""
MAX_LIMIT = 500
"""Maximum value of ``limit``."""
DEFAULT_SOURCE = "default"
"""The source of webhooks without a source in the path."""


def expect_known(request: web.Request, known: frozenset[str]) -> None:
    """Check that all query parameters are known.

    Raises:
        Refusal: A parameter is unknown.
    """
    unknown = sorted(set(request.query) - known)
    if unknown:
        raise bad_request(f"unknown parameter {unknown[0]!r}; known: {', '.join(sorted(known))}")


def number(query: Any, name: str, least: int, most: int) -> int | None:
    """Return an integer parameter, None if it is missing.

    Raises:
        Refusal: The value is not an integer from ``least`` to ``most``.
    """
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or not least <= int(text) <= most:
        raise bad_request(f"{name} must be a number from {least} to {most}, not {text!r}")
    return int(text)


def flag(query: Any, name: str) -> bool:
    """Return a boolean parameter, False if it is missing.

    Raises:
        Refusal: The value is neither ``true`` nor ``false``.
    """
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise bad_request(f"{name} must be true or false, not {text!r}")
    return bool(text == "true")


def source_of(request: web.Request) -> str:
    """Return the source in a webhook's path."""
    return request.match_info.get("source", DEFAULT_SOURCE)
