"""Texts of a playbook, and meeting places."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from tocsin.conf.playbooks.parts import Check, Part, SeverityPart
from tocsin.conf.schema import Name, Section, Text, YesNo, mistake
from tocsin.conf.settings import Span, Times
from tocsin.conf.source import Node
from tocsin.core.playbook.messages import RoomWish, Texts
from tocsin.core.suggestions import did_you_mean

_HTTPS = re.compile(r"https://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?#][!-~]*)?")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,40}")


def _https(url: str) -> str:
    if len(url) > 500 or not _HTTPS.fullmatch(url) or set(url) & set('<>|"'):
        raise mistake("must be an https:// link", "such as https://zoom.us/j/123456789")
    return url


def _keys(links: dict[str, str]) -> dict[str, str]:
    for name in links:
        if not _KEY.fullmatch(name):
            raise mistake(f"{name!r} cannot be named in a template", "write small letters, digits and _ only")
    return links


Link = Annotated[Text, AfterValidator(_https)]


class PostMortemEntry(Section):
    """``post_mortem:``."""

    template: Name
    """The template in config/templates/ for its draft."""


class RoomEntry(Section):
    """``room:``."""

    channel: Name
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    private: YesNo = False
    archive_after: Span | None = None


class TextsSeverity(SeverityPart):
    """The keys of a severity."""

    bridge: Link | None = None
    """The meeting place for such incidents, in place of the playbook's."""


class TextsPart(Part):
    """Templates are named by the actions that send them; these are the others."""

    bridge: Link | None = None
    """The war room: a static link to a call."""
    bridge_at: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The severities that have this war room."""
    links: Annotated[dict[str, Link], AfterValidator(_keys)] = Field(default_factory=dict)
    post_mortem: PostMortemEntry | None = None
    room: RoomEntry | None = None

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the playbook's `Texts`."""
        del times
        severities = getattr(self, "severities", {})
        return {
            "texts": Texts(
                bridge=self.bridge or "",
                bridge_severities=self.bridge_at or (),
                bridges={name: entry.bridge for name, entry in severities.items() if entry.bridge},
                post_mortem=self.post_mortem.template if self.post_mortem is not None else "",
                room=_wish(self.room) if self.room is not None else None,
                links=dict(self.links),
            )
        }

    def check(self, check: Check) -> None:
        """Check that severities belong to the playbook."""
        severities = getattr(self, "severities", {})
        if self.bridge_at is not None and self.bridge is None:
            check.problem(check.node.at("bridge_at"), "there is no bridge:", "write bridge: with the link to a call")
        rooms = (self.room.severities or ()) if self.room is not None else ()
        for names, place in ((rooms, ("room", "severities")), (self.bridge_at or (), ("bridge_at",))):
            for index, name in enumerate(names):
                if name not in severities:
                    node = check.node.at(*place, index)
                    check.problem(node, f"there is no severity {name!r}", did_you_mean(name, severities))

    @classmethod
    def templates_in(cls, node: Node) -> Iterable[Node]:
        """Return the template of the postmortem."""
        template = node.at("post_mortem").child("template")
        return () if template is None else (template,)


def _wish(entry: RoomEntry) -> RoomWish:
    return RoomWish(
        channel=entry.channel,
        severities=entry.severities or (),
        private=entry.private,
        archive_after=entry.archive_after,
    )
