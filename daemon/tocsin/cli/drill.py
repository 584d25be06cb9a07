"""``tocsin drill``: rehearse the whole way, from the webhook to the page."""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, Refused, connected
from tocsin.cli.incident_api import API, incident_path
from tocsin.cli.output import clean, micros, say
from tocsin.core.alert import DRILL_LABEL
from tocsin.core.outbox import Job, RowState

WEBHOOK = "/webhooks/alertmanager"
MILLISECOND = 1_000
LOOK_EVERY = 0.25
"""Seconds between two looks at what has become of it."""


@click.command(epilog=options.example("tocsin drill --ack"))
@click.option(
    "--timeout", "wait", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds to wait for a page."
)
@click.option("--ack", is_flag=True, help="Acknowledge it once it has paged.")
@click.option("--keep", is_flag=True, help="Leave it firing, to watch it escalate.")
@connected
async def command(daemon: Daemon, *, wait: float, ack: bool, keep: bool) -> None:
    """Rehearse the way from the webhook to the page.

    Posts a marked alert through the real edge and follows it. People are
    really paged; the page says that it is a drill, and the measures leave it
    out. Exits 1, with the reason, when no page was delivered.
    """
    drill = Drill(daemon, secrets.token_hex(4))
    await drill.fire()
    try:
        async with asyncio.timeout(wait):
            await drill.follow()
        if ack:
            await drill.acknowledge()
    except TimeoutError:
        raise Refused(f"no page was delivered within {wait:g} s: {await drill.reason()}") from None
    finally:
        if not keep:
            await drill.resolve()


class Drill:
    """One rehearsal: what has been seen of it so far."""

    def __init__(self, daemon: Daemon, name: str) -> None:
        self._daemon = daemon
        self._labels = {
            "alertname": "TocsinDrill",
            "severity": "critical",
            DRILL_LABEL: "true",
            "service": "tocsin-drill",
            "drill": name,
            "namespace": f"drill-{name}",  # in the default dedup key: each drill is an incident of its own
        }
        self._starts_at = datetime.now(UTC)
        self._fired = time.perf_counter()
        self._incident: dict[str, Any] | None = None
        self._others: set[str] = set()

    async def fire(self) -> None:
        """Post the alert."""
        await self._post("firing")
        took = (time.perf_counter() - self._fired) * 1000
        say(f"drill {self._labels['drill']}: posted to {self._daemon.url}, answered 200 after {took:.0f} ms")

    async def follow(self) -> None:
        """Wait until a page about it has been delivered, telling each thing as it is seen."""
        told: set[str] = set()
        while True:
            if self._incident is None:
                self._incident = await self._find()
            if self._incident is not None and await self._paged(self._incident, told):
                return
            await asyncio.sleep(LOOK_EVERY)

    async def acknowledge(self) -> None:
        """Acknowledge the incident."""
        if self._incident is not None:
            await self._daemon.post(f"{incident_path(self._incident['id'])}/acknowledge", {})
            say("acknowledged")

    async def resolve(self) -> None:
        """Post that the alert is over."""
        await self._post("resolved")
        say("its alert is resolved; the incident closes once it has stayed so for `resolve_after`")

    async def reason(self) -> str:
        """Why nobody has been paged, as far as it can be told."""
        if self._incident is not None:
            found = await self._explanation(self._incident["id"])
            return f"incident #{found['number']}: {found['because']}; see `tocsin explain {found['number']}`"
        would = await self._daemon.post("/api/v1/explain", {"labels": self._labels})
        return f"the alert was taken but no incident opened; the rules say {would['outcome']}: {would['because']}"

    async def _find(self) -> dict[str, Any] | None:
        """The incident that the alert belongs to, once there is one."""
        page = await self._daemon.get(API, state=("pending", "triggered", "acknowledged", "snoozed"), limit=50)
        for incident in page["incidents"]:
            if incident["id"] in self._others:
                continue
            detail = await self._daemon.get(incident_path(incident["id"]))
            drills = {alert["labels"].get("drill") for alert in detail["alerts"]}
            if self._labels["drill"] in drills:
                self._tell_found(detail, alone=len(drills) == 1)
                return dict(detail)
            self._others.add(incident["id"])
        return None

    def _tell_found(self, found: dict[str, Any], *, alone: bool) -> None:
        took = time.perf_counter() - self._fired
        place = f"{found['severity']} of {found['playbook']}"
        say(f"incident #{found['number']} {found['state']} at {place}, seen after {took * 1000:.0f} ms")
        if not alone:
            raise Refused(
                f"its alert joined incident #{found['number']}, which was open already and has paged for others: "
                "a rule gives drills a dedup key without the label `drill`"
            )

    async def _paged(self, incident: dict[str, Any], told: set[str]) -> bool:
        """Tell what has become of its pages since the last look; whether one has arrived."""
        found = await self._explanation(incident["id"])
        pages = [delivery for delivery in found["deliveries"] if delivery["job"] == Job.PAGE]
        for page in pages:
            line = _told(page, incident["opened_at"])
            if line not in told:
                told.add(line)
                say(clean(line, "green" if page["state"] == RowState.SENT else "yellow"))
        return any(page["state"] == RowState.SENT for page in pages)

    async def _explanation(self, incident_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._daemon.get(f"{incident_path(incident_id)}/explain")
        return found

    async def _post(self, status: str) -> None:
        alert: dict[str, Any] = {
            "status": status,
            "labels": self._labels,
            "annotations": {"summary": "Drill: nothing is broken"},
            "startsAt": self._starts_at.isoformat(),
        }
        if status == "resolved":
            alert["endsAt"] = datetime.now(UTC).isoformat()
        await self._daemon.post(
            WEBHOOK, {"version": "4", "status": status, "receiver": "tocsin-drill", "alerts": [alert]}
        )


def _told(page: dict[str, Any], opened_at: str) -> str:
    """One page so far; times by the daemon's clock alone."""
    line = f"page to {page['target']} through {page['channel']}"
    if page["state"] == RowState.SENT:
        took = (micros(page["done_at"]) - micros(opened_at)) // MILLISECOND
        return f"{line}: delivered {took} ms after the incident opened"
    tried = [attempt for attempt in page["attempts"] if attempt["outcome"]]
    if tried:
        last = tried[-1]
        return f"{line}: attempt {last['attempt']} {last['outcome']} ({last['reason']}) {last['detail']}".rstrip()
    return f"{line}: {page['state']}"
