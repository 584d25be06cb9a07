"""Comparison of what the daemon confirmed and delivered with the final content of its database."""

import asyncio
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.stream import LAST_STEP, Service, Story, about, logged
from tocsin.core.alerts.alert import Episode
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.invariants import IncidentFacts, violations
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.engine.workers.auditor import facts_of
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.store.clock import SystemClock
from tocsin.store.open import open_store

SOURCE = "default"
STEPS = {"alex": 2, "morgan": 1}
"""Number of steps of the ladder that notify each target, in one occurrence."""


@dataclass(frozen=True)
class Arrived:
    """One page at a stand-in."""

    key: str
    target: str
    service: str
    at: int
    notifies: bool
    """True if a person's phone rang for it."""
    labelled: bool
    """True if it says of itself that it may have come before."""


@dataclass(frozen=True)
class Evidence:
    """The incidents and messages that are judged."""

    services: list[Service]
    pagerduty: list[dict[str, Any]]
    wire: list[dict[str, Any]]
    facts: list[IncidentFacts]
    episodes: list[Episode]
    """The rows of these incidents."""
    integrity: str

    @property
    def arrived(self) -> list[Arrived]:
        """The pages, from both stand-ins, in the order of each."""
        return [
            *(
                Arrived(
                    event["dedup_key"], "alex", about(event), event["at"], event["effect"] == "opened", labelled=False
                )
                for event in self.pagerduty
                if event["action"] == "trigger"
            ),
            *(
                Arrived(
                    body["key"],
                    body["target"],
                    body["incident"]["service"],
                    event["at"],
                    notifies=not body["possible_duplicate"],
                    labelled=body["possible_duplicate"],
                )
                for event in self.wire
                if (body := event["body"])["job"] == Job.PAGE
            ),
        ]


async def collect(services: list[Service], database: Path, pagerduty_log: Path, wire_log: Path) -> Evidence:
    """Gather it, after the daemon has ended."""

    def everything(tx: Reader) -> tuple[list[IncidentFacts], list[Episode]]:
        found = tx.incidents(IncidentFilter(limit=1_000_000))
        episodes = [episode for incident in found for episode in tx.every_episode_of(incident.id)]
        return [facts_of(tx, incident) for incident in found], episodes

    store = open_store(f"sqlite:///{database}", SystemClock(on_jump=lambda _: None))
    await store.open()
    try:
        facts, episodes = await store.read(everything)
    finally:
        await store.close()
    integrity = await asyncio.to_thread(_integrity, database)
    return Evidence(services, logged(pagerduty_log), logged(wire_log), facts, episodes, integrity)


def _integrity(database: Path) -> str:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def judge(evidence: Evidence) -> dict[str, list[str]]:
    """Return the problems by the promise that was broken; empty where every promise was kept."""
    found = {
        "an alert that was answered with 200 is in no incident": _lost_alerts(evidence),
        "what fires or has resolved is not as its last 200 says": _wrong_state(evidence),
        "a page is marked as sent and never arrived": _marked_only(evidence),
        "a page that was due never arrived": _missing_pages(evidence),
        "a step fired before its time": _early(evidence),
        "a step fired twice": _fired_twice(evidence),
        "somebody was notified twice by one page": _notified_twice(evidence),
        "a repeated page is not labelled and counted": _unlabelled(evidence),
        "a resolve was not delivered": _resolves_missing(evidence),
        "an invariant does not hold": _violations(evidence),
        "the file is damaged": [] if evidence.integrity == "ok" else [evidence.integrity],
    }
    return {promise: broken for promise, broken in found.items() if broken}


def _lost_alerts(evidence: Evidence) -> list[str]:
    placed = {episode.fingerprint for episode in evidence.episodes if episode.source == SOURCE}
    return sorted(name for service in evidence.services for name in service.fired - placed)


