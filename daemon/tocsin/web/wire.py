"""An Alertmanager webhook's body -> alerts.

A good body takes a fast way: one typed decode in C. Whatever that way does not
accept is read alert by alert (`web/tolerant`). Both read a good body alike. A
large body is cut into slices first (`web/slices`), and each is read like a body.

What senders leave out or do differently, from Alertmanager 0.1 to 0.34 and
from its imitators: a missing ``status`` (of the group or of an alert),
``fingerprint``, ``version``, ``annotations``, ``generatorURL`` or time; null in
their place; the year 1 for "no time"; nanoseconds; offsets; unknown keys;
empty label values, which mean the same as no label.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from tocsin.core.alert import Alert, AlertStatus
from tocsin.core.quarantine import Quarantined
from tocsin.web.rejected import Rejected
from tocsin.web.times import microseconds
from tocsin.web.tolerant import (
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

MAX_REJECTED = 100
"""Alerts of one webhook that cannot be placed and are looked at, where the caller does not say how many."""
MAX_TRUNCATED = 1_000_000_000
"""More alerts than this no sender has left out: the number is not believed."""

T = TypeVar("T")

_DEEPEST = 64
"""Levels of nesting that are read of a body that is nested too deeply as a whole."""
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)

__all__ = ["MAX_REJECTED", "Malformed", "Webhook", "microseconds", "read", "read_fast"]


class Webhook(Struct, frozen=True):
    """What one body holds."""

    alerts: list[Alert]
    quarantined: Quarantined | None = None
    """What cannot be placed."""
    truncated: int | None = 0
    """How many alerts the sender left out (``max_alerts``); None: some, and their number is not known."""
    repaired: int = 0
    """How many alerts have a part that could not be read."""


def read(body: bytes, source: str, now: Callable[[], int], max_rejected: int = MAX_REJECTED) -> Webhook:
    """Read a body.

    An alert that cannot be placed is among the quarantined, also where that
    goes for all of them: the sender would only repeat a body that was refused.

    Args:
        body: As it came.
        source: The source that it came to.
        now: The store's clock; asked only where something must be judged by it.
        max_rejected: How many alerts that cannot be placed are looked at; further ones are only counted.

    Raises:
        Malformed: It is not JSON in UTF-8, or not a webhook.
    """
    webhook = read_fast(body, source)
    if webhook is not None:
        return webhook
    return shallow_if_needed(text_of(body), lambda text: _read_tolerantly(text, source, now(), max_rejected))


def read_fast(body: bytes, source: str) -> Webhook | None:
    """Read a body in which all is as it should be; None for any other."""
    try:
        if not body.isascii():
            body.decode()  # the typed decode would not look into the keys that it skips
        if b"\\u0000" in body:
            return None
        wire = _decode(body)
        return Webhook(_alerts(wire.alerts, source), truncated=wire.truncated or 0)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def read_slice(alerts: str, source: str, group_status: AlertStatus | None, now: int) -> Webhook:
    """Read a few alerts of a large body, each of which has labels; ``alerts`` is what stands between the brackets."""
    text = f"[{alerts}]"
    try:
        if "\\u0000" not in text:
            return Webhook(_alerts(_decode_alerts(text.encode()), source))
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    return shallow_if_needed(text, lambda text: _read_slice_tolerantly(text, source, group_status, now))


# The fast way.

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


def _alerts(wire: Sequence[_WireAlert], source: str) -> list[Alert]:
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
        for a in wire
    ]


# The tolerant way.


def _read_tolerantly(text: str, source: str, now: int, max_rejected: int) -> Webhook:
    envelope = parse(text)
    if not isinstance(envelope, dict):
        expected("an object", envelope, "$")
    alerts = envelope.get("alerts")
    if not isinstance(alerts, list):
        expected("a list", alerts, "$.alerts")
    reader = AlertReader(source, status_of(envelope.get("status")), now)
    rejected = Rejected(source, max_rejected)
    taken: list[Alert] = []
    for index, alert in enumerate(alerts):
        if has_labels(alert):
            taken.append(reader.read(alert))
        elif rejected.is_full:
            rejected.add_unseen(1)
        else:
            rejected.add(alert, why_unplaceable(alert, f"$.alerts[{index}]"))
    return Webhook(taken, rejected.entry(now), truncated_of(envelope), reader.repaired)


def _read_slice_tolerantly(text: str, source: str, group_status: AlertStatus | None, now: int) -> Webhook:
    reader = AlertReader(source, group_status, now)
    return Webhook([reader.read(alert) for alert in parse(text)], repaired=reader.repaired)


def truncated_of(envelope: Mapping[str, Any]) -> int | None:
    """Return how many alerts the sender says it left out; None where it says something else than a number."""
    value = envelope.get("truncatedAlerts")
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MAX_TRUNCATED and value == int(value) else None


def text_of(body: bytes) -> str:
    """Return the body as text.

    Raises:
        Malformed: It is not UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed("$", f"not UTF-8: byte {error.start} is {error.reason}") from None


def parse(text: str) -> Any:
    """Parse strict JSON; lone surrogates pass.

    Raises:
        Malformed: It is not that.
        RecursionError: It is nested too deeply: see `shallow_if_needed`.
    """
    try:
        return json.loads(text, parse_constant=no_constant, parse_int=integer)
    except ValueError as error:
        raise Malformed("$", f"not JSON: {error}") from None


def shallow_if_needed(text: str, read: Callable[[str], T]) -> T:
    """Return what ``read`` makes of the text, or of its upper levels where it is nested too deeply as a whole."""
    try:
        return read(text)
    except RecursionError:
        return read(without_depths(text))


def without_depths(text: str) -> str:
    """Return JSON with null in place of whatever is nested deeper than anything that tocsin reads."""
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
        raise Malformed("$", "not JSON: it ends inside of something that is nested too deeply")
    return "".join([*pieces, text[kept_to:]])


def no_constant(name: str) -> NoReturn:
    """Refuse what Python's JSON has beyond JSON."""
    raise ValueError(f"{name} is not a number in JSON")


def integer(digits: str) -> int | float:
    """Return an int while it is of a sane size: a number of thousands of digits takes its time, and is nothing here."""
    return int(digits) if len(digits) < 20 else float(digits)
