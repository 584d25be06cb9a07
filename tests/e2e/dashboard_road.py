"""A short life of tocsin that leaves something to see in every panel of the dashboards, watched by Prometheus.

Real alerts are paged, acknowledged and resolved, a drill is answered, two incidents stay open. Then the daemon starts
again, because its measures are computed at the start and every two minutes.
"""

import math
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dashboards.files import Query, variables
from e2e.observability import Alertmanager, Patient, Prometheus, posts_at_once
from e2e.processes import run, until
from e2e.tocsin_process import ROOT, TOKEN, Tocsin, alert, tocsin_command

SERVICE = "checkout"
PEOPLE: dict[str, Any] = {
    "people": {name: {"contact": {"channel": "console"}} for name in ("alex", "blair", "morgan")},
    "rotations": {
        "on-call-engineer": {"members": ["alex", "blair"], "starts": "2026-01-05 09:00", "every": "weekly"},
    },
    "groups": {"engineering-manager": ["morgan"]},
}
PLAYBOOK: dict[str, Any] = {
    "title": "Emergency response, in seconds",
    "unrouted": "SEV-3",
    "flags": ["major_impact", "data_breach"],
    "resolve_after": "1s",
    "tiers": {
        1: {"name": "On-call engineer", "targets": ["on-call-engineer"]},
        2: {"name": "Engineering manager", "targets": ["engineering-manager"]},
    },
    "severities": {
        name: {
            "respond_within": "1h",
            "resolve_within": "4h",
            "post_mortem_within": "7d",
            "matrix": [{"tier": 1, "after": "0s"}, {"tier": 2, "after": "2s"}],
        }
        for name in ("SEV-1", "SEV-2", "SEV-3", "SEV-4")
    },
    "roles": {"owner": {"name": "Owner", "targets": ["on-call-engineer"]}},
    "post_mortem_by": "owner",
    "duties": {"root-cause": {"what": "Find the cause", "since": "resolved", "within": "24h", "by": "owner"}},
    "goals": {"mttr": {"SEV-2": "30m"}, "mttd": "5m", "incidents_a_month": 10, "post_mortems_in_time": True},
}
RULES = [
    {
        "alert": "Broken",
        "expr": "broken == 1",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "{{ $labels.service }} is broken"},
    },
]
MEASURED = (
    "max(tocsin_mttr_seconds)",
    "max(tocsin_heartbeat_age_seconds)",
    "max(tocsin_worker_cycle_age_seconds)",
    'count(ALERTS{about="tocsin",alertstate="firing"})',
)
WINDOWS = {"$__rate_interval": "10m", "$__range": "1h"}
"""Windows that hold the whole road, also on a machine with other work."""
LOOKED_BACK = 600
"""Seconds of a panel that shows a range."""


@dataclass
class Seen:
    """Result of a query of a dashboard."""

    query: Query
    labels: list[dict[str, str]]
    values: list[float]
    """The newest value of each series."""


@dataclass
class Road:
    """Everything that is needed to look at a dashboard, but Grafana."""

    tocsin: Tocsin
    prometheus: Prometheus

    async def filled(self, name: str) -> dict[str, str]:
        """Fill the variables of a dashboard as Grafana does; one that allows it is set to all."""
        values = dict(WINDOWS)
        for variable, query in variables(name).items():
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
            assert found, query
            listed = await self.prometheus.label_values(found[2], replaced(found[1], values))
            assert listed, f"{name}: the variable {variable} has no values: {query}"
            values[f"${variable}"] = listed[0] if variable == "job" else ".*"
        return values

    async def ask(self, query: Query, values: dict[str, str]) -> Seen:
        """Ask Prometheus as a panel does, for the whole road where it shows a range."""
        expression = replaced(query.expr, values)
        if query.is_instant:
            found = await self.prometheus.query(expression)
            newest = [one["value"][1] for one in found]
        else:
            found = await self.prometheus.query_range(expression, seconds=LOOKED_BACK, step=5)
            newest = [next((v for _, v in reversed(one["values"]) if v != "NaN"), "NaN") for one in found]
        return Seen(query, [one["metric"] for one in found], [float(value) for value in newest])


def replaced(expression: str, values: dict[str, str]) -> str:
    """Return an expression with the values of the variables, longest names first."""
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(name, values[name])
    assert "$" not in expression, expression
    return expression


def is_data(seen: Seen) -> bool:
    return any(math.isfinite(value) for value in seen.values)


async def cli(tocsin: Tocsin, *arguments: str) -> None:
    code, said = await run(tocsin_command(), *arguments, environ=tocsin.cli_environ)
    assert code == 0, said


