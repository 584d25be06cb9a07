"""Calls of a provider's JSON API, each classified: the answer, or the receipt that a refusal amounts to."""

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

import aiohttp

from tocsin.channels import http
from tocsin.channels.hold_off import HoldOff
from tocsin.ports.channel import Outcome, Reason, Receipt

Classify = Callable[[aiohttp.ClientResponse, Receipt, int], Receipt]
"""(answer, receipt, now) -> what a provider means by a status beyond what every provider does."""


ALL = "every call"
"""These providers limit a token's calls together."""


class Refused(Exception):
    """A call has not done what it should; ``receipt`` says what came of it."""

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
        """``timeout`` bounds one call, in microseconds."""
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
        """Close it."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, method: str, path: str, now: int, body: object = None, **query: str) -> Any:
        """What the provider answers, read as JSON; None where it answers nothing.

        Raises:
            Refused: It does not do it, or nobody knows whether it has.
        """
        answer, _ = await self._fetch(method, f"{self._base_url}{path}", now, body, query)
        return answer

    async def listing(self, path: str, now: int, pages: int, **query: str) -> AsyncGenerator[Any]:
        """Yield the items of a list, page by page as the answers' ``Link: <...>; rel="next"`` say (RFC 8288).

        ``pages`` bounds how many are read. A link to another host is not followed: the credentials are this one's.

        Raises:
            Refused: A page does not come.
        """
        url: str | None = f"{self._base_url}{path}"
        for _ in range(pages):
            if url is None or not url.startswith(f"{self._base_url}/"):
                return
            answer, url = await self._fetch("GET", url, now, None, query)
            query = {}  # the link holds what was asked for
            for item in answer if isinstance(answer, list) else ():
                yield item

    async def _fetch(
        self, method: str, url: str, now: int, body: object, query: Mapping[str, str]
    ) -> tuple[Any, str | None]:
        """Return the answer, read as JSON, and the link to the next page."""
        if self._session is None:
            raise Refused(Receipt(Outcome.RETRY, Reason.INTERNAL, "it is not started"))
        held = self._hold_off.ask(ALL, now)
        if held is not None:
            raise Refused(held)
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = self._headers | ({"Content-Type": "application/json"} if data is not None else {})
            async with self._session.request(method, url, params=query or None, data=data, headers=headers) as answer:
                return await self._read(answer, now), _next_page(answer)
        except (aiohttp.ClientError, OSError) as error:
            raise Refused(http.classify_error(error)) from error

    async def _read(self, answer: aiohttp.ClientResponse, now: int) -> Any:
        if answer.status // 100 != 2:
            said = await http.excerpt(answer, self._secrets)
            receipt = http.classify_status(answer.status, said, http.retry_after(answer.headers, now))
            receipt = self._classify(answer, receipt, now) if self._classify is not None else receipt
            self._hold_off.note(ALL, receipt, now)
            raise Refused(receipt)
        content = await answer.read()
        if answer.status == 204 or not content:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            told = "the answer is no JSON"
            raise Refused(Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, told, answer.status)) from error


def _next_page(answer: aiohttp.ClientResponse) -> str | None:
    link = answer.links.get("next")
    return str(link["url"]) if link is not None and "url" in link else None


def text(answer: object, *keys: str) -> str:
    """A text within an answer, by the keys that lead to it; "" where it is not there."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return str(answer) if isinstance(answer, str | int) and not isinstance(answer, bool) else ""
