"""A stand-in for PagerDuty: the Events API v2 with its deduplication, and signed V3 webhooks back.

``python -m tocsin.testing.pagerduty_server --port 8081 --log pagerduty.jsonl``
"""

import collections
import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tocsin.testing.pagerduty_event import check_event
from tocsin.testing.pagerduty_webhook import Delivery, User, incident_event, send
from tocsin.testing.standin import StandIn, arguments, serve

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
"""The integration key that it knows unless others are given."""

RATE = 120
"""Events a minute and integration key that PagerDuty documents."""
WINDOW = 60.0


@dataclass
class Alert:
    """One alert as PagerDuty keeps it, from trigger to resolve, with the incident that it opened."""

    routing_key: str
    dedup_key: str
    incident_id: str
    number: int
    title: str
    severity: str
    status: str = "triggered"
    triggers: int = 1
    """How often it was triggered while open; only the first notified anybody."""


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
        rate: int | None = None,
    ) -> None:
        super().__init__(port=port, log=log)
        self.alerts: list[Alert] = []
        """Every alert that was ever opened, in order."""
        self.rate = rate
        """Events a minute and key after which it answers 429; None: no limit. PagerDuty's own is `RATE`."""
        self._keys = frozenset(routing_keys)
        self._open: dict[tuple[str, str], Alert] = {}
        self._recent: dict[str, collections.deque[float]] = collections.defaultdict(collections.deque)
        self._numbers = itertools.count(1)

    @property
    def notified(self) -> list[str]:
        """The dedup_keys for which a person was notified, in order."""
        return [entry["dedup_key"] for entry in self.accepted if entry["effect"] == "opened"]

    def alert(self, dedup_key: str) -> Alert:
        """The newest alert with this key.

        Raises:
            LookupError: There never was one.
        """
        for alert in reversed(self.alerts):
            if alert.dedup_key == dedup_key:
                return alert
        raise LookupError(f"no alert with the key {dedup_key}")

    def routes(self, app: web.Application) -> None:
        """Serve the Events API."""
        app.router.add_post("/v2/enqueue", self.faulty(self._enqueue))

    def acknowledge(self, dedup_key: str, by: User) -> Delivery:
        """A person acknowledges the incident in PagerDuty; the webhook about it, to be sent."""
        return self._act(dedup_key, "acknowledged", by)

    def resolve(self, dedup_key: str, by: User) -> Delivery:
        """A person resolves the incident in PagerDuty; the webhook about it, to be sent."""
        delivery = self._act(dedup_key, "resolved", by)
        self._open.pop((self.alert(dedup_key).routing_key, dedup_key), None)
        return delivery

    async def deliver(self, delivery: Delivery, to: str, secrets: Iterable[str]) -> int:
        """Send a webhook, signed once with each secret; twice sends the same delivery again. The answer's status."""
        return await send(delivery, to, tuple(secrets))

    def _act(self, dedup_key: str, status: str, by: User) -> Delivery:
        alert = self.alert(dedup_key)
        alert.status = status
        return incident_event(
            f"incident.{status}",
            incident_id=alert.incident_id,
            incident_key=alert.dedup_key,
            number=alert.number,
            title=alert.title,
            status=status,
            by=by,
        )

    async def _enqueue(self, request: web.Request) -> web.Response:
        body = await request.read()
        event, errors = check_event(body, request.content_type, self._keys)
        if errors:
            return _answer(400, "invalid event", "Event object is invalid", errors=errors)
        if self._is_over_rate(event["routing_key"]):
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
            case "trigger", Alert():
                alert.triggers += 1
                return "absorbed"
            case _, None:
                return "dropped"
            case "acknowledge", Alert(status="acknowledged"):
                return "dropped"
            case "acknowledge", Alert():
                alert.status = "acknowledged"
                return "acknowledged"
            case _:
                self._open.pop(place).status = "resolved"
                return "resolved"

    def _open_alert(self, place: tuple[str, str], payload: dict[str, Any]) -> None:
        number = next(self._numbers)
        alert = Alert(*place, f"Q{number:013d}", number, payload["summary"], payload["severity"])
        self._open[place] = alert
        self.alerts.append(alert)

    def _is_over_rate(self, routing_key: str) -> bool:
        if self.rate is None:
            return False
        recent, now = self._recent[routing_key], time.monotonic()
        while recent and recent[0] <= now - WINDOW:
            recent.popleft()
        if len(recent) >= self.rate:
            return True
        recent.append(now)
        return False


def _answer(status: int, short: str, message: str, **more: Any) -> web.Response:
    body = json.dumps({"status": short, "message": message, **more})
    return web.Response(status=status, text=body, content_type="application/json")


def main() -> None:
    """Run it by itself."""
    parser = arguments("A stand-in for PagerDuty's Events API v2 on loopback.")
    parser.add_argument("--routing-key", action="append", help=f"an integration key that it knows ({ROUTING_KEY})")
    given = parser.parse_args()
    keys = given.routing_key or [ROUTING_KEY]
    serve(lambda: PagerDutyServer(keys, port=given.port, log=given.log))


if __name__ == "__main__":
    main()
