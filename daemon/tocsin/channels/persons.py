"""The names of people in messages: as configured, or else exactly as they are known."""

import re

from tocsin.core.content.page import Content
from tocsin.core.schedule.moments import short_moment

_BEGINS_WITH_NAME = re.compile(
    r"(?P<name>\S+)(?= (?:acknowledged it|asks for your help|asked for everybody|had snoozed it|has not responded))"
)
_HAS_IT = re.compile(r"(?<=; )\S+(?= has the incident(?:;|$))|(?<=, )\S+(?= has it\))")


def person(content: Content, name: str | None) -> str:
    """Return the name that people know: the full name, or else the login as it is; of a place ``the channel ops``."""
    if name and name in content.places:
        return f"the channel {name}"
    return content.names.get(name or "", name or "")


def reachable(content: Content, name: str | None) -> str:
    """Return the name of a person, and how to reach them: ``Alex Example (+4930123456)``, ``Alex Example on Slack``."""
    who, contact = person(content, name), content.contacts.get(name or "", "")
    if not contact:
        return who
    return f"{who} {contact}" if contact.startswith("on ") else f"{who} ({contact})"


def capitalized(content: Content, text: str) -> str:
    """Return a text with a capital at its start, unless it begins with a person's name, which keeps its spelling."""
    text = _HAS_IT.sub(lambda match: person(content, match[0]), text)
    match = _BEGINS_WITH_NAME.match(text)
    if match is None:
        return text[:1].upper() + text[1:]
    if match["name"] in ("you", "no", "nobody"):
        return match["name"].capitalize() + text[match.end() :]
    return person(content, match["name"]) + text[match.end() :]


def is_own(content: Content) -> bool:
    """Return whether the reader has acknowledged the incident."""
    return not content.stranded and content.acknowledged_by is not None and content.acknowledged_by == content.target


def acknowledged_again(content: Content) -> bool:
    """Return whether a message is about an acknowledgment of a person who was the responder before it."""
    return None not in (content.answered_at, content.taken_at) and (content.answered_at or 0) > (content.taken_at or 0)


def holder(content: Content, you: str = "You") -> str:
    """Return who has the incident: ``alex has been the responder since 04:31 CET``."""
    is_reader = is_own(content)
    who = you if is_reader else person(content, content.acknowledged_by)
    if content.taken_at is None:
        return f"{who} {'are' if is_reader else 'is'} the responder"
    if acknowledged_again(content):
        at = short_moment(content.answered_at or content.now, content.now, content.time_zone)
        return f"{who} {'are' if is_reader else 'is'} the responder (acknowledged at {at})"
    has = "have" if is_reader else "has"
    return f"{who} {has} been the responder since {short_moment(content.taken_at, content.now, content.time_zone)}"
