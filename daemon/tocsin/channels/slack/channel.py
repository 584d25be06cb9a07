"""The Slack channel: one message an incident, kept up to date; a thread under it; a new post for each page."""

import logging
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from tocsin.channels import http
from tocsin.channels.slack.errors import MESSAGE_GONE, THREAD_GONE, classify
from tocsin.channels.slack.payload import Message, render
from tocsin.channels.slack.settings import SlackSettings
from tocsin.channels.text import plain, without
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt

_LOGGER = logging.getLogger(__name__)
_LOGGER.setLevel(logging.WARNING)  # below it, the client would write whole messages into the log


class _Refused(Exception):
    """Slack's answer, or the lack of one, is the receipt."""

    def __init__(self, receipt: Receipt, error: str = "") -> None:
        super().__init__(receipt.detail)
        self.receipt = receipt
        self.error = error


class SlackChannel:
    """Speaks Slack's Web API as a bot.

    An announce's receipt holds ``channel:ts`` of the incident's message; the
    other jobs answer in its thread.
    """

    kind = "slack"
    keyed = False
    handles = frozenset({Job.ANNOUNCE, Job.HISTORY, Job.PAGE, Job.UPDATE, Job.RESOLVE})

    def __init__(self, name: str, settings: SlackSettings) -> None:
        self.name = name
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._settings.timeout)
        self._client = AsyncWebClient(
            self._settings.token.reveal(),
            base_url=self._settings.base_url,
            session=self._session,
            retry_handlers=[],
            logger=_LOGGER,
        )
        # The client takes a proxy from the environment by itself.
        self._client.proxy = None

    async def send(self, content: Content) -> Receipt:
        """Make one attempt."""
        if content.job is Job.HISTORY and not content.history:
            return Receipt(Outcome.SENT, detail="nothing new")
        message = render(content)
        try:
            if content.job is Job.ANNOUNCE:
                return await self._announce(content, message)
            return await self._reply(content, message)
        except _Refused as refused:
            return refused.receipt

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session, self._client = self._session, None, None
        if session is not None:
            await session.close()

    async def _announce(self, content: Content, message: Message) -> Receipt:
        channel, _, ts = content.ref.partition(":")
        if ts:
            try:
                return await self._call(content, "chat.update", message, channel=channel, ts=ts)
            except _Refused as refused:
                if refused.error not in MESSAGE_GONE:
                    raise
        return await self._post(content, message, channel=content.destination)

    async def _reply(self, content: Content, message: Message) -> Receipt:
        channel, _, thread = content.ref.partition(":")
        if thread:
            broadcast = content.job in (Job.PAGE, Job.UPDATE)
            where = {"channel": channel, "thread_ts": thread, "reply_broadcast": broadcast}
            try:
                return await self._post(content, message, **where)
            except _Refused as refused:
                if refused.error not in THREAD_GONE:
                    raise
        if content.job is Job.HISTORY:
            detail = "the incident has no message here to answer to"
            return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail=detail)
        return await self._post(content, message, channel=content.destination)

    async def _post(self, content: Content, message: Message, **where: Any) -> Receipt:
        quiet = {"unfurl_links": False, "unfurl_media": False}
        return await self._call(content, "chat.postMessage", message, **where, **quiet)

    async def _call(self, content: Content, method: str, message: Message, **arguments: Any) -> Receipt:
        if self._client is None:
            raise _Refused(Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started"))
        try:
            answer = await self._client.api_call(method, json={**message.arguments(), **arguments})
        except SlackApiError as error:
            raise self._refusal(error, content.now) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Refused(http.classify_error(error)) from None
        except Exception:  # noqa: BLE001 - the client trips over answers that are no JSON objects
            raise _Refused(http.unreadable()) from None
        if not isinstance(answer.data, dict):
            raise _Refused(http.unreadable(200))
        return Receipt(Outcome.SENT, http_status=200, ref=_ref(answer.data))

    def _refusal(self, failure: SlackApiError, now: int) -> _Refused:
        answer = failure.response
        wait = http.retry_after(answer.headers, now)
        if not isinstance(answer, AsyncSlackResponse) or not isinstance(answer.data, dict):
            # A body that is no JSON object: only the status says anything, and stands in the client's own
            # form of an answer, or in aiohttp's where it could not make one.
            status = getattr(answer, "status_code", None) or getattr(answer, "status", None) or 0
            return _Refused(_by_status(int(status), "", wait))
        error = plain(str(answer.data.get("error") or ""), 100)
        if answer.status_code != 200 or not error:
            return _Refused(_by_status(answer.status_code, error, wait), error)
        outcome, reason = classify(error)
        return _Refused(Receipt(outcome, reason, self._told(answer.data, error), 200, wait), error)

    def _told(self, data: dict[str, Any], error: str) -> str:
        """The error with what Slack adds to it: the scope that is missing, the block that is wrong."""
        metadata = data.get("response_metadata")
        messages = metadata.get("messages", []) if isinstance(metadata, dict) else []
        added = [str(each) for each in (data.get("needed"), *messages) if each]
        said = ": ".join([error, "; ".join(added)]) if added else error
        return plain(without(said, [self._settings.token.reveal()]), http.DETAIL_LIMIT)


def _by_status(status: int, error: str, wait: int | None) -> Receipt:
    if status // 100 == 2:
        return http.unreadable(status)
    return http.classify_status(status, error, wait)


def _ref(answer: dict[str, Any]) -> str:
    channel, ts = answer.get("channel"), answer.get("ts")
    return f"{channel}:{ts}" if channel and ts else ""
