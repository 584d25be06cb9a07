"""Minimal valid records for a store."""

from typing import Any

from tocsin.core.alerts.alert import Episode, EpisodeStatus
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident, Planned, State
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.outbox import Job, Outgoing
from tocsin.core.matching.placeholders import Template
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.oncall.rotation import Override
from tocsin.core.playbook.playbook import Cell, Level, Playbook, Tier
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import Attempt

START = 1_780_000_000 * SECOND


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> int:
        return self.at

    def forward(self, by: int) -> int:
        self.at += by
        return self.at


def plan(name: str = "emergency", **changes: Any) -> Playbook:
    cell = Cell(tier=1, nth=1, after=0, targets=("primary",))
    given: dict[str, Any] = {
        "name": name,
        "title": "Emergency",
        "levels": (Level("SEV-1", 0, 5 * MINUTE, None, (cell,)), Level("SEV-2", 1, 15 * MINUTE, None, ())),
        "tiers": (Tier(1, "On call", ("primary",)),),
        "unrouted": "SEV-1",
    }
    return Playbook(**{**given, **changes})


PLAN = plan()


def incident(number: int, **changes: Any) -> Incident:
    given: dict[str, Any] = {
        "id": f"incident-{number}",
        "number": number,
        "dedup_key": f"key-{number}",
        "plan": PLAN,
        "title": "Disk fills",
        "service": "db",
        "first_opened_at": START,
        "state": State.TRIGGERED,
        "severity": "SEV-1",
        "opened_at": START,
        "peak": "SEV-1",
        "clock_at": START,
        "firing": {"SEV-1": 1},
        "flags": ("data_breach",),
        "ladder": (Planned("1.1", 1, START + 5 * MINUTE), Planned("2.1", 2, START + 15 * MINUTE)),
    }
    return Incident(**{**given, **changes})


def episode(name: str, number: int = 1, **changes: Any) -> Episode:
    given: dict[str, Any] = {
        "source": "default",
        "fingerprint": name,
        "episode": number,
        "status": EpisodeStatus.FIRING,
        "starts_at": START - SECOND,
        "ends_at": None,
        "first_seen_at": START,
        "last_seen_at": START,
        "labels": {"alertname": "DiskFills", "größe": "9 µm \U0001f525"},
        "annotations": {"summary": 'a "quoted"\nline'},
        "incident_id": "incident-1",
        "severity": "SEV-1",
        "trace": ("base", "team"),
    }
    return Episode(**{**given, **changes})


def outgoing(key: str, **changes: Any) -> Outgoing:
    given: dict[str, Any] = {
        "key": key,
        "incident_id": "incident-1",
        "occurrence": 1,
        "round": 1,
        "step": "1.1",
        "tier": 1,
        "target": "primary",
        "channel": "pagerduty",
        "destination": "main",
        "job": Job.PAGE,
        "severity": "SEV-1",
        "received_at": START,
        "not_before": START,
        "overdue_at": START + 2 * MINUTE,
        "created_at": START,
    }
    return Outgoing(**{**given, **changes})


def entry(seq: int, incident_id: str = "incident-1", **changes: Any) -> Entry:
    given: dict[str, Any] = {
        "incident_id": incident_id,
        "seq": seq,
        "at": START + seq,
        "kind": "note",
        "actor": "ada",
        "via": "cli",
        "data": {"text": "hello", "n": 1, "nested": {"list": [1, 2.5, None, True]}},
    }
    return Entry(**{**given, **changes})


def occurrence(incident_id: str, number: int = 1, **changes: Any) -> Occurrence:
    given: dict[str, Any] = {
        "incident_id": incident_id,
        "occurrence": number,
        "playbook": "emergency",
        "severity": "SEV-1",
        "service": "db",
        "first_alert_at": None,
        "opened_at": START,
        "acknowledged_at": None,
        "resolved_at": None,
        "ended_at": None,
        "cause": "open",
        "counted": True,
    }
    return Occurrence(**{**given, **changes})


def rules(name: str = "everything", **changes: Any) -> RuleSet:
    rule = Rule(name=name, actions={"severity": Template.parse("SEV-2")}, **changes)
    return RuleSet([rule], "emergency", {"emergency": ["SEV-1", "SEV-2"]}, {"emergency": "SEV-1"})


def quarantined(name: str, at: int, **changes: Any) -> Quarantined:
    given: dict[str, Any] = {
        "id": name,
        "at": at,
        "source": "default",
        "sha256": "0" * 64,
        "body": "{",
        "error": "it ends too early",
        "last_at": at,
    }
    return Quarantined(**{**given, **changes})


def attempt(key: str, number: int, **changes: Any) -> Attempt:
    given: dict[str, Any] = {"key": key, "attempt": number, "fence": number, "started_at": START}
    return Attempt(**{**given, **changes})


def window(window_id: str, **changes: Any) -> HandMade:
    given: dict[str, Any] = {
        "id": window_id,
        "name": "upgrade",
        "matchers": 'service="db"',
        "starts_at": START,
        "ends_at": START + MINUTE,
        "planned_ends_at": START + MINUTE,
        "author": "alice",
        "via": "api",
        "created_at": START,
    }
    return HandMade(**{**given, **changes})


def override(name: str, **changes: Any) -> Override:
    given: dict[str, Any] = {
        "id": name,
        "rotation": "on-call-engineer",
        "person": "alex",
        "starts_at": START,
        "ends_at": START + MINUTE,
        "planned_ends_at": START + MINUTE,
        "author": "alice",
        "via": "api",
        "created_at": START,
    }
    return Override(**{**given, **changes})
