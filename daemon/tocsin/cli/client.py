"""The HTTP client of the daemon: its address, the token, and error messages that say what to do."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

import tocsin
from tocsin.core.plain_text import one_line

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

DEFAULT_URL = "http://127.0.0.1:9099"
TIMEOUT = 30.0
"""Seconds that one call may take; the daemon itself stops waiting for a commit after 8 s."""

_SOME_INCIDENT = re.compile(r"there is no incident\b", re.IGNORECASE)

P = ParamSpec("P")


class Refused(click.ClickException):
    """An error: the daemon does not answer, or refuses a request. The message says what the caller can do."""

    def __init__(self, message: str, status: int | None = None, answer: str = "") -> None:
        """Create the error; ``status`` and ``answer`` are the status and the body of the daemon's answer, if any."""
        super().__init__(message)
        self.status = status
        self.answer = answer


class DaemonClient:
    """The API of one daemon."""

    def __init__(self, url: URL, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def get(self, path: str, **query: str | int | tuple[str, ...] | None) -> Any:
        """Send a GET request to a quoted path; return the decoded answer.

        Parameters that are None are left out; a tuple repeats its parameter for each value.

        Raises:
            Refused: The daemon did not answer, or answered with an error.
        """
        return await self._call("GET", path, params=_parameters(query))

    async def post(self, path: str, body: object, **query: str | None) -> Any:
        """Send a POST request with JSON to a quoted path; return the decoded answer.

        Raises:
            Refused: The daemon did not answer, or answered with an error.
        """
        return await self._call("POST", path, json=body, params=_parameters(query))

    async def _call(self, method: str, path: str, **how: Any) -> Any:
        import aiohttp

        target = self.url.joinpath(path.lstrip("/"), encoded=True)
        try:
            async with self._session.request(method, target, allow_redirects=False, **how) as answer:
                status, text = answer.status, await answer.text(errors="replace")
        except aiohttp.ClientConnectorError as error:
            is_refused = isinstance(error.os_error, ConnectionRefusedError)
            raise Refused(
                f"Cannot connect to {self.url}: {'nothing listens there' if is_refused else error.strerror or error}. "
                "Is `tocsin serve` running? Set TOCSIN_URL or --url if it has another address."
            ) from None
        except TimeoutError:
            raise Refused(
                f"{self.url} did not answer within {TIMEOUT:.0f} s. The daemon may be overloaded; try again."
            ) from None
        except aiohttp.ClientError as error:
            raise Refused(
                f"{self.url} did not send a valid HTTP answer: {_short(str(error), 200)}. Is it tocsin?"
            ) from None
        if status >= 300:
            raise Refused(_explained(status, text), status, text)
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise Refused(f"{self.url} answered {_short(text, 80)!r}, which is not JSON. Is it tocsin?") from None


def _parameters(query: Mapping[str, str | int | tuple[str, ...] | None]) -> list[tuple[str, str]]:
    return [
        (name, str(value))
        for name, values in query.items()
        if values is not None
        for value in (values if isinstance(values, tuple) else (values,))
    ]


def _short(text: str, limit: int) -> str:
    """Return the text as one line without control characters, cut to the limit."""
    line = one_line(text[: 4 * limit])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _explained(status: int, text: str) -> str:
    try:
        reason = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        reason = text or "no reason given"
    message = f"{_short(str(reason), 500)} (HTTP {status})"
    if status == 401:
        return f"{message}. Set TOCSIN_TOKEN_FILE or --token-file to the file that contains your token."
    if status == 403:
        return f"{message}. The `scopes:` of your token in tocsin.yaml list what it may do."
    if status == 404 and _SOME_INCIDENT.match(str(reason)):
        return f"{message}. `tocsin incidents list` lists the open incidents, with --all the resolved ones as well."
    return message


def connected(function: Callable[Concatenate[DaemonClient, P], Awaitable[None]]) -> Callable[..., None]:
    """Turn a coroutine function, whose first argument is a `DaemonClient`, into the body of a command."""

    @functools.wraps(function)
    def body(url: str, token_file: Path | None, *args: P.args, **kwargs: P.kwargs) -> None:
        import asyncio

        import aiohttp

        target, headers = _target(url), _headers(token_file)

        async def talk() -> None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
                await function(DaemonClient(target, session), *args, **kwargs)

        asyncio.run(talk())

    file = click.Path(path_type=Path, dir_okay=False)
    with_file = click.option(
        "--token-file", type=file, envvar="TOCSIN_TOKEN_FILE", show_envvar=True, help="File with the API token."
    )(body)
    return click.option(
        "--url",
        default=DEFAULT_URL,
        envvar="TOCSIN_URL",
        show_envvar=True,
        show_default=True,
        help="Address of the daemon.",
    )(with_file)


def fetch(url: str, token_file: Path | None, path: str, seconds: float) -> Any:
    """GET one path within a time, for a command that has no `DaemonClient`.

    Raises:
        click.ClickException: The daemon did not answer in time, or answered with an error.
    """
    import asyncio

    import aiohttp

    target, headers = _target(url), _headers(token_file)

    async def talk() -> Any:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            return await DaemonClient(target, session).get(path)

    return asyncio.run(talk())


def _target(text: str) -> URL:
    from yarl import URL

    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise click.BadParameter(f"{text!r} is not an HTTP URL; write for example {DEFAULT_URL}", param_hint="--url")
    return url.with_query(None).with_fragment(None)


def _headers(token_file: Path | None) -> dict[str, str]:
    headers = {"User-Agent": f"tocsin/{tocsin.__version__} (command line)"}
    if token_file is not None:
        try:
            token = token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"cannot read the token: {error}", param_hint="--token-file") from None
        if not token or not token.isprintable() or not token.isascii():
            raise click.BadParameter(
                f"{str(token_file)!r} does not contain a token (one line of ASCII characters)",
                param_hint="--token-file",
            )
        headers["Authorization"] = f"Bearer {token}"
    return headers
