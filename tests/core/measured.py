"""Records of incidents for tests of the measures: minutes since the start of November 2026, UTC."""

from typing import Any

from tocsin.core.duration import DAY, MINUTE
from tocsin.core.measures.period import month
from tocsin.core.measures.records import DutyKind, MeasuredDuty, MeasuredIncident, MeasuredPage

NOVEMBER = month("2026-11", "UTC")
START = NOVEMBER.starts_at
LATER = NOVEMBER.ends_at + 100 * DAY
"""A time long after the period."""


def at(minutes: float) -> int:
    return START + round(minutes * MINUTE)


def incident(
    opened: float, acknowledged: float | None = None, resolved: float | None = None, **more: Any
) -> MeasuredIncident:
    given: dict[str, Any] = {
        "incident_id": f"incident-{opened}",
        "occurrence": 1,
        "number": 1,
        "title": "Checkout is down",
        "dedup_key": "checkout",
        "playbook": "erlmcp",
        "severity": "P0",
        "service": "checkout",
        "team": "shop",
        "first_alert_at": None,
        "opened_at": at(opened),
        "acknowledged_at": None if acknowledged is None else at(acknowledged),
        "resolved_at": None if resolved is None else at(resolved),
        "ended_at": None if resolved is None else at(resolved),
        "by_person": False,
        "targets": (),
        "missed": {},
        "users_affected": None,
        "data_loss": None,
    }
    return MeasuredIncident(**{**given, **more})


def duty(added: float, due: float, done: float | None = None, **more: Any) -> MeasuredDuty:
    given: dict[str, Any] = {
        "kind": DutyKind.ACTION_ITEM,
        "incident_id": "incident-1",
        "number": 1,
        "title": "Checkout is down",
        "text": "Add an alert",
        "owner": "alex",
        "playbook": "erlmcp",
        "severity": "P0",
        "service": "checkout",
        "team": "shop",
        "added_at": at(added),
        "due_at": at(due),
        "done_at": None if done is None else at(done),
    }
    return MeasuredDuty(**{**given, **more})


def page(minutes: float, person: str = "alex", **more: Any) -> MeasuredPage:
    given: dict[str, Any] = {
        "incident_id": "incident-1",
        "person": person,
        "at": at(minutes),
        "title": "Checkout is down",
        "dedup_key": "checkout",
        "playbook": "erlmcp",
        "service": "checkout",
        "team": "shop",
    }
    return MeasuredPage(**{**given, **more})
