"""Texts of an incident's alerts for a terminal; a text that several alerts share appears once."""

from collections.abc import Iterator
from typing import Any

from tocsin.channels.alert_groups import grouped
from tocsin.core.content.page import AlertLine

TEXT_LIMIT = 1000
"""Maximum length of the text of a group of alerts, in characters."""
NAMES_LIMIT = 300
"""Maximum length of each line about the alerts of a group, in characters."""


def texts_of(alerts: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each text, and after it lines that distinguish the alerts that share the text."""
    for group in grouped(map(_line, alerts)):
        if text := group.text(TEXT_LIMIT):
            count = f" ({group.size()} alerts{f' {on}' if (on := group.objects()) else ''})" if group.size() > 1 else ""
            yield f"  {group.name}{count}: {text}"
        elif not any(member.description for member in group.members):
            continue
        yield from (f"    {line}" for line in group.members_in_words(NAMES_LIMIT))


def _line(alert: dict[str, Any]) -> AlertLine:
    is_firing = alert["status"] == "firing"
    return AlertLine(alert["labels"], alert.get("annotations") or {}, is_firing, None, "")
