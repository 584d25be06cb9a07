"""Messages of a playbook other than pages: templates, the war room, an incident's own room."""

from enum import StrEnum

import msgspec


class RoomWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings for the rooms of a playbook's incidents."""

    channel: str
    """The configured channel that creates the room."""
    severities: tuple[str, ...] = ()
    """The severities at which an incident gets a room; empty: all."""
    private: bool = False
    archive_after: int | None = None
    """Time from the resolve to the archiving, in microseconds; None: never."""


class Texts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Texts and links of a playbook. Templates are files of config/templates/, named without their extension."""

    bridge: str = ""
    """The war room: a static https link to a call, "" if there is none."""
    bridges: dict[str, str] = {}
    """War rooms for single severities, in place of ``bridge``."""
    bridge_severities: tuple[str, ...] = ()
    """``bridge`` is only for these severities; empty: for every one."""
    post_mortem: str = ""
    """The template of the postmortem's draft."""
    room: RoomWish | None = None
    """None: incidents have no rooms of their own."""
    links: dict[str, str] = {}
    """Other static https links for texts, such as the public status page."""

    def bridge_at(self, severity: str) -> str:
        """Return the link to the call at a severity; "" if there is none."""
        is_for_it = not self.bridge_severities or severity in self.bridge_severities
        return self.bridges.get(severity, self.bridge if is_for_it else "")


class RoomState(StrEnum):
    """State of an incident's own room."""

    ASKED = "asked"
    OPEN = "open"
    ARCHIVED = "archived"
    FAILED = "failed"
    """The channel permanently refused to create the room."""


class Room(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place for one incident only: a Slack channel."""

    channel: str
    """The configured channel that creates the room: a name under ``channels:``."""
    name: str
    """The requested name; the provider's may have a suffix."""
    private: bool = False
    archive_after: int | None = None
    """Time from the resolve to the archiving, in microseconds; None: never."""
    state: RoomState = RoomState.ASKED
    id: str = ""
    """The provider's id, once the room exists."""
    archive_at: int | None = None
    """The time of archiving; set by the resolve."""


class Messages(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An incident's room, and the facts that people have entered about it."""

    room: Room | None = None
    facts: dict[str, str] = {}
    """Facts by name (``root_cause``, ``users_affected``), for templates."""
