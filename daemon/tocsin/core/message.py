"""What a playbook says in words: its templates by name, drafts that wait for a person, and an incident's own room."""

from enum import StrEnum

import msgspec


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a playbook that is words. Templates are files of config/templates/, named without their ending."""

    bridge: str = ""
    """The war room: a static https link to a call, "" where there is none."""
    bridges: dict[str, str] = {}
    """The same by severity, where one has its own."""
    post_mortem: str = ""
    """The template of the post-mortem's draft."""

    def bridge_at(self, severity: str) -> str:
        """The link to the call at a severity."""
        return self.bridges.get(severity, self.bridge)


class DraftState(StrEnum):
    """Where a draft stands. It never leaves any state but the first."""

    WAITING = "waiting"
    """For a person, who may edit it, and sends or drops it."""
    SENT = "sent"
    DROPPED = "dropped"
    EXPIRED = "expired"
    """What it was to say had become untrue before anybody sent it."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A text that goes out only when a person says so. Until it has been edited it says whatever is true now."""

    number: int
    """From 1, within the incident."""
    template: str
    moment: str
    """What asked for it: ``open``, ``declare``, ``acknowledge``, ``update`` or ``resolve``."""
    to: tuple[str, ...]
    """The targets that it goes to."""
    occurrence: int
    made_at: int
    state: DraftState = DraftState.WAITING
    text: str | None = None
    """As a person wrote or sent it; None while it is what its template makes of the incident."""
    by: str = ""
    """Who edited, sent or dropped it last."""
    done_at: int | None = None


class RoomState(StrEnum):
    """Where an incident's own room stands."""

    ASKED = "asked"
    OPEN = "open"
    ARCHIVED = "archived"
    FAILED = "failed"
    """Its channel refused for good to make it."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
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


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """What has been said, and is to be said, about one incident beside its pages."""

    drafts: tuple[Draft, ...] = ()
    room: Room | None = None
