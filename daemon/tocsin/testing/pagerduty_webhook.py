"""PagerDuty's V3 webhooks, from its side: the envelope, the signatures, the delivery."""

import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

TIMEOUT = 5.0
"""Seconds that PagerDuty waits for an answer."""


@dataclass(frozen=True)
class User:
    """A person who acts in PagerDuty."""

    id: str
    summary: str

    def reference(self) -> dict[str, Any]:
        """Return the user as shown in the envelope."""
        return _reference("users", self.id, self.summary)


@dataclass(frozen=True)
class WebhookDelivery:
    """One webhook. A redelivery has the same id and body, as with PagerDuty."""

    body: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def headers(self, secrets: tuple[str, ...]) -> dict[str, str]:
        """Return the headers: one signature for each active secret, over the raw body."""
        digests = [hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest() for secret in secrets]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-Webhook-Id": self.id,
            "X-Webhook-Subscription": "PSTANDIN",
        }
        if digests:
            headers["X-PagerDuty-Signature"] = ",".join(f"v1={digest}" for digest in digests)
        return headers


def incident_event(
    event_type: str,
    *,
    incident_id: str,
    incident_key: str | None,
    number: int,
    title: str,
    by: User | None,
    merged_into: str = "",
) -> WebhookDelivery:
    """Return a webhook about an incident.

    ``by`` None: PagerDuty did it by itself (auto-resolve, timeout). ``incident_key`` None: as PagerDuty documents it
    for an incident with alerts. ``merged_into`` is the id of the incident that this one was merged into.
    """
    now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {
        "id": incident_id,
        "type": "incident",
        "self": f"https://api.pagerduty.com/incidents/{incident_id}",
        "html_url": f"https://standin.pagerduty.com/incidents/{incident_id}",
        "number": number,
        "status": event_type.rpartition(".")[2],
        "incident_key": incident_key,
        "created_at": now,
        "title": title,
        "incident_type": {"name": "incident_default"},
        "service": _reference("services", "PSERVICE", "tocsin"),
        "assignees": [by.reference()] if by else [],
        "escalation_policy": _reference("escalation_policies", "PPOLICY", "One level, no repeat"),
        "teams": [],
        "priority": None,
        "urgency": "high",
        "conference_bridge": None,
        "resolve_reason": _merge_reason(merged_into) if merged_into else None,
    }
    event = {
        "id": uuid.uuid4().hex[:26].upper(),
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": now,
        "agent": by.reference() if by else None,
        "client": None,
        "data": data,
    }
    return WebhookDelivery(json.dumps({"event": event}).encode())


def _merge_reason(into: str) -> dict[str, Any]:
    return {"type": "merge_resolve_reason", "incident": _reference("incidents", into, "")}


def ping() -> WebhookDelivery:
    """Return the webhook that PagerDuty sends to test a subscription."""
    event = {
        "id": uuid.uuid4().hex[:26].upper(),
        "event_type": "pagey.ping",
        "resource_type": "pagey",
        "occurred_at": "2026-11-20T12:00:00.000Z",
        "agent": None,
        "client": None,
        "data": {"type": "ping", "message": "Hello from the stand-in"},
    }
    return WebhookDelivery(json.dumps({"event": event}).encode())


async def send(delivery: WebhookDelivery, to: str, secrets: tuple[str, ...]) -> int:
    """Post a delivery; return the response's status. PagerDuty follows no redirects."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(to, data=delivery.body, headers=delivery.headers(secrets), allow_redirects=False) as answer,
    ):
        await answer.read()
        return answer.status


def _reference(collection: str, id_: str, summary: str) -> dict[str, Any]:
    return {
        "html_url": f"https://standin.pagerduty.com/{collection}/{id_}",
        "id": id_,
        "self": f"https://api.pagerduty.com/{collection}/{id_}",
        "summary": summary,
        "type": f"{'escalation_policy' if collection == 'escalation_policies' else collection[:-1]}_reference",
    }
