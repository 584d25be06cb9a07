"""One alert of a webhook whose parts are not all as they should be.

An alert that can be placed is paged: labels are what places it, so only an
alert without any is refused. Whatever else cannot be read is left out, and a
remark says so, which is shown and sent with the alert.
"""

import json
import re
from typing import Any, NoReturn

from tocsin.core.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import TocsinError
from tocsin.core.shown import REMARKS, cut
from tocsin.web.times import microseconds

MAX_ANNOTATIONS = 64
MAX_NAME = 1024
"""Characters of an annotation's name."""
MAX_TEXT = 16 * 1024
"""Characters of one annotation, and of a generatorURL; an annotation is cut there."""
MAX_FINGERPRINT = 64
"""Characters of a fingerprint; a longer one is none, and is computed from the labels."""

_MAX_REMARKS = 1000
_NAMED = 5
"""Names that a remark lists."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_STATUSES = {status.value: status for status in AlertStatus}


class Malformed(TocsinError):
    """The body, or one alert in it, is not what it has to be; ``path`` says where."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def has_labels(alert: object) -> bool:
    """Return whether an alert, as JSON, has a label by which it can be placed."""
    labels = alert.get("labels") if isinstance(alert, dict) else None
    return isinstance(labels, dict) and any(_is_value(value) for value in labels.values())


def why_unplaceable(alert: object, path: str) -> str:
    """Return what is wrong with an alert that has no labels."""
    if not isinstance(alert, dict):
        return f"{path}: expected an object, got {kind_of(alert)}"
    labels = alert.get("labels")
    if not isinstance(labels, dict):
        return f"{path}.labels: expected an object, got {kind_of(labels)}"
    return f"{path}.labels: expected at least one label"


def status_of(value: object) -> AlertStatus | None:
    """Return the status that this names, in capitals or not; None where it names none."""
    return _STATUSES.get(value.strip().lower()) if isinstance(value, str) else None


class AlertReader:
    """Reads the alerts of one webhook that have labels."""

    def __init__(self, source: str, group_status: AlertStatus | None, now: int) -> None:
        self._source = source
        self._group_status = group_status
        self._now = now
        self.repaired = 0
        """How many of them have a remark."""

    def read(self, alert: dict[str, Any]) -> Alert:
        """Return the alert; ``has_labels`` must hold for it."""
        remarks: list[str] = []
        labels = _labels(alert["labels"], remarks)
        starts_at = _time(alert, "startsAt", remarks)
        ends_at = _time(alert, "endsAt", remarks)
        annotations = _annotations(alert.get("annotations"), remarks)
        status = self._status(alert.get("status"), ends_at, remarks)
        generator_url = _generator_url(alert.get("generatorURL"), remarks)
        if remarks:
            self.repaired += 1
            annotations[REMARKS] = cut("; ".join(remarks), _MAX_REMARKS)
        return Alert(
            self._source,
            _fingerprint(alert.get("fingerprint")) or fingerprint(labels),
            status,
            labels,
            annotations,
            starts_at,
            ends_at,
            generator_url,
        )

    def _status(self, value: object, ends_at: int | None, remarks: list[str]) -> AlertStatus:
        """Return the alert's own status; else its group's (Alertmanager before 0.5); else whether it has ended."""
        status = status_of(value)
        if status is not None:
            return status
        if value not in (None, ""):
            remarks.append(f"status {_shown(value)} is neither firing nor resolved")
        if self._group_status is not None:
            return self._group_status
        return AlertStatus.RESOLVED if ends_at is not None and ends_at <= self._now else AlertStatus.FIRING


def _is_value(value: object) -> bool:
    return value is not None and value != ""


def _labels(labels: dict[str, Any], remarks: list[str]) -> dict[str, str]:
    """Return all labels, uncut: they say which alert it is, and what becomes of it."""
    read: dict[str, str] = {}
    odd: list[str] = []
    for name, value in labels.items():
        if not _is_value(value):
            continue  # as for Prometheus: a label without a value is no label
        if not isinstance(value, str):
            odd.append(name)
            value = json.dumps(value, separators=(",", ":"), sort_keys=True)  # noqa: PLW2901 - its text is the value from here on
        read[_clean(name)] = _clean(value)
    if odd:
        remarks.append(f"label {_names(odd)}: not text, taken as JSON text")
    return read


def _annotations(annotations: object, remarks: list[str]) -> dict[str, str]:
    """Annotations inform and identify nothing: what is too much of them is cut."""
    if annotations is None:
        return {}
    if not isinstance(annotations, dict):
        remarks.append(f"annotations: {kind_of(annotations)} in place of an object, left out")
        return {}
    unreadable = [name for name, value in annotations.items() if not isinstance(value, str)]
    readable = [(name, value) for name, value in annotations.items() if isinstance(value, str)]
    if unreadable:
        remarks.append(f"annotation {_names(unreadable)}: not text, left out")
    if len(readable) > MAX_ANNOTATIONS:
        remarks.append(f"{len(readable) - MAX_ANNOTATIONS} more annotations left out")
    return {_clean(name[:MAX_NAME]): cut(_clean(text), MAX_TEXT) for name, text in readable[:MAX_ANNOTATIONS]}


def _fingerprint(value: object) -> str:
    return _clean(value) if isinstance(value, str) and len(value) <= MAX_FINGERPRINT else ""


def _generator_url(value: object, remarks: list[str]) -> str:
    if value is None or (isinstance(value, str) and len(value) <= MAX_TEXT):
        return _clean(value or "")
    remarks.append("generatorURL: too long or not text, left out")  # half an address leads nowhere
    return ""


def _time(alert: dict[str, Any], name: str, remarks: list[str]) -> int | None:
    value = alert.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return microseconds(value)
    except ValueError:
        pass
    remarks.append(f"{name} {_shown(value)} is not a time: the time of receipt counts")
    return None


def _clean(text: str) -> str:
    """Return the text without what PostgreSQL, or UTF-8 itself, cannot hold."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def _names(names: list[str]) -> str:
    listed = ", ".join(_clean(name[:60]) for name in names[:_NAMED])
    return listed if len(names) <= _NAMED else f"{listed} and {len(names) - _NAMED} more"


def _shown(value: object) -> str:
    text = json.dumps(value[:61] if isinstance(value, str) else value)
    return text if len(text) <= 64 else text[:60] + "..."


def expected(what: str, value: object, path: str) -> NoReturn:
    """Raise `Malformed` about a value of another kind."""
    raise Malformed(path, f"expected {what}, got {kind_of(value)}")


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
