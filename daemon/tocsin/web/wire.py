"""An Alertmanager webhook's body -> alerts.

The good body takes a fast way: one typed decode in C. Whatever that way does
not accept goes through `_Careful`, alert by alert, which knows what is
tolerable and says with a JSON path what is not. Both read a good body alike.

What senders leave out or do differently, from Alertmanager 0.1 to 0.34 and
from its imitators: a missing ``status`` (of the group or of an alert),
``fingerprint``, ``version``, ``annotations``, ``generatorURL`` or time; null in
their place; the year 1 for "no time"; nanoseconds; offsets; unknown keys;
empty label values, which mean the same as no label.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta, Struct, field

from tocsin.core.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import TocsinError
from tocsin.ports.store import Quarantined

MAX_LABELS = 64
MAX_LABEL = 1024
"""Characters in a label's name or value. A longer one is not cut: that would merge two alerts into one."""
MAX_ANNOTATIONS = 64
MAX_TEXT = 16 * 1024
"""Characters of one annotation, and of a generatorURL; an annotation is cut there."""
CUT = " [cut]"
MAX_FINGERPRINT = 64
MAX_QUARANTINED = 64 * 1024
"""Characters kept of an alert that cannot be placed."""
LARGE = 512 * 1024
"""Bytes above which a body is better read off the event loop."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_STATUSES = {status.value: status for status in AlertStatus}
_PLAIN_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class Malformed(TocsinError):
    """The body, or one alert in it, is not what it has to be; ``path`` says where."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class Webhook(Struct, frozen=True):
    """What one body holds."""

    alerts: list[Alert]
    quarantined: list[Quarantined]
    truncated: int
    """How many alerts the sender left out (``max_alerts``)."""


def read(body: bytes, source: str, now: Callable[[], int]) -> Webhook:
    """Read a body.

    An alert that cannot be placed is among the quarantined, also where that
    goes for all of them: the sender would only repeat a body that was refused.

    Args:
        body: As it came.
        source: The source that it came to.
        now: The store's clock; asked only where something must be judged by it.

    Raises:
        Malformed: It is not JSON in UTF-8, or not a webhook.
    """
    try:
        if not body.isascii():
            body.decode()  # the typed decode would not look into the keys that it skips
        if b"\\u0000" not in body:
            return _read_fast(body, source)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    return _Careful(source, now()).read(body)


@lru_cache(maxsize=1024)
def microseconds(text: str) -> int | None:
    """An RFC 3339 time, in microseconds since the epoch, UTC.

    Finer digits are cut. None for the year 1, which is how Go says "no time",
    and for whatever else does not lie after the epoch. A time without offset is taken as UTC.
    `datetime.fromisoformat` is C and three times as fast as slicing by hand.

    Raises:
        ValueError: It is no such time.
    """
    at = datetime.fromisoformat(text)
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return max(0, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) or None


# The fast way.

_Labels = Annotated[
    dict[Annotated[str, Meta(max_length=MAX_LABEL)], Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)]],
    Meta(min_length=1, max_length=MAX_LABELS),
]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Annotations = Annotated[
    dict[Annotated[str, Meta(max_length=MAX_LABEL)], _Text],
    Meta(max_length=MAX_ANNOTATIONS),
]


class _WireAlert(Struct, gc=False):
    labels: _Labels
    fingerprint: Annotated[str, Meta(min_length=1, max_length=MAX_FINGERPRINT)]
    status: AlertStatus
    annotations: _Annotations | None = None
    starts_at: str | None = field(default=None, name="startsAt")
    ends_at: str | None = field(default=None, name="endsAt")
    generator_url: _Text | None = field(default=None, name="generatorURL")


class _WireBody(Struct, gc=False):
    alerts: list[_WireAlert]
    status: str | None = None
    truncated: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = field(default=None, name="truncatedAlerts")


_decode = msgspec.json.Decoder(_WireBody).decode


def _read_fast(body: bytes, source: str) -> Webhook:
    wire = _decode(body)
    alerts = [
        Alert(
            source,
            a.fingerprint,
            a.status,
            a.labels,
            a.annotations or {},
            microseconds(a.starts_at) if a.starts_at else None,
            microseconds(a.ends_at) if a.ends_at else None,
            a.generator_url or "",
        )
        for a in wire.alerts
    ]
    return Webhook(alerts, [], wire.truncated or 0)


# The careful way.


