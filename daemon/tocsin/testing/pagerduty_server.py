"""A stand-in for PagerDuty: Events API v2 with deduplication, the alerts of incidents, and signed V3 webhooks.

``python -m tocsin.testing.pagerduty_server --port 8081 --log pagerduty.jsonl``
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tocsin.testing.pagerduty_event import check_event
from tocsin.testing.pagerduty_webhook import User, WebhookDelivery, incident_event, send
from tocsin.testing.rate_limit import RateLimit
from tocsin.testing.standin import StandIn, arguments, serve

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
"""The integration key that it knows unless others are given."""

REST_KEY = "a-rest-key-0123456789"
"""The REST API key that it knows."""

RATE = 120
"""Maximum number of events per minute and integration key, as PagerDuty documents."""
REST_RATE = 960
"""REST calls a minute and key."""
LISTED = 100
"""The most alerts that are listed at once."""


@dataclass
class PagerDutyAlert:
    """One alert in PagerDuty, from trigger to resolve, with the incident that it opened."""

    routing_key: str
    dedup_key: str
    incident_id: str
    number: int
    title: str
    severity: str
    status: str = "triggered"
    triggers: int = 1
    """Number of triggers while open; only the first notified a person."""


class PagerDutyServer(StandIn):
    """Takes events as ``POST /v2/enqueue`` does, and notifies on paper.

    An ``accepted`` entry holds ``routing_key``, ``action``, ``dedup_key``,
    ``effect`` (``opened``: a person was notified; ``absorbed``, ``acknowledged``,
    ``resolved``; ``dropped``: accepted and without effect) and the ``event``.
    """

    def __init__(
        self,
        routing_keys: Iterable[str] = (ROUTING_KEY,),
        *,
        port: int = 0,
        log: Path | None = None,
        rate: int | None = RATE,
        shows_keys: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a server.

        ``rate``: events per minute and key above which it answers 429, by the clock ``now``; None: no limit.

        ``shows_keys``: whether webhooks show an incident's key. PagerDuty documents none for incidents with alerts,
        which Events API v2 creates.
        """
        super().__init__(port=port, log=log)
        self.alerts: list[PagerDutyAlert] = []
        """Every alert that was ever opened, in order."""
        self.rate = RateLimit(rate, 60.0, now)
        self.shows_keys = shows_keys
        self._rest_rate = RateLimit(REST_RATE, 60.0, now)
        self._keys = frozenset(routing_keys)
        self._open: dict[tuple[str, str], PagerDutyAlert] = {}
        self._numbers = itertools.count(1)

    @property
    def notified(self) -> list[str]:
        """Return the dedup_keys for which a person was notified, in order."""
        return [entry["dedup_key"] for entry in self.accepted if entry["effect"] == "opened"]

    def alert(self, dedup_key: str) -> PagerDutyAlert:
        """Return the newest alert with this key.

        Raises:
            LookupError: There never was one.
        """
        for alert in reversed(self.alerts):
            if alert.dedup_key == dedup_key:
                return alert
        raise LookupError(f"no alert with the key {dedup_key}")

    def routes(self, app: web.Application) -> None:
        """Add the Events API, and the alerts of incidents from the REST API."""
        app.router.add_post("/v2/enqueue", self.faulty(self._enqueue))
        app.router.add_get("/incidents/{id}/alerts", self.faulty(self._list_alerts))

    def trigger(self, dedup_key: str) -> WebhookDelivery:
        """Return the webhook about the incident's opening; PagerDuty did it, so it names no person."""
        return self._event(self.alert(dedup_key), "triggered", None)

    def merge(self, dedup_key: str, into: str, by: User) -> WebhookDelivery:
        """Merge the incident of one key into that of another; return the webhook about it."""
        alert, other = self.alert(dedup_key), self.alert(into)
        delivery = self._event(alert, "resolved", by, merged_into=other.incident_id)
        alert.incident_id = other.incident_id
        return delivery

    def acknowledge(self, dedup_key: str, by: User) -> WebhookDelivery:
        """Acknowledge the incident as a person in PagerDuty; return the webhook to send."""
        return self._act(dedup_key, "acknowledged", by)

    def resolve(self, dedup_key: str, by: User) -> WebhookDelivery:
        """Resolve the incident as a person in PagerDuty; return the webhook to send."""
        delivery = self._act(dedup_key, "resolved", by)
        self._open.pop((self.alert(dedup_key).routing_key, dedup_key), None)
        return delivery

    async def deliver(self, delivery: WebhookDelivery, to: str, secrets: Iterable[str]) -> int:
        """Send a webhook, signed with each secret, and return the response's status. Send it twice for a redelivery."""
        return await send(delivery, to, tuple(secrets))

    def _act(self, dedup_key: str, status: str, by: User) -> WebhookDelivery:
        alert = self.alert(dedup_key)
        alert.status = status
        return self._event(alert, status, by)

    def _event(self, alert: PagerDutyAlert, status: str, by: User | None, merged_into: str = "") -> WebhookDelivery:
        return incident_event(
            f"incident.{status}",
            incident_id=alert.incident_id,
            incident_key=alert.dedup_key if self.shows_keys else None,
            number=alert.number,
            title=alert.title,
            by=by,
            merged_into=merged_into,
        )

    async def _list_alerts(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Token token={REST_KEY}":
            return _rest_error(401, 2006, "Unauthorized")
        if request.headers.get("Accept") != "application/vnd.pagerduty+json;version=2":
            return _rest_error(400, 2001, "Invalid Input Provided")
        wait = self._rest_rate.wait(REST_KEY)
        if wait is not None:
            return _rest_error(429, 2020, "Rate Limit Exceeded", {"ratelimit-reset": str(wait)})
        limit, offset = request.query.get("limit", "25"), request.query.get("offset", "0")
        if not (limit.isdecimal() and offset.isdecimal() and 0 < int(limit) <= LISTED and int(offset) <= 10_000):
            return _rest_error(400, 2001, "Invalid Input Provided")
        result = [alert for alert in self.alerts if alert.incident_id == request.match_info["id"]]
        if not result:
            return _rest_error(404, 2100, "Not Found")
        end = int(offset) + int(limit)
        shown = [{"type": "alert", "alert_key": each.dedup_key} for each in result[int(offset) : end]]
        more = {"limit": int(limit), "offset": int(offset), "more": end < len(result), "total": None}
        return web.json_response({"alerts": shown, **more})

    async def _enqueue(self, request: web.Request) -> web.Response:
        body = await request.read()
        event, errors = check_event(body, request.content_type, self._keys)
        if errors:
            return _answer(400, "invalid event", "Event object is invalid", errors=errors)
        if self.rate.wait(event["routing_key"]) is not None:
            return _answer(429, "throttle exceeded", "Requests for this service are arriving too quickly", errors=[])
        dedup_key = event.get("dedup_key") or f"standin{next(self._numbers):032d}"
        self.accept(
            routing_key=event["routing_key"],
            action=event["event_action"],
            dedup_key=dedup_key,
            effect=self._apply(event, dedup_key),
            event=event,
        )
        return _answer(202, "success", "Event processed", dedup_key=dedup_key)

    def _apply(self, event: dict[str, Any], dedup_key: str) -> str:
        place = (event["routing_key"], dedup_key)
        alert = self._open.get(place)
        match event["event_action"], alert:
            case "trigger", None:
                self._open_alert(place, event["payload"])
                return "opened"
            case "trigger", PagerDutyAlert():
                alert.triggers += 1
                return "absorbed"
            case _, None:
                return "dropped"
            case "acknowledge", PagerDutyAlert(status="acknowledged"):
                return "dropped"
            case "acknowledge", PagerDutyAlert():
                alert.status = "acknowledged"
                return "acknowledged"
            case _:
                self._open.pop(place).status = "resolved"
                return "resolved"

    def _open_alert(self, place: tuple[str, str], payload: dict[str, Any]) -> None:
        number = next(self._numbers)
        alert = PagerDutyAlert(*place, f"Q{number:013d}", number, payload["summary"], payload["severity"])
        self._open[place] = alert
        self.alerts.append(alert)


def _rest_error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)


def _answer(status: int, short: str, message: str, **more: Any) -> web.Response:
    body = json.dumps({"status": short, "message": message, **more})
    return web.Response(status=status, text=body, content_type="application/json")


def main() -> None:
    """Run it by itself."""
    parser = arguments("A stand-in for PagerDuty's Events API v2 on loopback.")
    parser.add_argument("--routing-key", action="append", help=f"an integration key that it knows ({ROUTING_KEY})")
    parser.add_argument("--rate", type=int, default=RATE, help="how many events of a key it takes in a minute")
    fields = parser.parse_args()
    keys = fields.routing_key or [ROUTING_KEY]
    serve(lambda: PagerDutyServer(keys, port=fields.port, log=fields.log, rate=fields.rate))


if __name__ == "__main__":
    main()
