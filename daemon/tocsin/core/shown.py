"""Parts of an alert that are shown and sent: labels cut to a bearable size, remarks about cut or unreadable parts.

What identifies an alert, and what rules and windows match, are always the uncut labels.
"""

from tocsin.core.alert import Episode
from tocsin.core.duration import duration
from tocsin.core.playbook import HOUR
from tocsin.core.verdict import SERVICE_LABELS

MAX_LABELS = 64
"""Labels that are shown of an alert."""
MAX_LABEL = 1024
"""Characters that are shown of a label's name, and of its value."""
CUT = " [cut]"
REMARKS = "tocsin_remarks"
"""An annotation of tocsin's own: what it could not read of the alert."""
OLD = 24 * HOUR
"""Microseconds between an alert's start and its receipt from which people are told of it."""

_FIRST = ("alertname", "severity", "cluster", "instance", *SERVICE_LABELS)
"""Labels that are shown in any case."""


def shown_labels(labels: dict[str, str]) -> dict[str, str]:
    """Return the labels as they are shown: not too many, and none too long."""
    if len(labels) <= MAX_LABELS and all(len(name) <= MAX_LABEL and len(labels[name]) <= MAX_LABEL for name in labels):
        return labels
    names = dict.fromkeys((*(name for name in _FIRST if name in labels), *labels))
    return {cut(name): cut(labels[name]) for name in list(names)[:MAX_LABELS]}


def cut(text: str, limit: int = MAX_LABEL) -> str:
    """Return the text, cut and marked where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


def remarks(episode: Episode) -> str:
    """Return what people should know about how an alert came, "" where there is nothing."""
    said = [episode.annotations.get(REMARKS, "")]
    if (hidden := len(episode.labels) - MAX_LABELS) > 0:
        said.append(f"{hidden} more labels are not shown")
    age = episode.first_seen_at - shown_start(episode)
    if age >= OLD:
        said.append(f"it had been firing for {duration(age // HOUR * HOUR)} when it was received")
    return "; ".join(filter(None, said))


def shown_annotations(episode: Episode) -> dict[str, str]:
    """Return the annotations with the remarks, which come first in the description so that every channel shows them."""
    remark = remarks(episode)
    if not remark:
        return episode.annotations
    description = "\n".join(filter(None, [f"({remark})", episode.annotations.get("description", "")]))
    return {**episode.annotations, REMARKS: remark, "description": description}


def shown_start(episode: Episode) -> int:
    """Return since when it is said to fire: where no start could be read, since its receipt."""
    return episode.first_seen_at if episode.starts_at is None else episode.starts_at
