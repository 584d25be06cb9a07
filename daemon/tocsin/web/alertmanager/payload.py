"""Reading the body of an Alertmanager webhook.

A well-formed body takes the fast path: one typed decode in C. Any other body is read
alert by alert (`web/alertmanager/lenient`). Both paths give the same result for a
well-formed body. A large body is first cut into slices (`web/alertmanager/slices`),
which are read like bodies.

Alertmanager 0.1 to 0.34 and compatible senders differ in many details: ``status`` (of
the group or of an alert), ``fingerprint``, ``version``, ``annotations``,
``generatorURL`` or times may be missing or null; "no time" may be the year 1; times may
have nanoseconds and offsets; there may be unknown keys; and an empty label value means
the same as no label.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.web.alertmanager.lenient import (
    MAX_ANNOTATIONS,
    MAX_FINGERPRINT,
    MAX_NAME,
    MAX_TEXT,
    AlertReader,
    Malformed,
    expected,
    has_labels,
    status_of,
    why_unplaceable,
)
from tocsin.web.alertmanager.rejected import Rejected
from tocsin.web.alertmanager.times import microseconds

MAX_REJECTED = 100
"""Default for the maximum number of alerts without labels that are kept of one webhook."""
MAX_TRUNCATED = 1_000_000_000
"""Largest plausible number of omitted alerts; a larger one counts as unknown."""

T = TypeVar("T")

_DEEPEST = 64
"""Number of levels of nesting that are read of a body that is nested too deeply to parse as a whole."""
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)

__all__ = ["MAX_REJECTED", "Malformed", "Webhook", "microseconds", "read", "read_fast"]


class Webhook(Struct, frozen=True):
    """The content of one body."""

    alerts: list[Alert]
    quarantined: Quarantined | None = None
    """The alerts without labels."""
    truncated: int | None = 0
    """Number of alerts that the sender omitted (``max_alerts``); None for an unknown number."""
    repaired: int = 0
    """Number of alerts with an unreadable part."""


def read(body: bytes, source: str, now: Callable[[], int], max_rejected: int = MAX_REJECTED) -> Webhook:
    """Read a body.

    Alerts without labels are quarantined, even if no other alerts remain: refusing the
    body would only make the sender retry it.

    Args:
        body: The raw body.
        source: The source in the webhook's path.
        now: The store's clock; read only if needed.
        max_rejected: Maximum number of alerts without labels to keep; the others are only counted.

    Raises:
        Malformed: The body is not JSON in UTF-8, or not a webhook.
    """
    webhook = read_fast(body, source)
    if webhook is not None:
        return webhook
    return shallow_if_needed(text_of(body), lambda text: _read_leniently(text, source, now(), max_rejected))


def read_fast(body: bytes, source: str) -> Webhook | None:
    """Read a well-formed body; return None for any other body."""
    try:
        if not body.isascii():
            body.decode()  # the typed decode does not validate the keys that it skips
        if b"\\u0000" in body:
            return None
        decoded = _decode(body)
        return Webhook(_alerts(decoded.alerts, source), truncated=decoded.truncated or 0)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def read_slice(alerts: str, source: str, group_status: AlertStatus | None, now: int) -> Webhook:
    """Read a few alerts of a large body, all of which have labels. ``alerts`` is a JSON list without its brackets."""
    text = f"[{alerts}]"
    try:
        if "\\u0000" not in text:
            return Webhook(_alerts(_decode_alerts(text.encode()), source))
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    return shallow_if_needed(text, lambda text: _read_slice_leniently(text, source, group_status, now))


# The fast path

_Labels = Annotated[dict[str, Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Annotations = Annotated[
    dict[Annotated[str, Meta(max_length=MAX_NAME)], _Text],
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
    truncated: Annotated[int, Meta(ge=0, le=MAX_TRUNCATED)] | None = field(default=None, name="truncatedAlerts")


_decode = msgspec.json.Decoder(_WireBody).decode
_decode_alerts = msgspec.json.Decoder(list[_WireAlert]).decode


def _alerts(decoded: Sequence[_WireAlert], source: str) -> list[Alert]:
    return [
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
        for a in decoded
    ]


# The lenient path


def _read_leniently(text: str, source: str, now: int, max_rejected: int) -> Webhook:
    envelope = parse(text)
    if not isinstance(envelope, dict):
        expected("an object", envelope, "$")
    alerts = envelope.get("alerts")
    if not isinstance(alerts, list):
        expected("a list", alerts, "$.alerts")
    reader = AlertReader(source, status_of(envelope.get("status")), now)
    rejected = Rejected(source, max_rejected)
    accepted: list[Alert] = []
    for index, alert in enumerate(alerts):
        if has_labels(alert):
            accepted.append(reader.read(alert))
        elif rejected.is_full:
            rejected.add_unseen(1)
        else:
            rejected.add(alert, why_unplaceable(alert, f"$.alerts[{index}]"))
    return Webhook(accepted, rejected.entry(now), truncated_of(envelope), reader.repaired)


def _read_slice_leniently(text: str, source: str, group_status: AlertStatus | None, now: int) -> Webhook:
    reader = AlertReader(source, group_status, now)
    return Webhook([reader.read(alert) for alert in parse(text)], repaired=reader.repaired)


def truncated_of(envelope: Mapping[str, Any]) -> int | None:
    """Return the number of alerts that the sender reports as omitted; None if that is not a number."""
    value = envelope.get("truncatedAlerts")
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MAX_TRUNCATED and value == int(value) else None


def text_of(body: bytes) -> str:
    """Decode a body.

    Raises:
        Malformed: The body is not UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed("$", f"not UTF-8: byte {error.start} is {error.reason}") from None


