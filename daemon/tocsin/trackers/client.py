"""Calls of a tracker's JSON API, each classified: what it says, or why it did not."""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import aiohttp

from tocsin.channels import http
from tocsin.channels.text import is_link
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers import words

Classify = Callable[[aiohttp.ClientResponse, Receipt, int], Receipt]
"""(answer, receipt, now) -> what a provider means by a status beyond what every provider does."""


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
        if self._session is None:
            raise Refused(Receipt(Outcome.RETRY, Reason.INTERNAL, "the tracker is not started"))
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = self._headers | ({"Content-Type": "application/json"} if data is not None else {})
            async with self._session.request(
                method, f"{self._base_url}{path}", params=query or None, data=data, headers=headers
            ) as answer:
                return await self._read(answer, now)
        except (aiohttp.ClientError, OSError) as error:
            raise Refused(http.classify_error(error)) from error

    async def _read(self, answer: aiohttp.ClientResponse, now: int) -> Any:
        if answer.status // 100 != 2:
            said = await http.excerpt(answer, self._secrets)
            receipt = http.classify_status(answer.status, said, http.retry_after(answer.headers, now))
            raise Refused(self._classify(answer, receipt, now) if self._classify is not None else receipt)
        content = await answer.read()
        if answer.status == 204 or not content:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            told = "the answer is no JSON"
            raise Refused(Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, told, answer.status)) from error


Do = Callable[[Content], Awaitable[Receipt]]


class ApiTracker(ABC):
    """What trackers with a JSON API have in common. A kind says what each job is, in calls of its client."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self._client = client

    @abstractmethod
    def do(self, job: Job) -> Do:
        """How a job is done; it may raise `Refused`."""

    async def start(self) -> None:
        """Open the connection pool."""
        self._client.start()

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        try:
            return await self.do(content.job)(content)
        except Refused as refused:
            return refused.receipt

    def words(self, content: Content) -> Words:
        """Return what would be said."""
        return words.preview(content)

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()


def text(answer: object, *keys: str) -> str:
    """A text within an answer, by the keys that lead to it; "" where it is not there."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return str(answer) if isinstance(answer, str | int) and not isinstance(answer, bool) else ""


def ticket_ref(name: str, shown: str, url: str) -> Receipt:
    """The receipt of an opened ticket; where its provider has not said how it is called, nobody knows."""
    if not name or " " in name:
        return Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, "the answer does not say what was opened")
    link = url if is_link(url) else ""
    return Receipt(Outcome.SENT, ref=f"{name} {shown.replace(' ', '_')} {link}".rstrip())
