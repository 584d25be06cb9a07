"""The buttons under a message, and what they say when they are pressed."""

from typing import Any, NamedTuple

from tocsin.core.page import Content

ACKNOWLEDGE = "tocsin_acknowledge"
RESOLVE = "tocsin_resolve"
ESCALATE = "tocsin_escalate"
ACTIONS = frozenset({ACKNOWLEDGE, RESOLVE, ESCALATE})
"""The action_ids: part of what a message that was posted long ago will still send."""

_IN_STATE = {
    "pending": (ACKNOWLEDGE, RESOLVE),
    "triggered": (ACKNOWLEDGE, RESOLVE, ESCALATE),
    "acknowledged": (RESOLVE, ESCALATE),
    "snoozed": (ACKNOWLEDGE, RESOLVE, ESCALATE),
}
_LOOKS: dict[str, dict[str, str]] = {
    ACKNOWLEDGE: {"label": "Acknowledge", "style": "primary"},
    RESOLVE: {"label": "Resolve"},
    ESCALATE: {"label": "Escalate", "style": "danger"},
}


class Subject(NamedTuple):
    """What a button was shown for: the person who presses it saw this occurrence."""

    incident_id: str
    occurrence: int


def value_of(subject: Subject) -> str:
    """What a button carries: ``<incident id>:<occurrence>``."""
    return f"{subject.incident_id}:{subject.occurrence}"


def read_value(value: str) -> Subject | None:
    """The subject of a button that was pressed; None if the value is none of ours."""
    incident_id, colon, occurrence = value.rpartition(":")
    if not colon or not incident_id or not (occurrence.isascii() and occurrence.isdecimal()) or len(occurrence) > 9:
        return None
    return Subject(incident_id, int(occurrence))


def row(content: Content) -> list[dict[str, Any]]:
    """The block of buttons that make sense in the incident's state: one, or none."""
    actions = _IN_STATE.get(content.state, ())
    value = value_of(Subject(content.incident_id, content.occurrence))
    elements = [_button(action, value) for action in actions]
    return [{"type": "actions", "block_id": "tocsin", "elements": elements}] if elements else []


def _button(action: str, value: str) -> dict[str, Any]:
    looks = _LOOKS[action]
    button: dict[str, Any] = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": looks["label"]},
        "value": value,
    }
    if "style" in looks:
        button["style"] = looks["style"]
    return button
