"""Validation of events against the contract of PagerDuty's Events API v2, and its limits.

In one respect it is stricter: a key that the contract does not define is refused, so that a misspelled one is detected.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

BODY_LIMIT = 512_000
SUMMARY_LIMIT = 1024
DEDUP_KEY_LIMIT = 255
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")

_ALWAYS = {"routing_key", "event_action", "dedup_key"}
_TRIGGER = {"payload", "client", "client_url", "links", "images"}
_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def check_event(body: bytes, content_type: str, routing_keys: frozenset[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the event, and the mistakes in it."""
    if len(body) > BODY_LIMIT:
        return {}, [f"event is {len(body)} bytes long; the limit is {BODY_LIMIT}"]
    if content_type != "application/json":
        return {}, [f"content type is {content_type}"]
    try:
        event = json.loads(body)
    except ValueError:
        return {}, ["JSON parse error"]
    if not isinstance(event, dict):
        return {}, ["event is not an object"]
    return event, list(_errors(event, routing_keys))


def _errors(event: dict[str, Any], routing_keys: frozenset[str]) -> Iterator[str]:
    action = event.get("event_action")
    key = event.get("routing_key")
    if not isinstance(key, str) or len(key) != 32:
        yield "'routing_key' must be a string of 32 characters"
    elif key not in routing_keys:
        yield "'routing_key' is not known"
    if action not in ACTIONS:
        yield f"'event_action' must be one of {ACTIONS}"
    yield from _dedup_key(event.get("dedup_key"), is_required=action != "trigger")
    for name in sorted(event.keys() - _ALWAYS - (_TRIGGER if action == "trigger" else set())):
        yield f"{name!r} is not known for this event_action"
    if action == "trigger":
        yield from _trigger(event)


def _dedup_key(key: object, *, is_required: bool) -> Iterator[str]:
    if key is None:
        if is_required:
            yield "'dedup_key' is missing or blank"
    elif not isinstance(key, str) or not key or len(key) > DEDUP_KEY_LIMIT:
        yield f"'dedup_key' must be a string of 1 to {DEDUP_KEY_LIMIT} characters"


def _trigger(event: dict[str, Any]) -> Iterator[str]:
    payload = event.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
    else:
        yield from _payload(payload)
    if not isinstance(event.get("client", ""), str):
        yield "'client' must be a string"
    if "client_url" in event and not _is_url(event["client_url"]):
        yield "'client_url' must be a URL"
    yield from _items(event.get("links", []), "links", {"href", "text"}, "href", ("http", "https"))
    yield from _items(event.get("images", []), "images", {"src", "href", "alt"}, "src", ("https",))


def _payload(payload: dict[str, Any]) -> Iterator[str]:
    for name in ("summary", "source"):
        if not isinstance(payload.get(name), str) or not payload[name].strip():
            yield f"'payload.{name}' is missing or blank"
    if len(str(payload.get("summary", ""))) > SUMMARY_LIMIT:
        yield f"'payload.summary' is longer than {SUMMARY_LIMIT} characters"
    if payload.get("severity") not in SEVERITIES:
        yield f"'payload.severity' must be one of {SEVERITIES}"
    for name in ("component", "group", "class"):
        if not isinstance(payload.get(name, ""), str):
            yield f"'payload.{name}' must be a string"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' must be an object"
    if "timestamp" in payload and not _is_time(payload["timestamp"]):
        yield "'payload.timestamp' must be an ISO 8601 time with an offset"
    for name in sorted(payload.keys() - _PAYLOAD):
        yield f"'payload.{name}' is not known"


def _items(items: object, name: str, known: set[str], required: str, schemes: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(items, list):
        yield f"{name!r} must be an array"
        return
    for item in items:
        if not isinstance(item, dict) or not _is_url(item.get(required), schemes):
            yield f"each of {name!r} needs a URL {required!r} ({', '.join(schemes)})"
        elif item.keys() - known or not all(isinstance(value, str) for value in item.values()):
            yield f"each of {name!r} may have the strings {sorted(known)}"


def _is_url(value: object, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
