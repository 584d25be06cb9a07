"""The Twilio channel: one request an attempt, which Twilio queues."""

import json
from typing import Any

import aiohttp

from tocsin.channels import http
from tocsin.channels.text import plain
from tocsin.channels.twilio.payload import call, message
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt

TOO_MANY = frozenset({20429, 21611, 14107, 30001})
"""Errors that a later attempt does not meet: too many requests, the sending number's queue is full (Twilio's list)."""
OF_THE_ACCOUNT = frozenset({20003, 20005, 20008})
"""Credentials, a suspended account, test credentials."""

_RESOURCES = {"call": "Calls.json", "sms": "Messages.json"}
_HANDLES = {
    "call": frozenset({Job.PAGE}),
    "sms": frozenset({Job.PAGE, Job.UPDATE, Job.ACKNOWLEDGE, Job.RESOLVE}),
}


class TwilioChannel:
    """Calls, or sends an SMS.

    Twilio has no idempotency key: an attempt without an answer may have been
    taken, and its repetition says so. A yes means that it is queued there;
    whether anybody has heard it, only an acknowledgment tells.
    """

    kind = "twilio"
    keyed = False

    def __init__(self, name: str, settings: TwilioSettings) -> None:
        self.name = name
        self.handles = _HANDLES[settings.mode]
        self._settings = settings
        self._render = call if settings.mode == "call" else message
        self._url = f"{settings.base_url}/2010-04-01/Accounts/{settings.account}/{_RESOURCES[settings.mode]}"
        who = aiohttp.encode_basic_auth(settings.api_key or settings.account, settings.token.reveal())
        self._headers = {"Authorization": who}
        self._secrets = [settings.token.reveal(), settings.account, settings.api_key or ""]
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._settings.timeout)

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        if self._session is None:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started")
        given = self._render(content, self._settings)
        try:
            async with self._session.post(self._url, data=given, headers=self._headers) as answer:
                return await self._receipt(answer, content.now)
        except (aiohttp.ClientError, OSError) as error:
            return http.classify_error(error)

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _receipt(self, answer: aiohttp.ClientResponse, now: int) -> Receipt:
        body = await _body(answer)
        said = _object(body)
        if answer.status // 100 == 2:  # that says it; the rest is only worth a look
            return Receipt(Outcome.SENT, http_status=answer.status, ref=plain(str(said.get("sid", "")), 64))
        code = said.get("code")
        told = f"{code}: {said.get('message')}".encode() if code else body
        detail, wait = http.said(told, self._secrets), http.retry_after(answer.headers, now)
        if code in TOO_MANY:
            return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, detail, answer.status, wait)
        if code in OF_THE_ACCOUNT:
            return Receipt(Outcome.PERMANENT, Reason.AUTH, detail, answer.status)
        return http.classify_status(answer.status, detail, wait)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """What an answer holds; nothing where it cannot be read to its end."""
    try:
        return await answer.read()
    except (aiohttp.ClientError, OSError):
        return b""


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
