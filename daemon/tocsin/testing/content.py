"""Contents of notifications to try channels with."""

from typing import Any

from tocsin.core.content.page import AlertLine, Content
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job

NOW = 1_795_143_909_000_000
"""2026-11-20 03:05:09 UTC"""


def alert_line(name: str = "HighLatency", **labels: str) -> AlertLine:
    """Return an alert as a page shows it."""
    return AlertLine(
        labels={"alertname": name, "instance": "web-1:9100", "cluster": "eu-1"} | labels,
        annotations={"summary": "p99 above 2 s", "runbook_url": "https://runbooks.example.com/latency"},
        firing=True,
        starts_at=NOW - 6 * MINUTE,
        generator_url="https://prometheus.example.com/graph?g0.expr=up",
    )


def content(job: Job = Job.PAGE, **fields: Any) -> Content:
    """Return a notification about one incident, triggered five minutes ago; any field can be overridden."""
    arguments: dict[str, Any] = {
        "job": job,
        "key": "5f0c0a4e6b7d4d6f8e7a1c2b3d4e5f60718293a4b5c6d7e8f9010203040506070"[:64],
        "about": "",
        "target": "alice",
        "destination": "",
        "recipient": "",
        "because": "SEV-1: on-call engineer first",
        "late": 0,
        "stranded": False,
        "possible_duplicate": False,
        "ref": "",
        "incident_id": "01JD0000000000000000000000",
        "number": 12,
        "occurrence": 1,
        "title": "HighLatency on checkout",
        "playbook": "emergency-response",
        "playbook_title": "Emergency response",
        "severity": "SEV-1",
        "rank": 0,
        "ranks": 4,
        "service": "checkout",
        "state": "triggered",
        "flags": (),
        "dedup_key": "emergency-response/checkout/HighLatency",
        "drill": False,
        "unrouted": False,
        "opened_at": NOW - 5 * MINUTE,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        "resolved_by": None,
        "recovering": False,
        "alerts_firing": 1,
        "alerts_total": 1,
        "alerts": (alert_line(),),
        "now": NOW,
    }
    return Content(**(arguments | fields))
