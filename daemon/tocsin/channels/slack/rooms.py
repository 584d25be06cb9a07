"""A Slack channel for one incident: made once, given its topic and its people, archived in the end.

What each method may be asked again without harm, it is: only ``conversations.create``
makes something, and where an attempt at it was left without an answer the next
one looks for what that may have made before it makes another.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from tocsin.channels import wording
from tocsin.channels.slack.client import Refused, SlackClient
from tocsin.channels.text import cut, plain
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt

NAME_LIMIT = 76
"""Of Slack's 80 characters, without what tells two channels of one name apart."""
TOPIC_LIMIT = 250
NAMES = 9
"""Channels of one name that are tried: a name is taken also by archived channels, and by those one cannot see."""
PAGE = 40
"""Channels of which Slack is asked at once: more would be a longer answer than is read."""
PAGES = 40

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")
_WHO_CANNOT_COME = frozenset(
    {
        *("already_in_channel", "cant_invite", "cant_invite_self", "user_not_found", "user_is_restricted"),
        *("org_user_not_in_team", "ura_max_channels", "invitee_cant_see_channel", "no_external_invite_permission"),
    }
)
"""Errors of ``conversations.invite`` about whom it was to invite: the others are there, and no second try helps."""
_NO_LONGER_THERE = frozenset({"is_archived", "channel_not_found", "not_in_channel"})


async def carry_out(client: SlackClient, content: Content) -> Receipt:
    """Do one job of a room.

    Raises:
        Refused: Slack does not do it.
    """
    return await _HOW[content.job](client, content)


async def _create(client: SlackClient, content: Content) -> Receipt:
    room = content.room
    if room is None:
        return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail="the incident has asked for no room")
    for number in range(1, NAMES + 1):
        name = channel_name(room.name) + (f"-{number}" if number > 1 else "")
        try:
            made = await client.call("conversations.create", content.now, form=True, name=name, is_private=room.private)
        except Refused as refused:
            if refused.error != "name_taken":
                raise
            found = await _left_behind(client, content, name) if content.possible_duplicate else None
            if found is None:
                continue
            made = {"channel": found}
        receipt = _made(made, name)
        if receipt.ref:
            await _mark(client, content, receipt.ref.partition(":")[0])
        return receipt
    detail = f"every channel name from {channel_name(room.name)} to ...-{NAMES} is taken"
    return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail=detail)


def channel_name(name: str) -> str:
    """The name as Slack takes it: small letters, digits, ``-`` and ``_``."""
    return _NOT_IN_NAMES.sub("-", name.lower()).strip("-_")[:NAME_LIMIT] or "incident"


def _made(answer: dict[str, Any], name: str) -> Receipt:
    channel = answer.get("channel")
    room_id = channel.get("id") if isinstance(channel, dict) else None
    if not isinstance(room_id, str) or not room_id:
        # It is there, and nobody knows how it is called: the next attempt looks for it.
        return Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, "Slack did not say which channel it made", 200)
    called = channel.get("name") if isinstance(channel, dict) else None
    return Receipt(Outcome.SENT, http_status=200, ref=f"{room_id}:{plain(str(called or name), 80)}")


async def _mark(client: SlackClient, content: Content, room_id: str) -> None:
    """Say in its purpose whose it is. It is made: that this fails changes nothing about it."""
    with suppress(Refused):
        await client.call(
            "conversations.setPurpose", content.now, form=True, channel=room_id, purpose=_purpose(content)
        )


async def _left_behind(client: SlackClient, content: Content, name: str) -> dict[str, Any] | None:
    """The channel of that name that an earlier attempt made, if it did: the bot's own, and nobody has used it yet."""
    bot = (await client.call("auth.test", content.now, form=True)).get("user_id")
    async for channel in _channels(client, content):
        if channel.get("name") == name:
            purpose = channel.get("purpose")
            said = purpose.get("value", "") if isinstance(purpose, dict) else ""
            is_ours = channel.get("creator") == bot and said in ("", _purpose(content))
            return channel if is_ours else None
    return None


async def _channels(client: SlackClient, content: Content) -> AsyncIterator[dict[str, Any]]:
    """Those that the bot is in, as it is in each that it has made: a workspace may have thousands of others."""
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
    """The topic: plain text, in which the link to the call is never cut."""
    tail = f" | {content.bridge}" if content.bridge else ""
    return (
        cut(f"{plain(wording.headline(content), TOPIC_LIMIT)} | {wording.condition(content)}", TOPIC_LIMIT - len(tail))
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
    except Refused as refused:
        if refused.error not in _WHO_CANNOT_COME:
            raise
        return Receipt(Outcome.SENT, detail=f"not all of them: {refused.receipt.detail}", http_status=200)
    return Receipt(Outcome.SENT, http_status=200)


async def _pin(client: SlackClient, content: Content) -> Receipt:
    channel, _, ts = content.ref.partition(":")
    if not ts:
        return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail="the incident has no message here to pin")
    try:
        await client.call("pins.add", content.now, form=True, channel=channel, timestamp=ts)
    except Refused as refused:
        if refused.error != "already_pinned":
            raise
    return Receipt(Outcome.SENT, http_status=200)


async def _archive(client: SlackClient, content: Content) -> Receipt:
    try:
        await client.call("conversations.archive", content.now, form=True, channel=content.destination)
    except Refused as refused:
        if refused.error not in ("already_archived", *_NO_LONGER_THERE):
            raise
        return Receipt(Outcome.SENT, detail=refused.error, http_status=200)
    return Receipt(Outcome.SENT, http_status=200)


_HOW: dict[Job, Callable[[SlackClient, Content], Awaitable[Receipt]]] = {
    Job.ROOM_CREATE: _create,
    Job.ROOM_TOPIC: _topic,
    Job.ROOM_INVITE: _invite,
    Job.ROOM_PIN: _pin,
    Job.ROOM_ARCHIVE: _archive,
}
