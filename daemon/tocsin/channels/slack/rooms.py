"""A Slack channel for one incident: created once, given its topic and its members, archived in the end.

All methods except ``conversations.create`` are idempotent and are simply called again. After a ``conversations.create``
without a response, the next attempt first looks for the channel that the earlier one may have created.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from tocsin.channels import wording
from tocsin.channels.slack.client import SlackClient, SlackRefusal
from tocsin.channels.text import cut_words, plain
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt

NAME_LIMIT = 76
"""Maximum length of a name before its suffix (``-2`` to ``-9``); Slack allows 80 characters in all."""
TOPIC_LIMIT = 250
"""Maximum number of characters that Slack allows in a topic."""
NAMES = 9
"""Maximum number of names that are tried, because archived and invisible channels keep their names, too."""
PAGE = 40
"""Number of channels per response, which must not exceed the HTTP client's limit of a response."""
PAGES = 40
"""Maximum number of responses in which a channel is looked for.

After a creation with an unknown outcome, a channel beyond the first 1,600 is not found; then the next name is used."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")
_ERRORS_ABOUT_PEOPLE = frozenset(
    {
        *("already_in_channel", "cant_invite", "cant_invite_self", "user_not_found", "user_is_restricted"),
        *("org_user_not_in_team", "ura_max_channels", "invitee_cant_see_channel", "no_external_invite_permission"),
    }
)
"""Errors of ``conversations.invite`` about single people: the others were invited, and a retry would not help."""
_CHANNEL_GONE = frozenset({"is_archived", "channel_not_found", "not_in_channel"})


async def carry_out(client: SlackClient, content: Content) -> Receipt:
    """Carry out one job of a room.

    Raises:
        SlackRefusal: Slack refuses the request.
    """
    return await _ACTIONS[content.job](client, content)


async def _create(client: SlackClient, content: Content) -> Receipt:
    room = content.room
    if room is None:
        return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail="the incident has asked for no room")
    for number in range(1, NAMES + 1):
        name = channel_name(room.name) + (f"-{number}" if number > 1 else "")
        try:
            made = await client.call("conversations.create", content.now, form=True, name=name, is_private=room.private)
        except SlackRefusal as refused:
            if refused.error != "name_taken":
                raise
            existing = await _left_behind(client, content, name) if content.possible_duplicate else None
            if existing is None:
                continue
            made = {"channel": existing}
        receipt = _made(made, name)
        if receipt.ref:
            await _mark(client, content, receipt.ref.partition(":")[0])
        return receipt
    detail = f"every channel name from {channel_name(room.name)} to ...-{NAMES} is taken"
    return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail=detail)


def channel_name(name: str) -> str:
    """Return the name in the form that Slack accepts: lowercase letters, digits, ``-`` and ``_``."""
    return _NOT_IN_NAMES.sub("-", name.lower()).strip("-_")[:NAME_LIMIT] or "incident"


def _made(answer: dict[str, Any], name: str) -> Receipt:
    channel = answer.get("channel")
    room_id = channel.get("id") if isinstance(channel, dict) else None
    if not isinstance(room_id, str) or not room_id:
        # The channel exists but its id is unknown: the next attempt looks for it.
        return Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, "Slack did not say which channel it made", 200)
    called = channel.get("name") if isinstance(channel, dict) else None
    return Receipt(Outcome.SENT, http_status=200, ref=f"{room_id}:{plain(str(called or name), 80)}")


async def _mark(client: SlackClient, content: Content, room_id: str) -> None:
    """Write the incident's id into the channel's purpose. A failure is ignored, since the channel exists."""
    with suppress(SlackRefusal):
        await client.call(
            "conversations.setPurpose", content.now, form=True, channel=room_id, purpose=_purpose(content)
        )


async def _left_behind(client: SlackClient, content: Content, name: str) -> dict[str, Any] | None:
    """Return the channel of this name, if an earlier attempt created it for this incident; else None."""
    bot = (await client.call("auth.test", content.now, form=True)).get("user_id")
    async for channel in _channels(client, content):
        if channel.get("name") == name:
            purpose = channel.get("purpose")
            purpose_text = purpose.get("value", "") if isinstance(purpose, dict) else ""
            is_ours = channel.get("creator") == bot and purpose_text in ("", _purpose(content))
            return channel if is_ours else None
    return None


async def _channels(client: SlackClient, content: Content) -> AsyncIterator[dict[str, Any]]:
    """Yield the channels that the bot is a member of, which include all that it has created."""
    kind = "private_channel" if content.room is not None and content.room.private else "public_channel"
    cursor: dict[str, str] = {}
    for _ in range(PAGES):
        page = await client.call(
            "users.conversations", content.now, form=True, types=kind, exclude_archived=True, limit=PAGE, **cursor
        )
        for channel in page.get("channels", ()):
            if isinstance(channel, dict):
                yield channel
        metadata = page.get("response_metadata")
        following = metadata.get("next_cursor") if isinstance(metadata, dict) else None
        if not following:
            return
        cursor = {"cursor": str(following)}


async def _topic(client: SlackClient, content: Content) -> Receipt:
    await client.call(
        "conversations.setTopic", content.now, form=True, channel=content.destination, topic=_about(content)
    )
    return Receipt(Outcome.SENT, http_status=200)


def _about(content: Content) -> str:
    """Return the topic: plain text, in which the link to the video call is never cut."""
    tail = f" | {content.bridge}" if content.bridge else ""
    return (
        cut_words(
            f"{plain(wording.headline(content), TOPIC_LIMIT)} | {wording.condition(content)}", TOPIC_LIMIT - len(tail)
        )
        + tail
    )


def _purpose(content: Content) -> str:
    return f"tocsin incident {content.incident_id}"


async def _invite(client: SlackClient, content: Content) -> Receipt:
    try:
        await client.call(
            "conversations.invite",
            content.now,
            form=True,
            channel=content.destination,
            users=content.recipient,
            force=True,
        )
    except SlackRefusal as refused:
        if refused.error not in _ERRORS_ABOUT_PEOPLE:
            raise
        return Receipt(Outcome.SENT, detail=f"not all of them: {refused.receipt.detail}", http_status=200)
    return Receipt(Outcome.SENT, http_status=200)


async def _pin(client: SlackClient, content: Content) -> Receipt:
    channel, _, ts = content.ref.partition(":")
    if not ts:
        return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail="the incident has no message here to pin")
    try:
        await client.call("pins.add", content.now, form=True, channel=channel, timestamp=ts)
    except SlackRefusal as refused:
        if refused.error != "already_pinned":
            raise
    return Receipt(Outcome.SENT, http_status=200)


async def _archive(client: SlackClient, content: Content) -> Receipt:
    try:
        await client.call("conversations.archive", content.now, form=True, channel=content.destination)
    except SlackRefusal as refused:
        if refused.error not in ("already_archived", *_CHANNEL_GONE):
            raise
        return Receipt(Outcome.SENT, detail=refused.error, http_status=200)
    return Receipt(Outcome.SENT, http_status=200)


_ACTIONS: dict[Job, Callable[[SlackClient, Content], Awaitable[Receipt]]] = {
    Job.ROOM_CREATE: _create,
    Job.ROOM_TOPIC: _topic,
    Job.ROOM_INVITE: _invite,
    Job.ROOM_PIN: _pin,
    Job.ROOM_ARCHIVE: _archive,
}
