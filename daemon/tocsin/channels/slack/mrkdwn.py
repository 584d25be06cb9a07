"""Slack's text objects, with all external text escaped.

In Slack's markup ``&``, ``<`` and ``>`` are control characters: unescaped, a label that contains ``<!channel>`` would
notify everyone.
"""

import re
from typing import Any

from tocsin.channels.text import is_link, one_line
from tocsin.core.duration import SECOND
from tocsin.core.schedule.moments import exact_moment, moment

_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_LINK_LIMIT = 2000


def escape(text: str, limit: int) -> str:
    """Return one escaped line of at most ``limit`` characters, cut between two words, and never within an entity."""
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
    shown = "".join(kept)
    space = shown.rfind(" ")
    return f"{shown[:space].rstrip(' ,') if space > limit // 2 else shown}…"


def entities(text: str) -> str:
    """Return the text with Slack's control characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mention(user: str) -> str:
    """Return the sequence that notifies a person; "" if the text is not a user id."""
    return f"<@{user}>" if _USER.fullmatch(user) else ""


def link(url: str, label: str) -> str:
    """Return a link; "" if the URL is not suitable."""
    escaped = entities(url)
    return f"<{escaped}|{escape(label, 100)}>" if is_link(url) and len(escaped) <= _LINK_LIMIT else ""


def when(at: int, zone: str) -> str:
    """Return a moment that each reader sees in their own time zone; in ``zone`` where a client cannot do that."""
    return f"<!date^{at // SECOND}^{{date_short_pretty}} {{time}}|{moment(at, zone)}>"


def when_time(at: int, zone: str, *, has_date: bool = False) -> str:
    """Return the time of day of a moment, likewise."""
    shown, written = ("{date_num} {time_secs}", exact_moment(at, zone))
    if not has_date:
        shown, written = "{time_secs}", written[len("2026-11-20 ") :]
    return f"<!date^{at // SECOND}^{shown}|{written}>"


def plain(text: str) -> dict[str, Any]:
    """Return a text object without markup."""
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> dict[str, Any]:
    """Return a text object with markup. Verbatim, so that Slack turns no plain name into a mention."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str) -> dict[str, Any]:
    """Return a paragraph."""
    return {"type": "section", "text": mrkdwn(text)}


def context(text: str) -> dict[str, Any]:
    """Return a paragraph in small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}
