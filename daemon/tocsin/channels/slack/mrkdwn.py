"""Slack's text objects, with whatever comes from outside escaped.

In Slack's markup ``&``, ``<`` and ``>`` are control characters: unescaped, a
label that holds ``<!channel>`` would notify everybody.
"""

import re
from typing import Any

from tocsin.channels.text import is_link, one_line
from tocsin.core.moments import exact_moment, moment
from tocsin.core.playbook import SECOND

_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_LINK_LIMIT = 2000


def escape(text: str, limit: int) -> str:
    """One harmless line of at most ``limit`` characters, never cut within an entity."""
    line = one_line(text[: 4 * limit + 16])
    escaped = entities(line)
    if len(escaped) <= limit:
        return escaped
    kept, length = [], 1
    for char in line:
        entity = entities(char)
        length += len(entity)
        if length > limit:
            break
        kept.append(entity)
    return "".join(kept) + "…"


def entities(text: str) -> str:
    """The text with Slack's control characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mention(user: str) -> str:
    """The sequence that notifies a person; "" where this is no user id."""
    return f"<@{user}>" if _USER.fullmatch(user) else ""


def link(url: str, label: str) -> str:
    """A link; "" where the URL is none that is fit to be one."""
    escaped = entities(url)
    return f"<{escaped}|{escape(label, 100)}>" if is_link(url) and len(escaped) <= _LINK_LIMIT else ""


def when(at: int, zone: str) -> str:
    """Return a moment that each reader sees in their own time zone; in ``zone`` where a client cannot do that."""
    return f"<!date^{at // SECOND}^{{date_short_pretty}} {{time}}|{moment(at, zone)}>"


def when_time(at: int, zone: str) -> str:
    """Return the time of day of a moment, likewise."""
    return f"<!date^{at // SECOND}^{{time_secs}}|{exact_moment(at, zone)[11:]}>"


def plain(text: str) -> dict[str, Any]:
    """A text object without markup."""
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> dict[str, Any]:
    """A text object with markup. Verbatim: Slack makes no mention of what only looks like one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str) -> dict[str, Any]:
    """A paragraph."""
    return {"type": "section", "text": mrkdwn(text)}


def context(text: str) -> dict[str, Any]:
    """A paragraph in small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}
