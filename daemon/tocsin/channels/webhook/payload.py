"""The JSON that the webhook channel posts.

::

    {
      "version": 1,
      "job": "page",                  page, update, acknowledge, resolve, automate; announce and history where asked for
      "key": "5f0c...",               idempotency key, also in the header Idempotency-Key: seen before? do nothing
      "about": "",                    acknowledge, resolve: the key of the page that they refer to
      "target": "alice",              whom this is for: a name of people.yaml
      "recipient": "",                as the contact says
      "because": "New incident.",     why this comes, why now; then what to do, with one command per line
      "acknowledge": {"command", "method", "path"},     a page: the command, and the request of tocsin's API, that
                                      acknowledge it; null where no acknowledgment is needed
      "remarks": ["..."],             drill, late, possible duplicate ... in words
      "late_seconds": 0.0,            how much later than planned
      "possible_duplicate": false,    an earlier attempt may have arrived
      "stranded": false,              the target has no working contact of its own
      "text": "[SEV-1] #12 ...",      the incident in one line
      "incident": {
        "id", "number", "occurrence", "title", "playbook", "severity", "rank", "service", "state", "flags", "dedup_key",
        "bridge", "waits", "drill", "unrouted", "recovering", "opened_at", "acknowledged_at", "acknowledged_by",
        "resolved_at", "resolved_by", "alerts_firing", "alerts_total", "members", "url"
      },
      "alerts": [{"labels", "annotations", "firing", "starts_at", "generator_url"}],     a sample, firing ones first
      "message": {"subject", "text", "markdown"},       a message's own words; null where it has none
      "ticket": {"ref", "name", "url"},                 a tracker's: the incident's ticket there; null elsewhere
      "left_out": {"alerts", "history"},                how many of them, where the body would be over 1 MB
      "history": [{"seq", "at", "kind", "actor", "via", "data", "text"}],                history only
      "sent_at": "2026-11-20T03:05:09.000001+00:00"
    }

Times are ISO 8601 in UTC, or null. ``rank`` 0 is the playbook's highest
severity. Keys may be added; none changes its meaning within a version.
"""

import hashlib
import hmac
import json
from typing import Any

from tocsin.channels import next_steps, timeline, wording
from tocsin.channels.next_pages import is_taken
from tocsin.channels.text import cut
from tocsin.core.alerts.subject import DETAILS
from tocsin.core.content.page import AlertLine, Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import Job

VERSION = 1
"""Version of the body's format."""

BODY_LIMIT = 1_000_000
"""Bytes. Many receivers and proxies accept at most 1 MiB."""
NAME_LIMIT = 255
"""Maximum length of the name of a label in a shortened body, in characters."""
VALUE_LIMIT = 2048
"""Maximum length of a value in a shortened body, in characters."""
PAIRS = 64
"""Number of an alert's labels and annotations that remain if the whole body would be too long."""

_ALIKE = (
    *("number", "occurrence", "title", "playbook", "severity", "rank", "service", "state", "flags", "dedup_key"),
    *(*DETAILS, "bridge", "waits"),
    *("drill", "unrouted", "recovering", "acknowledged_by", "resolved_by", "alerts_firing", "alerts_total", "url"),
)
"""Fields of the content that the body shows as they are."""


def render(content: Content) -> bytes:
    """Return the body for one notification, in at most `BODY_LIMIT` bytes."""
    body = _body(content)
    encoded = _encode(body)
    if len(encoded) > BODY_LIMIT:
        body["alerts"] = [_cut_alert(alert) for alert in body["alerts"]]
        encoded = _encode(body)
    # What is longest and can be looked up goes first: a body that is refused would take the page with it.
    for name in ("alerts", "history"):
        left_out = 0
        while len(encoded) > BODY_LIMIT and body[name]:
            kept = len(body[name]) // 2
            left_out += len(body[name]) - kept
            body[name] = body[name][len(body[name]) - kept :] if name == "history" else body[name][:kept]
            body["left_out"] = {**body.get("left_out", {}), name: left_out}
            encoded = _encode(body)
    return encoded


def _encode(body: dict[str, Any]) -> bytes:
    # The encoder of the standard library escapes what is not ASCII: a lone surrogate in a label loses no page.
    return json.dumps(body, separators=(",", ":"), default=str).encode()


def _cut_alert(alert: dict[str, Any]) -> dict[str, Any]:
    texts = {
        name: {cut(key, NAME_LIMIT): cut(value, VALUE_LIMIT) for key, value in list(alert[name].items())[:PAIRS]}
        for name in ("labels", "annotations")
    }
    return {**alert, **texts, "generator_url": cut(alert["generator_url"], VALUE_LIMIT)}


def _body(content: Content) -> dict[str, Any]:
    return {
        "version": VERSION,
        "job": content.job,
        "key": content.key,
        "about": content.about,
        "target": content.target,
        "recipient": content.recipient,
        "because": wording.why(content),
        "acknowledge": _acknowledge(content),
        "remarks": list(
            filter(None, [*wording.remarks(content), wording.storm_list(content), next_steps.declaration(content)])
        ),
        "late_seconds": content.late / SECOND,
        "possible_duplicate": content.possible_duplicate,
        "stranded": content.stranded,
        "text": wording.headline(content),
        "incident": _incident(content),
        "alerts": [_alert(alert) for alert in content.alerts],
        "message": _message(content),
        "ticket": _ticket(content),
        "history": [_entry(entry, content) for entry in content.history],
        "sent_at": wording.iso(content.now),
    }


def _acknowledge(content: Content) -> dict[str, str] | None:
    if content.job is not Job.PAGE or content.is_alarm or is_taken(content):
        return None
    command = next_steps.acknowledge(content).partition(": ")[2]
    return {"command": command, "method": "POST", "path": f"/api/v1/incidents/{content.number}/acknowledge"}


def sign(secret: str, body: bytes, now: int) -> dict[str, str]:
    """Return the headers that authenticate a body and its time.

    ``X-Tocsin-Signature: v1=<hex>`` is HMAC-SHA256 over ``<timestamp>.<body>``, ``X-Tocsin-Timestamp`` the seconds
    since the epoch: a receiver should refuse requests older than a few minutes.
    """
    timestamp = str(now // SECOND)
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Tocsin-Timestamp": timestamp, "X-Tocsin-Signature": f"v1={digest}"}


def _incident(content: Content) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": content.incident_id}
    shown |= {name: getattr(content, name) for name in _ALIKE}
    shown["summary"] = wording.meaning(content)
    shown |= {name: _time(getattr(content, name)) for name in ("opened_at", "acknowledged_at", "resolved_at")}
    return shown


def _alert(alert: AlertLine) -> dict[str, Any]:
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "firing": alert.firing,
        "starts_at": _time(alert.starts_at),
        "generator_url": alert.generator_url,
    }


def _message(content: Content) -> dict[str, str] | None:
    if content.text is None:
        return None
    return {"subject": content.subject, "text": content.text.plain, "markdown": content.text.markdown}


def _ticket(content: Content) -> dict[str, str] | None:
    ticket = content.ticket
    return {"ref": ticket.ref, "name": ticket.shown, "url": ticket.url} if ticket is not None else None


def _entry(entry: Entry, content: Content) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": wording.iso(entry.at),
        "kind": entry.kind,
        "actor": entry.actor,
        "via": entry.via,
        "data": entry.data,
        "text": timeline.describe(entry, content.time_zone, timeline.Titles.of(content)),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else wording.iso(at)
