"""Requests to a provider's JSON API: each returns the answer, or the receipt for a refusal."""

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

import aiohttp

from tocsin.channels import http
from tocsin.channels.hold_off import HoldOff
from tocsin.ports.channel import Outcome, Reason, Receipt

Classify = Callable[[aiohttp.ClientResponse, Receipt, int], Receipt]
"""(response, receipt, now) -> the provider's own meaning of a status, where it differs from that of every provider."""


ALL = "every call"
"""The one kind of request at providers that limit all requests of a token together."""


class CallFailed(Exception):
    """A failed request; ``receipt`` has the outcome."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.detail)
        self.receipt = receipt


class Client:
    """One provider's API."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        secrets: Iterable[str],
        timeout: int,
        classify: Classify | None = None,
    ) -> None:
        """Create a client; ``timeout`` limits one request, in microseconds."""
        self._base_url = base_url
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._timeout = timeout
        self._classify = classify
        self._session: aiohttp.ClientSession | None = None
        self._hold_off = HoldOff()

    def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._timeout, lists=True)

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, method: str, path: str, now: int, body: object = None, **query: str) -> Any:
        """Return the response, decoded from JSON; None if it is empty.

        Raises:
            CallFailed: The request failed, or its outcome is unknown.
        """
        answer, _ = await self._fetch(method, f"{self._base_url}{path}", now, body, query)
        return answer

    async def listing(self, path: str, now: int, pages: int, **query: str) -> AsyncGenerator[Any]:
        """Yield the items of a list, following ``Link: <...>; rel="next"`` (RFC 8288).

        ``pages`` bounds the number of requests. Links to another host are not followed: credentials belong to this one.

        Raises:
            CallFailed: A page cannot be fetched.
        """
        url: str | None = f"{self._base_url}{path}"
        for _ in range(pages):
            if url is None or not url.startswith(f"{self._base_url}/"):
                return
            answer, url = await self._fetch("GET", url, now, None, query)
            query = {}  # the link contains the query
            for item in answer if isinstance(answer, list) else ():
                yield item

    async def _fetch(
        self, method: str, url: str, now: int, body: object, query: Mapping[str, str]
    ) -> tuple[Any, str | None]:
        """Return the answer, read as JSON, and the link to the next page."""
        if self._session is None:
            raise CallFailed(Receipt(Outcome.RETRY, Reason.INTERNAL, "it is not started"))
        held = self._hold_off.ask(ALL, now)
        if held is not None:
            raise CallFailed(held)
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = self._headers | ({"Content-Type": "application/json"} if data is not None else {})
            async with self._session.request(method, url, params=query or None, data=data, headers=headers) as answer:
                return await self._read(answer, now), _next_page(answer)
        except (aiohttp.ClientError, OSError) as error:
            raise CallFailed(http.classify_error(error)) from error

    async def _read(self, answer: aiohttp.ClientResponse, now: int) -> Any:
        if answer.status // 100 != 2:
            detail = await http.excerpt(answer, self._secrets)
            receipt = http.classify_status(answer.status, detail, http.retry_after(answer.headers, now))
            receipt = self._classify(answer, receipt, now) if self._classify is not None else receipt
            self._hold_off.note(ALL, receipt, now)
            raise CallFailed(receipt)
        content = await answer.read()
        if answer.status == 204 or not content:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            detail = "the answer is no JSON"
            raise CallFailed(Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, detail, answer.status)) from error


def _next_page(answer: aiohttp.ClientResponse) -> str | None:
    link = answer.links.get("next")
    return str(link["url"]) if link is not None and "url" in link else None


def text(answer: object, *keys: str) -> str:
    """Return a text within a response by the path of its keys; "" if it is missing."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return str(answer) if isinstance(answer, str | int) and not isinstance(answer, bool) else ""