def parse(text: str) -> Any:
    """Parse strict JSON; lone surrogates are accepted.

    Raises:
        Malformed: The text is not JSON.
        RecursionError: The text is nested too deeply (see `shallow_if_needed`).
    """
    try:
        return json.loads(text, parse_constant=no_constant, parse_int=integer)
    except ValueError as error:
        if not text.strip():
            raise Malformed("$", "the body is empty: send JSON as Alertmanager does, in curl with -d @FILE") from None
        raise not_json(text, error) from None


def not_json(text: str, error: ValueError) -> Malformed:
    """Return the error for a body that is not JSON, with what is expected if it does not even begin like a webhook."""
    hint = "" if text.lstrip().startswith("{") else f"; {_EXPECTED}"  # Alertmanager always sends an object
    return Malformed("$", f"not JSON: {error}{hint}")


def shallow_if_needed(text: str, read: Callable[[str], T]) -> T:
    """Return the result of ``read`` for the text, or for its upper levels if it is nested too deeply."""
    try:
        return read(text)
    except RecursionError:
        return read(without_deep_values(text))


def without_deep_values(text: str) -> str:
    """Replace values that are nested deeper than anything tocsin reads with null."""
    pieces: list[str] = []
    depth = kept_to = 0
    for match in _BRACKETS.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth == _DEEPEST + 1:
                pieces += [text[kept_to : match.start()], "null"]
        elif match[0] in "]}":
            if depth == _DEEPEST + 1:
                kept_to = match.end()
            depth -= 1
    if depth > _DEEPEST:
        raise Malformed("$", "not JSON: the text ends inside a value that is nested too deeply")
    return "".join([*pieces, text[kept_to:]])


_EXPECTED = (
    'expected a webhook of Alertmanager, such as {"version": "4", "alerts": [{"status": "firing", "labels": {...}}]}'
)


def no_constant(name: str) -> NoReturn:
    """Reject the constants that Python's JSON parser accepts beyond JSON, such as NaN."""
    raise ValueError(f"{name} is not a number in JSON")


def integer(digits: str) -> int | float:
    """Return a number as int, or as float if it has many digits: parsing thousands of digits as int is slow."""
    return int(digits) if len(digits) < 20 else float(digits)
