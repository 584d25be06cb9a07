"""The webhook channel: one POST per notification."""

import io
from urllib.parse import urlsplit

import aiohttp

from tocsin.channels import http
from tocsin.channels.webhook.payload import render, sign
from tocsin.channels.webhook.settings import WebhookChannelSettings
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import CHANNEL_JOBS, LEVEL_TRIGGERED
from tocsin.ports.channel import Outcome, Reason, Receipt


class WebhookChannel:
    """Posts each notification to one URL. Any 2xx means that it was taken; the answer's body is not looked at."""

    kind = "webhook"
    keyed = True

    def __init__(self, name: str, settings: WebhookChannelSettings) -> None:
        self.name = name
        jobs = CHANNEL_JOBS
        self.handles = jobs if settings.announce else jobs - LEVEL_TRIGGERED
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._secrets = [
            settings.url,
            urlsplit(settings.url).path.strip("/"),
            urlsplit(settings.url).query,
            *(secret.reveal() for secret in (settings.bearer, settings.signing) if secret),
        ]

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._settings.timeout)

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        if self._session is None:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started")
        try:
            body = render(content)
        except UnicodeEncodeError:  # a lone surrogate: no JSON can say it
            return Receipt(Outcome.PERMANENT, Reason.INTERNAL, detail="the content is not valid text")
        try:
            async with self._session.post(
                self._settings.url, data=io.BytesIO(body), headers=self._headers(content, body)
            ) as answer:
                return await self._receipt(answer, content.now)
        except (aiohttp.ClientError, OSError) as error:
            return http.classify_error(error)

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _headers(self, content: Content, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": content.key}
        if self._settings.bearer:
            headers["Authorization"] = f"Bearer {self._settings.bearer.reveal()}"
        if self._settings.signing:
            headers |= sign(self._settings.signing.reveal(), body, content.now)
        return headers

    async def _receipt(self, answer: aiohttp.ClientResponse, now: int) -> Receipt:
        if answer.status // 100 == 2:
            return http.classify_status(answer.status)
        text = await http.excerpt(answer, self._secrets)
        return http.classify_status(answer.status, text, http.retry_after(answer.headers, now))