async def incident(tocsin: Tocsin, title: str, *states: str) -> dict[str, Any]:
    """Wait for an incident in one of the states."""

    async def found() -> dict[str, Any] | None:
        listed = await tocsin.incidents()
        return next((one for one in listed if title in one["title"] and one["state"] in states), None)

    return await until(found, 120, f"{title} is {' or '.join(states)}") or {}


async def live(road: Road, patient: Patient) -> None:
    """Page, acknowledge, resolve; answer the drill; leave two incidents open."""
    tocsin, prometheus = road.tocsin, road.prometheus

    async def is_scraped() -> bool:
        return await prometheus.value("max(tocsin_drill_acknowledge_seconds_count)") == 0

    await until(is_scraped, 60, "Prometheus has scraped tocsin before anyone acknowledges")
    patient.broken.add(SERVICE)
    # Its severity is a word that no rule knows, so that the alert about unrouted alerts fires.
    odd = {**alert("Odd", severity="peculiar", service="search"), "startsAt": datetime.now(UTC).isoformat()}
    await tocsin.fire(odd, alert("Watchdog", severity="none"))
    drill = await incident(tocsin, "Drill", "triggered")
    await cli(tocsin, "incidents", "ack", str(drill["number"]))
    broken = str((await incident(tocsin, SERVICE, "triggered"))["number"])

    async def is_escalated() -> bool:
        return bool(await prometheus.value("tocsin_escalation_lateness_seconds_count"))

    await until(is_escalated, 90, "a step of a ladder has fired")
    await cli(tocsin, "incidents", "ack", broken)
    await cli(tocsin, "incidents", "fact", broken, "users_affected=120", "data_loss=none")
    patient.broken.clear()
    await incident(tocsin, SERVICE, "resolved")
    # One incident has no time between.
    await tocsin.fire(alert("Slow", severity="critical", service=SERVICE))
    await incident(tocsin, "Slow", "triggered", "acknowledged")

    async def is_counted() -> bool:
        return bool(await prometheus.value("sum(tocsin_incident_time_to_resolve_seconds_count)"))

    await until(is_counted, 60, "Prometheus has seen the resolve")
    await tocsin.stop()
    tocsin.start()
    await tocsin.ready()

    async def is_measured() -> bool:
        drilled = await prometheus.value("sum(tocsin_drill_acknowledge_seconds_count)")
        seen = [await prometheus.value(one) for one in MEASURED]
        return bool(drilled) and None not in seen

    await until(is_measured, 180, "the measures are there, the drill is counted, and an alert about tocsin fires")


@asynccontextmanager
async def travelled(folder: Path) -> AsyncIterator[Road]:
    """The road at its end, with everything still running."""
    async with AsyncExitStack() as stack:
        patient = await stack.enter_async_context(Patient())
        now = datetime.now(UTC)
        # Begins tomorrow, so there is a gap now.
        night = {"members": ["blair"], "starts": f"{now + timedelta(days=1):%Y-%m-%d} 09:00", "every": "weekly"}
        people = {**PEOPLE, "rotations": {**PEOPLE["rotations"], "night-watch": night}}
        drill = {"name": "Now", "rrule": "FREQ=DAILY", "starts": f"{now:%Y-%m-%d %H:%M}", "to": ["on-call-engineer"]}
        tocsin = Tocsin(folder / "tocsin", people=people, playbook={**PLAYBOOK, "drills": [drill]})
        alertmanager = Alertmanager(folder, posts_at_once(f"{tocsin.url}/webhooks/alertmanager", TOKEN))
        tocsin.write_yaml(
            "tocsin.yaml",
            {
                "tokens": [
                    {
                        "name": "e2e",
                        "token_file": "token",
                        "scopes": ["ingest", "read", "respond", "admin"],
                        "person": "alex",
                    }
                ],
                "sources": {"default": {"alertmanager": [alertmanager.url]}},
                "reports": {"services": {SERVICE: {"rto": "1h", "rpo": "5m"}}},
            },
        )
        targets = {"patient": patient.address, "tocsin": f"127.0.0.1:{tocsin.port}"}
        shipped = sorted((ROOT / "config/prometheus").glob("tocsin-*.yml"))
        prometheus = Prometheus(folder, alertmanager.address, targets, RULES, shipped)
        for process in (tocsin, alertmanager, prometheus):
            await stack.enter_async_context(process)
        road = Road(tocsin, prometheus)
        await live(road, patient)
        yield road
