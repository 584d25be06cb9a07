"""Reading the query string."""

from typing import Any

from aiohttp import web

from tocsin.web.answers import bad_request

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


def expect_known(request: web.Request, known: frozenset[str]) -> None:
    """Refuse parameters that mean nothing.

    Raises:
        Refusal: There is one.
    """
    unknown = sorted(set(request.query) - known)
    if unknown:
        raise bad_request(f"unknown parameter {unknown[0]!r}; known: {', '.join(sorted(known))}")


def number(query: Any, name: str, least: int, most: int) -> int | None:
    """A whole number among the parameters; None if it is not given.

    Raises:
        Refusal: It is no number, or not within its bounds.
    """
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or not least <= int(text) <= most:
        raise bad_request(f"{name} must be a number from {least} to {most}, not {text!r}")
    return int(text)


def flag(query: Any, name: str) -> bool:
    """Return whether a parameter is ``true``; False if it is not given.

    Raises:
        Refusal: It is neither ``true`` nor ``false``.
    """
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise bad_request(f"{name} must be true or false, not {text!r}")
    return bool(text == "true")
