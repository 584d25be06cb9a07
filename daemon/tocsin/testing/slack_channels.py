"""The channels of the Slack stand-in: creation, names, members, pins and archival, with Slack's errors."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAME_LIMIT = 80
TEXT_LIMIT = 250
"""Limit of a topic, and of a purpose."""
INVITED_AT_ONCE = 100
PAGE_LIMIT = 999
PINS = 100

SCOPES: Mapping[str, tuple[str, ...]] = {
    "auth.test": (),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.create": ("channels:manage", "groups:write"),
    "conversations.setTopic": ("channels:manage", "channels:write.topic", "groups:write", "groups:write.topic"),
    "conversations.setPurpose": ("channels:manage", "channels:write.topic", "groups:write", "groups:write.topic"),
    "conversations.invite": ("channels:manage", "channels:write.invites", "groups:write", "groups:write.invites"),
    "conversations.archive": ("channels:manage", "groups:write"),
    "users.conversations": ("channels:read", "groups:read"),
    "usergroups.users.list": ("usergroups:read",),
    "pins.add": ("pins:write",),
}
"""The scopes of which each method needs one."""

_KNOWN: Mapping[str, frozenset[str]] = {
    "conversations.create": frozenset({"name", "is_private"}),
    "conversations.setTopic": frozenset({"channel", "topic"}),
    "conversations.setPurpose": frozenset({"channel", "purpose"}),
    "conversations.invite": frozenset({"channel", "users", "force"}),
    "conversations.archive": frozenset({"channel"}),
    "users.conversations": frozenset({"types", "exclude_archived", "limit", "cursor"}),
    "pins.add": frozenset({"channel", "timestamp"}),
}


class SlackError(Exception):
    """Slack's ``ok: false``."""

    def __init__(self, error: str, *messages: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.more = more
        """Further fields of the error response."""


@dataclass
class SlackChannelMade:
    """One channel in its current state."""

    id: str
    name: str
    creator: str = ""
    private: bool = False
    topic: str = ""
    purpose: str = ""
    members: set[str] = field(default_factory=set)
    pins: list[str] = field(default_factory=list)
    archived: bool = False

    def shown(self) -> dict[str, Any]:
        """Return the channel as the Web API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "creator": self.creator,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_private": self.private,
            "is_archived": self.archived,
            "topic": {"value": self.topic},
            "purpose": {"value": self.purpose},
        }


class Channels:
    """All channels of one workspace; ``bot`` is who calls."""

    def __init__(self, ids: Iterable[str], bot: str) -> None:
        self.made = {each: SlackChannelMade(each, each.lower(), members={bot}) for each in ids}
        self.users: set[str] | None = None
        """The users that there are; None: everybody whose id looks like one."""
        self._bot = bot

    def named(self, name: str) -> SlackChannelMade:
        """Return the channel of that name.

        Raises:
            LookupError: There is none.
        """
        for channel in self.made.values():
            if channel.name == name:
                return channel
        raise LookupError(f"no channel {name}")

    def writable(self, channel_id: object) -> SlackChannelMade:
        """Return the channel if the bot may write into it.

        Raises:
            SlackError: The bot may not.
        """
        channel = self.made.get(channel_id) if isinstance(channel_id, str) else None
        if channel is None or (channel.private and self._bot not in channel.members):
            raise SlackError("channel_not_found")
        if channel.archived:
            raise SlackError("is_archived")
        if self._bot not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer a method about channels; the arguments come from a form, so all of them are text.

        Raises:
            SlackError: Slack would refuse the call.
        """
        unknown = arguments.keys() - _KNOWN[method]
        if unknown:
            raise SlackError("invalid_arguments", f"not known to this stand-in: {sorted(unknown)}")
        match method:
            case "conversations.create":
                return self._create(arguments)
            case "users.conversations":
                return self._list(arguments)
            case "conversations.setTopic" | "conversations.setPurpose":
                return self._describe(arguments, "topic" if method.endswith("Topic") else "purpose")
            case "conversations.invite":
                return self._invite(arguments)
            case "conversations.archive":
                return self._archive(arguments)
            case _:
                return self._pin(arguments)

    def _create(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name = arguments.get("name")
        if not isinstance(name, str) or not name:
            raise SlackError("invalid_name_required")
        if len(name) > NAME_LIMIT:
            raise SlackError("invalid_name_maxlength")
        if not re.fullmatch(r"[a-z0-9_-]+", name):
            raise SlackError("invalid_name_specials")
        if not re.search(r"[a-z0-9]", name):
            raise SlackError("invalid_name_punctuation")
        if any(channel.name == name for channel in self.made.values()):
            raise SlackError("name_taken")
        channel = SlackChannelMade(f"C0MADE{len(self.made):03}", name, self._bot, arguments.get("is_private") == "true")
        channel.members.add(self._bot)
        self.made[channel.id] = channel
        return {"channel": channel.shown()}

    def _list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        limit, cursor = int(arguments.get("limit", "100")), arguments.get("cursor", "0")
        types = str(arguments.get("types", "public_channel")).split(",")
        if not 0 < limit <= PAGE_LIMIT:
            raise SlackError("invalid_limit")
        if not set(types) <= {"public_channel", "private_channel"}:
            raise SlackError("invalid_types")
        if not isinstance(cursor, str) or not cursor.isdecimal():
            raise SlackError("invalid_cursor")
        seen = [channel for channel in self.made.values() if self._is_listed(channel, types, arguments)]
        start = int(cursor)
        following = str(start + limit) if start + limit < len(seen) else ""
        shown = [channel.shown() for channel in seen[start : start + limit]]
        return {"channels": shown, "response_metadata": {"next_cursor": following}}

    def _is_listed(self, channel: SlackChannelMade, types: list[str], arguments: dict[str, Any]) -> bool:
        if channel.archived and arguments.get("exclude_archived") == "true":
            return False
        return self._bot in channel.members and ("private_channel" if channel.private else "public_channel") in types

    def _describe(self, arguments: dict[str, Any], what: str) -> dict[str, Any]:
        channel, text = self.writable(arguments.get("channel")), arguments.get(what)
        if not isinstance(text, str):
            raise SlackError("invalid_arguments", f"{what} must be a string")
        if len(text) > TEXT_LIMIT:
            raise SlackError("too_long")
        setattr(channel, what, text)
        return {"channel": channel.shown()}

    def _invite(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, users = self.writable(arguments.get("channel")), arguments.get("users")
        ids = users.split(",") if isinstance(users, str) and users else []
        if not ids:
            raise SlackError("no_user")
        if len(ids) > INVITED_AT_ONCE:
            raise SlackError("too_many_users")
        errors = {user: error for user in ids if (error := self._cannot_come(user, channel))}
        if errors and (arguments.get("force") != "true" or len(errors) == len(ids)):
            details = [{"user": user, "ok": False, "error": error} for user, error in errors.items()]
            raise SlackError(next(iter(errors.values())), errors=details)
        channel.members |= set(ids) - errors.keys()
        return {"channel": channel.shown()}

    def _cannot_come(self, user: str, channel: SlackChannelMade) -> str:
        if user == self._bot:
            return "cant_invite_self"
        if not re.fullmatch(r"[UW][A-Z0-9]{2,}", user) or (self.users is not None and user not in self.users):
            return "user_not_found"
        return "already_in_channel" if user in channel.members else ""

    def _archive(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel_id = arguments.get("channel")
        channel = self.made.get(channel_id) if isinstance(channel_id, str) else None
        if channel is not None and channel.archived:
            raise SlackError("already_archived")
        self.writable(channel_id).archived = True
        return {}

    def _pin(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, ts = self.writable(arguments.get("channel")), arguments.get("timestamp")
        if not isinstance(ts, str):
            raise SlackError("no_item_specified")
        if ts in channel.pins:
            raise SlackError("already_pinned")
        if len(channel.pins) >= PINS:
            raise SlackError("too_many_pins")
        channel.pins.append(ts)
        return {}


def check_scopes(method: str, granted: frozenset[str] | None) -> None:
    """Check that a bot with these scopes may call a method; None: all scopes.

    Raises:
        SlackError: A scope is missing.
    """
    needed = SCOPES.get(method, ())
    if granted is not None and needed and not granted & set(needed):
        raise SlackError("missing_scope", needed=needed[0], provided=",".join(sorted(granted)))
