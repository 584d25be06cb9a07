"""Lenient reading of a webhook's alert with malformed parts.

Every alert that can be routed is accepted. Routing needs labels, so only an alert
without labels is rejected. Any other part that cannot be read is omitted, and a remark
about it is shown and sent with the alert.
"""

import json
import re
from typing import Any, NoReturn

from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import TocsinError
from tocsin.core.rules.shown_parts import REMARKS, cut
from tocsin.web.alertmanager.times import microseconds

MAX_ANNOTATIONS = 64
"""Maximum number of annotations of an alert that are kept."""
MAX_NAME = 1024
"""Maximum length of an annotation's name, in characters."""
MAX_TEXT = 16 * 1024
"""Maximum length of an annotation or a generatorURL, in characters; a longer annotation is cut."""
MAX_FINGERPRINT = 64
"""Maximum length of a fingerprint, in characters; a longer one is replaced with one computed from the labels."""

_MAX_REMARKS = 1000
_MAX_NAMES = 5
"""Maximum number of names in a remark."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_STATUSES = {status.value: status for status in AlertStatus}


class Malformed(TocsinError):
    """Malformed body or alert; ``path`` is the JSON path of the error."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def has_labels(alert: object) -> bool:
    """Return whether a JSON alert has a label, so that it can be routed."""
    labels = alert.get("labels") if isinstance(alert, dict) else None
    return isinstance(labels, dict) and any(_is_value(value) for value in labels.values())


def why_unplaceable(alert: object, path: str) -> str:
    """Return the error message for an alert without labels."""
    if not isinstance(alert, dict):
        return f"{path}: expected an object, got {kind_of(alert)}"
    labels = alert.get("labels")
    if not isinstance(labels, dict):
        return f"{path}.labels: expected an object, got {kind_of(labels)}"
    return f"{path}.labels: expected at least one label"


def status_of(value: object) -> AlertStatus | None:
    """Return the status with this name, in any case; None for other values."""
    return _STATUSES.get(value.strip().lower()) if isinstance(value, str) else None


class AlertReader:
    """Reader of the alerts of one webhook that have labels."""

    def __init__(self, source: str, group_status: AlertStatus | None, now: int) -> None:
        self._source = source
        self._group_status = group_status
        self._now = now
        self.repaired = 0
        """Number of alerts with a remark."""

    def read(self, alert: dict[str, Any]) -> Alert:
        """Return the alert, which must have labels (`has_labels`)."""
        remarks: list[str] = []
        labels = _labels(alert["labels"], remarks)
        starts_at = _time(alert, "startsAt", remarks)
        ends_at = _time(alert, "endsAt", remarks)
        annotations = _annotations(alert.get("annotations"), remarks)
        status = self._status(alert.get("status"), ends_at, remarks)
        generator_url = _generator_url(alert.get("generatorURL"), remarks)
        known_fingerprint = _fingerprint(alert.get("fingerprint"), remarks)
        if remarks:
            self.repaired += 1
            annotations[REMARKS] = cut("; ".join(remarks), _MAX_REMARKS)
        return Alert(
            self._source,
            known_fingerprint or fingerprint(labels),
            status,
            labels,
            annotations,
            starts_at,
            ends_at,
            generator_url,
        )

    def _status(self, value: object, ends_at: int | None, remarks: list[str]) -> AlertStatus:
        """Return the status of the alert, else that of its group (Alertmanager before 0.5), else by the alert's end."""
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
    """Return all labels, uncut, because they identify and route the alert."""
    text_labels: dict[str, str] = {}
    converted: list[str] = []
    for name, value in labels.items():
        if not _is_value(value):
            continue  # as in Prometheus, a label with an empty value is the same as no label
        if not isinstance(value, str):
            converted.append(name)
            value = json.dumps(value, separators=(",", ":"), sort_keys=True)  # noqa: PLW2901 - the text replaces the value
        text_labels[_clean(name)] = _clean(value)
    if converted:
        remarks.append(f"label {_names(converted)}: not text, taken as JSON text")
    return text_labels


def _annotations(annotations: object, remarks: list[str]) -> dict[str, str]:
    """Return the annotations, cut to the limits: they inform, but do not identify the alert."""
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
    kept = readable[:MAX_ANNOTATIONS]
    too_long = [name for name, text in kept if len(name) > MAX_NAME or len(text) > MAX_TEXT]
    if too_long:
        remarks.append(f"annotation {_names(too_long)}: too long, cut")
    return {_clean(name[:MAX_NAME]): cut(_clean(text), MAX_TEXT) for name, text in kept}


def _fingerprint(value: object, remarks: list[str]) -> str:
    if isinstance(value, str) and len(value) > MAX_FINGERPRINT:
        remarks.append("fingerprint: too long, computed from the labels")
        return ""
    return _clean(value) if isinstance(value, str) else ""


def _generator_url(value: object, remarks: list[str]) -> str:
    if value is None or (isinstance(value, str) and len(value) <= MAX_TEXT):
        return _clean(value or "")
    remarks.append("generatorURL: too long or not text, left out")  # a truncated URL does not work
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
    """Replace characters that PostgreSQL or UTF-8 cannot store."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def _names(names: list[str]) -> str:
    listed = ", ".join(_clean(name[:60]) for name in names[:_MAX_NAMES])
    return listed if len(names) <= _MAX_NAMES else f"{listed} and {len(names) - _MAX_NAMES} more"


def _shown(value: object) -> str:
    text = json.dumps(value[:61] if isinstance(value, str) else value)
    return text if len(text) <= 64 else text[:60] + "..."


def expected(kind: str, value: object, path: str) -> NoReturn:
    """Raise `Malformed` for a value that is not of the expected kind."""
    raise Malformed(path, f"expected {kind}, got {kind_of(value)}")


def kind_of(value: object) -> str:
    """Return the kind of a JSON value for messages, such as "a list"."""
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
