"""The Twilio channel: one request per attempt, which Twilio queues."""

import json
from typing import Any

import aiohttp

from tocsin.channels import http
from tocsin.channels.text import plain
from tocsin.channels.twilio.pace import Pace
from tocsin.channels.twilio.payload import call, message
from tocsin.channels.twilio.segments import segments
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
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
    """A channel that calls or sends an SMS.

    Twilio has no idempotency key: an attempt without a response may have been accepted, and the retry is marked as a
    possible duplicate. Success means that the request is queued; only an acknowledgment proves that a person received
    it.
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
        self._pace = Pace(settings.segments_per_second)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._settings.timeout)

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        wait = self._pace.wait(content.now)
        if wait is not None and content.job is not Job.PAGE:
            detail = "earlier messages still wait at Twilio: this waits, so that pages do not have to"
            return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, detail, retry_after=wait)
        parameters = self._render(content, self._settings)
        size = segments(parameters.get("Body", ""))
        self._pace.count(size, content.now)
        receipt = await self._attempt(parameters, content.now)
        if receipt.outcome not in (Outcome.SENT, Outcome.AMBIGUOUS):
            self._pace.discount(size)
        return receipt

    async def _attempt(self, parameters: dict[str, str], now: int) -> Receipt:
        if self._session is None:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started")
        try:
            async with self._session.post(self._url, data=parameters, headers=self._headers) as answer:
                return await self._receipt(answer, now)
        except (aiohttp.ClientError, OSError) as error:
            return http.classify_error(error)

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _receipt(self, answer: aiohttp.ClientResponse, now: int) -> Receipt:
        body = await _body(answer)
        fields = _object(body)
        if answer.status // 100 == 2:  # that says it; the rest is only worth a look
            return Receipt(Outcome.SENT, http_status=answer.status, ref=plain(str(fields.get("sid", "")), 64))
        code = fields.get("code")
        message = f"{code}: {fields.get('message')}".encode() if code else body
        detail, wait = http.error_text(message, self._secrets), http.retry_after(answer.headers, now)
        if code in TOO_MANY:
            return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, detail, answer.status, wait)
        if code in OF_THE_ACCOUNT:
            return Receipt(Outcome.PERMANENT, Reason.AUTH, detail, answer.status)
        return http.classify_status(answer.status, detail, wait)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body of a response; empty if it cannot be read completely."""
    try:
        return await answer.read()
    except (aiohttp.ClientError, OSError):
        return b""


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
