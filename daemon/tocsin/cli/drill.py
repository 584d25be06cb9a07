"""``tocsin drill``: rehearse the whole path from the webhook to the page."""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, Refused, connected
from tocsin.cli.incident_api import API, incident_path
from tocsin.cli.oncall import API as ONCALL
from tocsin.cli.output import clean, micros, say
from tocsin.core.alerts.alert import DRILL_LABEL
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.oncall.gap import no_one_on_call
from tocsin.core.oncall.rotation import LOOKED_AHEAD

WEBHOOK = "/webhooks/alertmanager"
MILLISECOND = 1_000
"""Microseconds."""
LOOK_EVERY = 0.25
"""Seconds between two polls of the daemon."""


@click.command(epilog=options.example("tocsin drill --ack"))
@click.option(
    "--timeout", "wait", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds to wait for a page."
)
@click.option("--ack", is_flag=True, help="Acknowledge the incident once a page has been delivered.")
@click.option(
    "--allow-console", "may_stand_in", is_flag=True, help="Accept that the console stands in for unconfigured channels."
)
@click.option("--keep", is_flag=True, help="Leave the alert firing, to watch the escalation.")
@connected
async def command(daemon: DaemonClient, *, wait: float, ack: bool, may_stand_in: bool, keep: bool) -> None:
    """Rehearse the whole path from the webhook to the page.

    Posts an alert that is marked as a drill to the webhook and follows it until
    a page is delivered. People are really paged; the page says that it is a
    drill, and drills do not count in the metrics of incidents. Exits 1 with the
    reason if no page was delivered, or if only the console printed pages for
    people without a contact on a configured channel (see --allow-console).
    """
    for line in uncovered(await daemon.get(ONCALL)):
        say(clean(f"warning: {line}", "yellow"))
    drill = Drill(daemon, secrets.token_hex(4), may_stand_in=may_stand_in)
    await drill.fire()
    try:
        async with asyncio.timeout(wait):
            await drill.follow()
        if ack:
            await drill.acknowledge()
    except TimeoutError:
        raise Refused(f"No page was delivered within {wait:g} s: {await drill.reason()}") from None
    finally:
        if not keep:
            await drill.resolve()


def uncovered(answer: dict[str, Any]) -> list[str]:
    """Return a warning for each rotation without an on-call person, from the API's answer about all rotations."""
    lines = []
    for rotation in answer.get("rotations", []):
        if not rotation["on_call"]:
            at, ends_at = micros(answer["at"]), micros(rotation["shift"]["ends_at"])
            until = ends_at if ends_at < at + LOOKED_AHEAD else None
            lines.append(no_one_on_call(rotation["name"], until, at, rotation["backup"], rotation["time_zone"]))
    return lines


