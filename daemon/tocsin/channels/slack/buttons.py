"""The buttons under a message, and their callback values."""

from typing import Any, NamedTuple

from tocsin.core.content.page import Content

ACKNOWLEDGE = "tocsin_acknowledge"
RESOLVE = "tocsin_resolve"
TAKE_OVER = "tocsin_take_over"
ESCALATE = "tocsin_escalate"
DECLARE = "tocsin_declare"
ACTIONS = frozenset({ACKNOWLEDGE, TAKE_OVER, RESOLVE, ESCALATE, DECLARE})
"""The ``action_id`` of each button. Do not rename them: buttons of old messages still send these."""

_IN_STATE = {
    "pending": (ACKNOWLEDGE, RESOLVE),
    "triggered": (ACKNOWLEDGE, RESOLVE, ESCALATE),
    "acknowledged": (TAKE_OVER, RESOLVE, ESCALATE),
    "snoozed": (ACKNOWLEDGE, RESOLVE, ESCALATE),
}
_STYLES: dict[str, dict[str, str]] = {
    ACKNOWLEDGE: {"label": "Acknowledge", "style": "primary"},
    TAKE_OVER: {"label": "Take over"},
    RESOLVE: {"label": "Resolve"},
    ESCALATE: {"label": "Escalate", "style": "danger"},
    DECLARE: {"label": "Declare"},
}
_NOTICE_LABELS = {
    ACKNOWLEDGE: "Acknowledge this notice",
    RESOLVE: "Close this notice",
    ESCALATE: "Escalate this notice",
}
"""Labels of the buttons under a notice about tocsin itself."""


class OccurrenceRef(NamedTuple):
    """The incident and the occurrence that a button was shown for, as the person who presses the button saw them."""

    incident_id: str
    occurrence: int


def value_of(subject: OccurrenceRef) -> str:
    """Return a button's value: ``<incident id>:<occurrence>``."""
    return f"{subject.incident_id}:{subject.occurrence}"


def read_value(value: str) -> OccurrenceRef | None:
    """Return the incident and occurrence of a pressed button; None if tocsin did not write the value."""
    incident_id, colon, occurrence = value.rpartition(":")
    if not colon or not incident_id or not (occurrence.isascii() and occurrence.isdecimal()) or len(occurrence) > 9:
        return None
    return OccurrenceRef(incident_id, int(occurrence))


def row(content: Content) -> list[dict[str, Any]]:
    """Return the block with the buttons that apply to the incident's state; empty if no button does."""
    first, *others = _IN_STATE.get(content.state, ("",))
    actions = filter(None, (first, DECLARE if content.can_declare else "", *others)) if not content.is_alarm else ()
    value = value_of(OccurrenceRef(content.incident_id, content.occurrence))
    elements = [_button(action, value, _label(action, content)) for action in actions]
    return [{"type": "actions", "block_id": "tocsin", "elements": elements}] if elements else []


def _label(action: str, content: Content) -> str:
    label = _STYLES[action]["label"]
    if content.members is not None:
        return f"{label} all {content.members}"
    if content.is_own:  # such an incident may be about another one, on which the buttons do not act
        label = _NOTICE_LABELS.get(action, label)
        return f"{label} (#{content.number})"
    return label


def _button(action: str, value: str, label: str) -> dict[str, Any]:
    styles = _STYLES[action]
    button: dict[str, Any] = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label},
        "value": value,
    }
    if "style" in styles:
        button["style"] = styles["style"]
    return button
