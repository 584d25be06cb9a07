"""What a playbook says in words beside its pages, and where: templates, the war room, an incident's own room."""

from enum import StrEnum

import msgspec


class RoomWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which incidents of a playbook get a room of their own."""

    channel: str
    """The configured channel that makes it."""
    severities: tuple[str, ...] = ()
    """Only at these; none: at every one."""
    private: bool = False
    archive_after: int | None = None
    """How long after the resolve it is archived, in microseconds; None: never."""


class Texts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a playbook that is words. Templates are files of config/templates/, named without their ending."""

    bridge: str = ""
    """The war room: a static https link to a call, "" where there is none."""
    bridges: dict[str, str] = {}
    """The same by severity, where one has its own."""
    post_mortem: str = ""
    """The template of the post-mortem's draft."""
    room: RoomWish | None = None
    """None: incidents have no rooms of their own."""
    links: dict[str, str] = {}
    """Other static https links that its texts name, such as the public status page."""

    def bridge_at(self, severity: str) -> str:
        """The link to the call at a severity."""
        return self.bridges.get(severity, self.bridge)


class RoomState(StrEnum):
    """Where an incident's own room stands."""

    ASKED = "asked"
    OPEN = "open"
    ARCHIVED = "archived"
    FAILED = "failed"
    """Its channel refused for good to make it."""


class Room(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place for one incident alone, made for it: a Slack channel."""

    channel: str
    """The configured channel that makes it: a name under ``channels:``."""
    name: str
    """What it was asked to be called; who made it may have added something."""
    private: bool = False
    archive_after: int | None = None
    """How long after the resolve it is archived, in microseconds; None: never."""
    state: RoomState = RoomState.ASKED
    id: str = ""
    """What its provider calls it, once it is there."""
    archive_at: int | None = None
    """When it is archived; set by the resolve."""


class Messages(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said about one incident beside its pages: where, and what people have told of it."""

    room: Room | None = None
    facts: dict[str, str] = {}
    """What people have found out, by name (``root_cause``, ``users_affected``): templates ask for it."""