class Drill:
    """A drill and its progress."""

    def __init__(self, daemon: DaemonClient, name: str, *, may_stand_in: bool = False) -> None:
        self._may_stand_in = may_stand_in
        self._daemon = daemon
        self._labels = {
            "alertname": "TocsinDrill",
            "severity": "critical",
            DRILL_LABEL: "true",
            "service": "tocsin-drill",
            "drill": name,
            "namespace": f"drill-{name}",  # part of the default dedup key, so each drill opens its own incident
        }
        self._starts_at = datetime.now(UTC)
        self._fired = time.perf_counter()
        self._incident: dict[str, Any] | None = None
        self._others: set[str] = set()
        """The ids of open incidents that are not about this drill."""

    async def fire(self) -> None:
        """Post the firing alert."""
        await self._post("firing")
        took = (time.perf_counter() - self._fired) * 1000
        say(f"drill {self._labels['drill']}: posted to {self._daemon.url}, answered 200 after {took:.0f} ms")

    async def follow(self) -> None:
        """Print the progress until a page has been delivered."""
        printed: set[str] = set()
        while True:
            if self._incident is None:
                self._incident = await self._find()
            if self._incident is not None and await self._paged(self._incident, printed):
                return
            await asyncio.sleep(LOOK_EVERY)

    async def acknowledge(self) -> None:
        """Acknowledge the incident."""
        if self._incident is not None:
            await self._daemon.post(f"{incident_path(self._incident['id'])}/acknowledge", {})
            say(f"incident #{self._incident['number']} acknowledged")

    async def resolve(self) -> None:
        """Post the resolved alert."""
        await self._post("resolved")
        say("alert resolved; the incident resolves after `resolve_after`, unless the alert fires again before")

    async def reason(self) -> str:
        """Return the reason, if known, why no one has been paged."""
        if self._incident is not None:
            explanation = await self._explanation(self._incident["id"])
            number = explanation["number"]
            return f"incident #{number}: {explanation['because']}; see `tocsin explain {number}`"
        would = await self._daemon.post("/api/v1/explain", {"labels": self._labels})
        return f"the alert was accepted, but no incident opened; the rules say {would['outcome']}: {would['because']}"

    async def _find(self) -> dict[str, Any] | None:
        """Return the incident that the alert belongs to; None while there is none."""
        page = await self._daemon.get(API, state=("pending", "triggered", "acknowledged", "snoozed"), limit=50)
        for incident in page["incidents"]:
            if incident["id"] in self._others:
                continue
            detail = await self._daemon.get(incident_path(incident["id"]))
            drills = {alert["labels"].get("drill") for alert in detail["alerts"]}
            if self._labels["drill"] in drills:
                self._print_incident(detail, alone=len(drills) == 1)
                return dict(detail)
            self._others.add(incident["id"])
        return None

    def _print_incident(self, incident: dict[str, Any], *, alone: bool) -> None:
        took = time.perf_counter() - self._fired
        place = f"{incident['severity']} of {incident['playbook']}"
        say(f"incident #{incident['number']} {incident['state']} at {place}, seen after {took * 1000:.0f} ms")
        if not alone:
            raise Refused(
                f"The alert of this drill joined incident #{incident['number']}, which was open already, so it pages "
                "no one by itself. A rule sets a dedup key without the label `drill`; add {drill} to that key."
            )

    async def _paged(self, incident: dict[str, Any], printed: set[str]) -> bool:
        """Print changes of the pages since the last poll, and return whether one has been delivered."""
        explanation = await self._explanation(incident["id"])
        pages = [delivery for delivery in explanation["deliveries"] if delivery["job"] == Job.PAGE]
        for page in pages:
            line = _page_text(page, incident["opened_at"])
            if line not in printed:
                printed.add(line)
                say(clean(line, "green" if page["state"] == RowState.SENT else "yellow"))
        sent = [page for page in pages if page["state"] == RowState.SENT]
        if any(self._may_stand_in or not _is_stand_in(page) for page in sent):
            return True
        if sent and not any(page["state"] == RowState.PENDING for page in pages):
            names = ", ".join(dict.fromkeys(page["target"] for page in sent))
            raise Refused(
                f"Only the console printed the page: no contact of {names} is on a configured channel. "
                "Run `tocsin check` for the missing channel, or repeat the drill with --allow-console."
            )
        return False

    async def _explanation(self, incident_id: str) -> dict[str, Any]:
        explanation: dict[str, Any] = await self._daemon.get(f"{incident_path(incident_id)}/explain")
        return explanation

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


def _is_stand_in(page: dict[str, Any]) -> bool:
    """Return whether the console printed the page in place of an unconfigured channel."""
    return bool(page.get("stranded")) and page["channel"] == "console"


def _page_text(page: dict[str, Any], opened_at: str) -> str:
    """Return the state of a page as text; the daemon's clock has measured the times."""
    instead = " (stands in for an unconfigured channel)" if _is_stand_in(page) else ""
    line = f"page to {page['target']} through {page['channel']}{instead}"
    if page["state"] == RowState.SENT:
        took = (micros(page["done_at"]) - micros(opened_at)) // MILLISECOND
        return f"{line}: delivered {took} ms after the incident opened"
    tried = [attempt for attempt in page["attempts"] if attempt["outcome"]]
    if tried:
        last = tried[-1]
        return f"{line}: attempt {last['attempt']} {last['outcome']} ({last['reason']}) {last['detail']}".rstrip()
    return f"{line}: {page['state']}"
