"""The webhook tracker: the webhook channel's POST, with a response that may contain the ticket's reference."""

import io
import json
from urllib.parse import urlsplit

import aiohttp
from msgspec import structs

from tocsin.channels import http
from tocsin.channels.webhook.payload import render, sign
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers import words
from tocsin.trackers.client import text, ticket_ref
from tocsin.trackers.webhook.settings import WebhookTrackerSettings


class WebhookTracker:
    """A tracker that posts each job to one URL; any 2xx means success.

    A receiver that answers ``{"ref": ..., "name": ..., "url": ...}`` to a ``ticket_open`` sets the ticket's reference;
    otherwise its idempotency key is used.
    """

    kind = "webhook"

    def __init__(self, name: str, settings: WebhookTrackerSettings) -> None:
        self.name = name
        self._settings = settings
        parts = urlsplit(settings.url)
        secrets = (secret.reveal() for secret in (settings.bearer, settings.signing) if secret)
        self._secrets = [settings.url, parts.path.strip("/"), parts.query, *secrets]
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._settings.timeout)

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        if self._session is None:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, "the tracker is not started")
        message = words.body(content)
        body = render(structs.replace(content, text=message, subject=words.title(content)))
        headers = {"Content-Type": "application/json", "Idempotency-Key": content.key}
        if self._settings.bearer:
            headers["Authorization"] = f"Bearer {self._settings.bearer.reveal()}"
        if self._settings.signing:
            headers |= sign(self._settings.signing.reveal(), body, content.now)
        try:
            async with self._session.post(self._settings.url, data=io.BytesIO(body), headers=headers) as answer:
                return await self._receipt(answer, content)
        except (aiohttp.ClientError, OSError) as error:
            return http.classify_error(error)

    def words(self, content: Content) -> Words:
        """Return the text that would be sent."""
        return words.preview(content)

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _receipt(self, answer: aiohttp.ClientResponse, content: Content) -> Receipt:
        if answer.status // 100 != 2:
            detail = await http.excerpt(answer, self._secrets)
            return http.classify_status(answer.status, detail, http.retry_after(answer.headers, content.now))
        if content.job is not Job.TICKET_OPEN:
            return Receipt(Outcome.SENT, http_status=answer.status)
        try:
            ticket = json.loads(await answer.read())
        except (aiohttp.ClientError, OSError, ValueError, RecursionError):
            ticket = None
        ref = text(ticket, "ref").replace(" ", "_")[:200] or content.key[:16]
        return ticket_ref(ref, text(ticket, "name")[:100] or ref, text(ticket, "url"))