class _Careful:
    """Reads one body alert by alert."""

    def __init__(self, source: str, now: int) -> None:
        self._source = source
        self._now = now

    def read(self, body: bytes) -> Webhook:
        envelope = parse(body)
        if not isinstance(envelope, dict):
            _expected("an object", envelope, "$")
        given = envelope.get("alerts")
        if not isinstance(given, list):
            _expected("a list", given, "$.alerts")
        group_status = _STATUSES.get(_text(envelope, "status", "$"))
        truncated = envelope.get("truncatedAlerts")
        truncated = 0 if truncated is None else truncated
        if not isinstance(truncated, int) or isinstance(truncated, bool) or truncated < 0:
            _expected("a count", truncated, "$.truncatedAlerts")

        alerts: list[Alert] = []
        quarantined: list[Quarantined] = []
        for index, alert in enumerate(given):
            try:
                alerts.append(self._alert(alert, group_status, f"$.alerts[{index}]"))
            except Malformed as error:
                quarantined.append(self._quarantined(alert, error))
        return Webhook(alerts, quarantined, truncated)

    def _alert(self, given: object, group_status: AlertStatus | None, path: str) -> Alert:
        if not isinstance(given, dict):
            _expected("an object", given, path)
        labels = _labels(given.get("labels"), f"{path}.labels")
        starts_at = _time(given, "startsAt", path)
        ends_at = _time(given, "endsAt", path)
        url = _text(given, "generatorURL", path)
        return Alert(
            self._source,
            _fingerprint(given, path) or fingerprint(labels),
            self._alert_status(given, group_status, ends_at, path),
            labels,
            _annotations(given.get("annotations"), f"{path}.annotations"),
            starts_at,
            ends_at,
            url if len(url) <= MAX_TEXT else "",  # half an address leads nowhere
        )

    def _alert_status(
        self, given: dict[str, Any], group_status: AlertStatus | None, ends_at: int | None, path: str
    ) -> AlertStatus:
        """The alert's own word; else its group's (Alertmanager before 0.5); else whether it has ended."""
        said = _text(given, "status", path)
        status = _STATUSES.get(said)
        if said and status is None:
            raise Malformed(f"{path}.status", f"expected firing or resolved, got {_shown(said)}")
        if status or group_status:
            return status or group_status or AlertStatus.FIRING
        ended = ends_at is not None and ends_at <= self._now
        return AlertStatus.RESOLVED if ended else AlertStatus.FIRING

    def _quarantined(self, alert: object, error: Malformed) -> Quarantined:
        text = json.dumps(alert)
        return Quarantined(
            id=uuid.uuid4().hex,
            at=self._now,
            source=self._source,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            body=text[:MAX_QUARANTINED],
            error=str(error),
        )


def parse(body: bytes) -> Any:
    """Strict JSON in UTF-8; lone surrogates, which only the careful reader can repair, pass.

    Raises:
        Malformed: It is not that.
    """
    try:
        return json.loads(body.decode(), parse_constant=_no_constant, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise Malformed("$", f"not UTF-8: byte {error.start} is {error.reason}") from None
    except RecursionError:
        raise Malformed("$", "nested too deeply") from None
    except ValueError as error:
        raise Malformed("$", f"not JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _integer(digits: str) -> int | float:
    """An int while it is of a sane size: a number of thousands of digits takes its time, and is nothing here."""
    return int(digits) if len(digits) < 20 else float(digits)


def _labels(given: object, path: str) -> dict[str, str]:
    if not isinstance(given, dict):
        _expected("an object", given, path)
    labels: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(value, str):
            _expected("text", value, _member(path, name))
        if max(len(name), len(value)) > MAX_LABEL:
            raise Malformed(_member(path, name[:40]), f"longer than {MAX_LABEL} characters")
        if value:
            labels[_clean(name)] = _clean(value)
    if not labels:
        raise Malformed(path, "expected at least one label")
    if len(labels) > MAX_LABELS:
        raise Malformed(path, f"expected at most {MAX_LABELS} labels, got {len(labels)}")
    return labels


def _annotations(given: object, path: str) -> dict[str, str]:
    """Annotations inform and identify nothing: what is too much of them is cut."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        _expected("an object", given, path)
    annotations: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(value, str):
            _expected("text", value, _member(path, name))
        if len(annotations) == MAX_ANNOTATIONS:
            break
        text = _clean(value)
        annotations[_clean(name[:MAX_LABEL])] = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT)] + CUT
    return annotations


def _fingerprint(given: dict[str, Any], path: str) -> str:
    text = _text(given, "fingerprint", path)
    if len(text) > MAX_FINGERPRINT:
        raise Malformed(f"{path}.fingerprint", f"longer than {MAX_FINGERPRINT} characters")
    return text


def _time(given: dict[str, Any], name: str, path: str) -> int | None:
    text = _text(given, name, path)
    try:
        return microseconds(text) if text else None
    except ValueError:
        raise Malformed(f"{path}.{name}", f"expected an RFC 3339 time, got {_shown(text)}") from None


def _text(given: dict[str, Any], name: str, path: str) -> str:
    """A text member; "" where it is missing or null."""
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        _expected("text", value, f"{path}.{name}")
    return _clean(value)


def _clean(text: str) -> str:
    """Without what PostgreSQL, or UTF-8 itself, cannot hold."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{json.dumps(name)}]"


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 60 else text[:60] + "...")


def _expected(what: str, value: object, path: str) -> NoReturn:
    raise Malformed(path, f"expected {what}, got {_kind(value)}")


def _kind(value: object) -> str:
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
