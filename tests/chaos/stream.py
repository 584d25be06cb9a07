"""Those who talk to the daemon while it is killed: an Alertmanager that repeats what was not answered with
200 and remembers what was, and a human who acknowledges."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import aiohttp

from e2e.processes import until
from e2e.tocsin_process import Tocsin, webhook
from tocsin.testing.pagerduty_webhook import User, incident_event, send

PAGERDUTY_SECRET = "pagerduty-signing-secret"
ALEX = User("PALEX1", "Alex")
LAST_STEP = 3.0
"""Seconds after the opening at which the ladder of the playbook ends."""


class Story(Enum):
    """The fate of one service's alerts."""

    STUBBORN = "they fire, and nobody does anything: the whole ladder is due"
    HEALED = "they fire and resolve"
    TAKEN = "they fire, somebody acknowledges, they resolve"
    RELAPSED = "they fire, resolve, and fire again"


@dataclass
class Service:
    """One service, its alerts, and what was answered with 200 about each of them."""

    name: str
    story: Story
    fired: set[str] = field(default_factory=set)
    """Fingerprints that the daemon has taken as firing."""
    resolved: set[str] = field(default_factory=set)
    """Those of them whose last word was taken too: resolved."""
    acknowledged: bool = False


class Sender:
    """Posts webhooks as Alertmanager does: again and again until each is answered with 200."""

    def __init__(self, tocsin: Tocsin, pagerduty_log: Path, rng: random.Random) -> None:
        self.services: list[Service] = []
        self.answered = 0
        self.repeated = 0
        self.stopping = False
        self._tocsin = tocsin
        self._pagerduty_log = pagerduty_log
        self._rng = rng

    async def run(self, at_once: int) -> None:
        """Live through one service's story after the other until told to stop; begun ones are lived to their end."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(at_once):
                group.create_task(self._live(session))

    async def _live(self, session: aiohttp.ClientSession) -> None:
        while not self.stopping:
            service = Service(f"svc-{len(self.services):05d}", self._rng.choice(list(Story)))
            self.services.append(service)
            names = [f"{service.name}-{number}" for number in range(self._rng.randint(1, 4))]
            await self._say(session, service, names, "firing", 1)
            if self._rng.random() < 0.5:  # the group flushes once more, with one alert more
                names.append(f"{service.name}-more")
                await self._say(session, service, names, "firing", 1)
            if service.story is Story.STUBBORN:
                continue
            await self._pause()
            if service.story is Story.TAKEN:
                await self._acknowledge(session, service)
            await self._say(session, service, names, "resolved", 1)
            if service.story is Story.RELAPSED:
                await self._is_resolved(session, service)
                await self._say(session, service, names, "firing", 2)
                await self._say(session, service, names, "resolved", 2)

    async def _pause(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.1, 1.5))

    async def _say(
        self, session: aiohttp.ClientSession, service: Service, names: list[str], status: str, spell: int
    ) -> None:
        body = webhook(*(_alert(service.name, name, status, spell) for name in names))
        while await self._post(session, "/webhooks/alertmanager", body) != 200:
            self.repeated += 1
        self.answered += 1
        if status == "firing":
            service.fired |= set(names)
            service.resolved -= set(names)
        else:
            service.resolved |= set(names)

    async def _post(self, session: aiohttp.ClientSession, path: str, body: Any) -> int:
        """The answer's status, 0 for none; after anything but a success, after a moment."""
        status = 0
        try:
            headers = {"Authorization": f"Bearer {self._tocsin.token}"}
            async with session.post(self._tocsin.url + path, json=body, headers=headers) as answer:
                status = answer.status
                said = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        else:
            assert status in (200, 404, 503), said
        if status != 200:
            await asyncio.sleep(self._rng.uniform(0.02, 0.1))
        return status

    async def _find(self, session: aiohttp.ClientSession, service: Service) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._tocsin.token}"}
        url = f"{self._tocsin.url}/api/v1/incidents?service={service.name}"
        while True:
            try:
                async with session.get(url, headers=headers) as answer:
                    found = (await answer.json())["incidents"] if answer.status == 200 else []
                if found:
                    return dict(found[0])
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            if self.stopping:
                return {}
            await asyncio.sleep(self._rng.uniform(0.02, 0.1))

    async def _is_resolved(self, session: aiohttp.ClientSession, service: Service) -> None:
        async def over() -> bool:
            found = await self._find(session, service)
            return not found or found["state"] == "resolved"

        await until(over, 60, f"{service.name} is resolved")

    async def _acknowledge(self, session: aiohttp.ClientSession, service: Service) -> None:
        """A human does, through the API or in PagerDuty; the latter repeats what is not answered."""
        if self._rng.random() < 0.5:
            found = await self._find(session, service)
            if found:
                path = f"/api/v1/incidents/{found['id']}/acknowledge"
                while await self._post(session, path, {}) != 200:
                    self.repeated += 1
                service.acknowledged = True
        elif trigger := self._trigger_about(service):
            delivery = incident_event(
                "incident.acknowledged",
                incident_id=f"Q{service.name}",
                incident_key=trigger["dedup_key"],
                number=1,
                title=service.name,
                by=ALEX,
            )
            url = f"{self._tocsin.url}/webhooks/pagerduty"
            await until(lambda: _delivered(delivery, url), 60, "PagerDuty's webhook is taken")
            service.acknowledged = True

    def _trigger_about(self, service: Service) -> dict[str, Any] | None:
        return next((event for event in logged(self._pagerduty_log) if about(event) == service.name), None)


async def _delivered(delivery: Any, url: str) -> bool:
    try:
        return 200 <= await send(delivery, url, (PAGERDUTY_SECRET,)) < 300
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _alert(service: str, name: str, status: str, spell: int) -> dict[str, Any]:
    return {
        "status": status,
        "fingerprint": name,
        "labels": {"alertname": "Down", "severity": "critical", "service": service, "instance": name},
        "annotations": {"summary": f"{service} is down"},
        "startsAt": f"2026-11-20T14:0{spell}:00Z",
        "endsAt": f"2026-11-20T14:0{spell}:30Z" if status == "resolved" else "0001-01-01T00:00:00Z",
    }


def logged(log: Path) -> list[dict[str, Any]]:
    """The whole lines of a stand-in's log."""
    text = log.read_text() if log.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def about(event: dict[str, Any]) -> str:
    """The service that a PagerDuty trigger is about; "" for other events."""
    return str(event["event"].get("payload", {}).get("component", ""))
