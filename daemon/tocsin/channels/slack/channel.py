"""The Slack channel: one message per incident, kept up to date; a thread under it; a new post for each page."""

from typing import Any

from tocsin.channels.slack import rooms
from tocsin.channels.slack.client import SlackClient, SlackRefusal
from tocsin.channels.slack.errors import MESSAGE_GONE, THREAD_GONE
from tocsin.channels.slack.payload import SlackMessage, render
from tocsin.channels.slack.settings import SlackSettings
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import ROOM_JOBS, Job
from tocsin.ports.channel import Outcome, Reason, Receipt


class SlackChannel:
    """A channel that uses Slack's Web API as a bot.

    The receipt of an announcement contains ``channel:ts`` of the incident's message. The other jobs reply in the thread
    of that message; in the incident's own room, they are separate messages. The receipt of a created room contains the
    room's id and name.
    """

    kind = "slack"
    keyed = False
    handles = frozenset({Job.ANNOUNCE, Job.HISTORY, Job.PAGE, Job.UPDATE, Job.RESOLVE, *ROOM_JOBS})

    def __init__(self, name: str, settings: SlackSettings) -> None:
        self.name = name
        self._client = SlackClient(settings)

    async def start(self) -> None:
        """Open the connection pool."""
        await self._client.start()

    async def send(self, content: Content) -> Receipt:
        """Make one attempt to deliver a notification."""
        if content.job is Job.HISTORY and not content.history:
            return Receipt(Outcome.SENT, detail="nothing new")
        try:
            if content.job in ROOM_JOBS:
                return await rooms.carry_out(self._client, content)
            message = render(content)
            if content.job is Job.ANNOUNCE:
                return await self._announce(content, message)
            return await self._reply(content, message)
        except SlackRefusal as refused:
            return refused.receipt

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()

    async def _announce(self, content: Content, message: SlackMessage) -> Receipt:
        channel, _, ts = content.ref.partition(":")
        if ts:
            try:
                return await self._call(content, "chat.update", message, channel=channel, ts=ts)
            except SlackRefusal as refused:
                if refused.error not in MESSAGE_GONE:
                    raise
        return await self._post(content, message, channel=content.destination)

    async def _reply(self, content: Content, message: SlackMessage) -> Receipt:
        if content.in_room:
            return await self._post(content, message, channel=content.destination)
        channel, _, thread = content.ref.partition(":")
        if thread:
            broadcast = content.job in (Job.PAGE, Job.UPDATE)
            where = {"channel": channel, "thread_ts": thread, "reply_broadcast": broadcast}
            try:
                return await self._post(content, message, **where)
            except SlackRefusal as refused:
                if refused.error not in THREAD_GONE:
                    raise
        if content.job is Job.HISTORY:
            detail = "the incident has no message here to answer to"
            return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail=detail)
        return await self._post(content, message, channel=content.destination)

    async def _post(self, content: Content, message: SlackMessage, **where: Any) -> Receipt:
        quiet = {"unfurl_links": False, "unfurl_media": False}
        return await self._call(content, "chat.postMessage", message, **where, **quiet)

    async def _call(self, content: Content, method: str, message: SlackMessage, **arguments: Any) -> Receipt:
        answer = await self._client.call(method, content.now, **message.arguments(), **arguments)
        return Receipt(Outcome.SENT, http_status=200, ref=_ref(answer))


def _ref(answer: dict[str, Any]) -> str:
    channel, ts = answer.get("channel"), answer.get("ts")
    return f"{channel}:{ts}" if channel and ts else ""