def _wrong_state(evidence: Evidence) -> list[str]:
    states = {facts.incident.service: facts.incident for facts in evidence.facts}
    return [
        f"{service.name}: {incident.state}, {service.story}"
        for service in evidence.services
        if (incident := states.get(service.name)) is not None
        and (incident.state is State.RESOLVED) != (service.fired == service.resolved)
    ]


def _marked_only(evidence: Evidence) -> list[str]:
    arrived = {page.key for page in evidence.arrived}
    return [row.key for row in _pages(evidence) if row.state is RowState.SENT and row.key not in arrived]


def _missing_pages(evidence: Evidence) -> list[str]:
    """Return the missing pages: of an untouched incident the whole ladder; of the others all that was meant to go."""
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for page in evidence.arrived:
        keys[page.service, page.target].add(page.key)
    stubborn = [
        f"{service.name}: {len(keys[service.name, target])} of {steps} to {target}"
        for service in evidence.services
        if service.story is Story.STUBBORN
        for target, steps in STEPS.items()
        if len(keys[service.name, target]) < steps
    ]
    return stubborn + [f"{row.key} is {row.state}" for row in _pages(evidence) if row.state in _UNDELIVERED]


_UNDELIVERED = (RowState.PENDING, RowState.DEAD)


def _early(evidence: Evidence) -> list[str]:
    opened = {facts.incident.service: facts.incident for facts in evidence.facts}
    return [
        f"{page.service}: the manager was paged {(page.at - incident.opened_at) / 1_000_000:.3f} s after the opening"
        for page in evidence.arrived
        if page.target == "morgan"
        and (incident := opened.get(page.service)) is not None
        and incident.occurrence == 1
        and page.at - incident.opened_at < LAST_STEP * 1_000_000
    ]


def _fired_twice(evidence: Evidence) -> list[str]:
    """More keys than steps: whatever the daemon believes, this is what people got."""
    occurrences: dict[str, int] = {facts.incident.service: facts.incident.occurrence for facts in evidence.facts}
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for page in evidence.arrived:
        keys[page.service, page.target].add(page.key)
    cells = Counter(
        (row.incident_id, row.occurrence, row.round, row.step, row.target)
        for row in _pages(evidence)
        if not row.fell_back
    )
    return [
        *(
            f"{service}: {len(found)} pages to {target}"
            for (service, target), found in keys.items()
            if len(found) > STEPS[target] * occurrences.get(service, 1)
        ),
        *(f"{cell}" for cell, count in cells.items() if count > 1),
    ]


def _notified_twice(evidence: Evidence) -> list[str]:
    rang = Counter(page.key for page in evidence.arrived if page.notifies)
    return [key for key, times in rang.items() if times > 1]


def _unlabelled(evidence: Evidence) -> list[str]:
    possible = {row.key for row in _pages(evidence) if row.possibly_delivered}
    times = Counter(page.key for page in evidence.arrived)
    return [key for key, count in times.items() if count > 1 and key not in possible]


def _resolves_missing(evidence: Evidence) -> list[str]:
    told = {event["dedup_key"] for event in evidence.pagerduty if event["action"] == "resolve"}
    told |= {event["body"]["about"] for event in evidence.wire if event["body"]["job"] == Job.RESOLVE}
    arrived = {page.key for page in evidence.arrived}
    return [
        row.key
        for facts in evidence.facts
        for row in facts.rows
        if row.job is Job.PAGE and row.key in arrived and row.key not in told and _is_over(facts.incident, row)
    ]


def _is_over(incident: Incident, row: Outgoing) -> bool:
    return incident.state is State.RESOLVED or row.occurrence < incident.occurrence


def _violations(evidence: Evidence) -> list[str]:
    return [
        f"incident {facts.incident.number}: {rule}: {wrong}"
        for facts in evidence.facts
        for rule, wrong in violations(facts)
    ]


def _pages(evidence: Evidence) -> list[Outgoing]:
    return [row for facts in evidence.facts for row in facts.rows if row.job is Job.PAGE]
