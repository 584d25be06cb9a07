"""Parts of an alert that are shown and sent: labels cut to a reasonable size, remarks about cut or unreadable parts.

Alerts are identified, and matched by rules and windows, by their uncut labels.
"""

from tocsin.core.alerts.alert import Episode
from tocsin.core.duration import HOUR, duration
from tocsin.core.rules.verdict import SERVICE_LABELS

MAX_LABELS = 64
"""Maximum number of labels shown per alert."""
MAX_LABEL = 1024
"""Maximum number of characters shown of a label's name, and of its value."""
CUT = " [cut]"
REMARKS = "tocsin_remarks"
"""An annotation that tocsin adds: the parts of the alert that tocsin could not read."""
OLD = 24 * HOUR
"""Minimum time in microseconds between an alert's start and its receipt that is mentioned to people."""

_FIRST = ("alertname", "severity", "cluster", "instance", *SERVICE_LABELS)
"""Labels that are always shown."""


def shown_labels(labels: dict[str, str]) -> dict[str, str]:
    """Return the labels to show: not too many, and none too long."""
    if len(labels) <= MAX_LABELS and all(len(name) <= MAX_LABEL and len(labels[name]) <= MAX_LABEL for name in labels):
        return labels
    names = dict.fromkeys((*(name for name in _FIRST if name in labels), *labels))
    return {cut(name): cut(labels[name]) for name in list(names)[:MAX_LABELS]}


def cut(text: str, limit: int = MAX_LABEL) -> str:
    """Return the text, cut and marked if it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


def remarks(episode: Episode) -> str:
    """Return remarks for people about how an alert was received; "" if there are none."""
    parts = [episode.annotations.get(REMARKS, "")]
    if (hidden := len(episode.labels) - MAX_LABELS) > 0:
        parts.append(f"{hidden} more labels are not shown")
    age = episode.first_seen_at - shown_start(episode)
    if age >= OLD:
        parts.append(f"it had been firing for {duration(age // HOUR * HOUR)} when it was received")
    return "; ".join(filter(None, parts))


def shown_annotations(episode: Episode) -> dict[str, str]:
    """Return the annotations with the remarks, which come first in the description so that every channel shows them."""
    remark = remarks(episode)
    if not remark:
        return episode.annotations
    description = "\n".join(filter(None, [f"Note: {remark}.", episode.annotations.get("description", "")]))
    return {**episode.annotations, REMARKS: remark, "description": description}


def shown_start(episode: Episode) -> int:
    """Return the time since which an episode fires: the sender's start or, if that could not be read, the receipt."""
    return episode.first_seen_at if episode.starts_at is None else episode.starts_at
