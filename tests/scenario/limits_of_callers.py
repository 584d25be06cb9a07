"""Attacks past the limits of callers of the API."""

from typing import Any

from scenario.attacks import Case, once, repeated
from scenario.besieged import PLAYBOOK, Besieged
from scenario.limits_of_senders import alert
from tocsin.core.duration import DAY
from tocsin.core.incident.event import Entry
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.timeline.notifications import PromiseBreached
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.oncall.rotation import Override

INCIDENT = "/incidents/1"
"""That of the alert which the honest sender has sent before the attack."""
LONG = "x" * 100_000
FEW = 5


def refused(name: str, status: int, path: str, body: Any, said: str, **setup: Any) -> Case:
    """Return the case of one call that is refused with an explanation."""

    async def call(tocsin: Besieged) -> None:
        assert await tocsin.api(path, body) == status, tocsin.answer
        assert said in tocsin.answer["error"]["message"], tocsin.answer

    return repeated(call, name, **setup)


def refused_query(name: str, query: str, said: str) -> Case:
    async def call(tocsin: Besieged) -> None:
        assert await tocsin.call("GET", f"/api/v1/{query}") == 400
        assert said in tocsin.answer["error"]["message"], tocsin.answer

    return repeated(call, name)


async def api_bytes(tocsin: Besieged) -> None:
    assert await tocsin.call("POST", "/api/v1/incidents/1/notes", json={"text": "x" * 262_144}) == 413
    assert tocsin.answer["error"]["message"] == "the body is larger than 262144 bytes"


async def idempotency_key(tocsin: Besieged) -> None:
    path = f"/api/v1{INCIDENT}/notes"
    assert await tocsin.call("POST", path, json={"text": "a"}, headers={"Idempotency-Key": "k" * 201}) == 400
    assert tocsin.answer["error"]["message"] == "Idempotency-Key must have 1 to 200 ASCII characters"


async def answer_bytes(tocsin: Besieged) -> None:
    texts = {f"a{number}": "x" * 16_000 for number in range(60)}
    for number in range(10):
        assert await tocsin.webhook(alert(number, annotations=texts)) == 200
    await tocsin.call("GET", "/api/v1/incidents?limit=1")
    [newest] = tocsin.answer["incidents"]
    assert await tocsin.call("GET", f"/api/v1/incidents/{newest['number']}") == 200
    assert tocsin.answer["cut"]
    assert len(tocsin.answer["alerts"]) < 10


async def measured_incidents(tocsin: Besieged) -> None:
    many = [_occurrence(number, tocsin.clock.now()) for number in range(20_001)]
    await tocsin.daemon.store.write(lambda tx: [tx.put_occurrence(each) for each in many])
    assert await tocsin.call("GET", "/api/v1/reports?from=2026-11-20&to=2026-11-20") == 400
    assert tocsin.answer["error"]["message"] == (
        "there are more than 20,000 incidents from 2026-11-19 to 2026-11-20 (with the period before), the most that a"
        " report reads: choose a shorter period"
    )


def _occurrence(number: int, now: int) -> Occurrence:
    return Occurrence(
        incident_id=f"i{number}",
        occurrence=1,
        playbook="emergency-response",
        severity="SEV-1",
        service="checkout",
        first_alert_at=None,
        opened_at=now,
        acknowledged_at=None,
        resolved_at=now + 1,
        ended_at=now + 1,
        cause="alerts",
        counted=True,
    )


async def measured_records(tocsin: Besieged) -> None:
    now = tocsin.clock.now()
    kept = [
        Entry(incident_id="i", seq=number, at=now, kind=PromiseBreached.kind, actor="", via="", data={})
        for number in range(100_001)
    ]
    await tocsin.daemon.store.write(lambda tx: tx.append_entries(kept))
    assert await tocsin.call("GET", "/api/v1/reports") == 400
    said = tocsin.answer["error"]["message"]
    assert "more than 100,000 missed targets and completed duties since 2026-" in said
    assert said.endswith("the most that a report reads: choose a later period")
    await tocsin.daemon.measures.run_once()
    assert tocsin.logged("measures_skipped")[-1]["error"] == said.replace("2026-10-01", "2026-10-21")


def _window(number: int, now: int) -> HandMade:
    return HandMade(
        id=f"w{number}",
        name=f"Window {number}",
        matchers=f'cluster="c{number}"',
        starts_at=now,
        ends_at=now + DAY,
        planned_ends_at=now + DAY,
        comment="",
        author="test",
        via="api",
        created_at=now,
    )


async def windows_that_wait(tocsin: Besieged) -> None:
    now = tocsin.clock.now()
    many = [_window(number, now) for number in range(FEW)]
    await tocsin.daemon.store.write(lambda tx: [tx.put_window(each) for each in many])
    one_more = {"name": "One more", "match": 'cluster="x"', "duration": "1h"}
    assert await tocsin.api("/windows", one_more) == 409
    assert tocsin.answer["error"]["message"] == "there are 5 windows that are not over (limits.windows); end one first"


def _override(number: int, now: int) -> Override:
    return Override(
        id=f"o{number}",
        rotation="primary",
        person="alex",
        starts_at=now + DAY,
        ends_at=now + 2 * DAY,
        planned_ends_at=now + 2 * DAY,
        author="test",
        via="api",
        created_at=now,
    )


async def overrides_that_wait(tocsin: Besieged) -> None:
    now = tocsin.clock.now()
    many = [_override(number, now) for number in range(FEW)]
    await tocsin.daemon.store.write(lambda tx: [tx.put_override(each) for each in many])
    one_more = {"rotation": "primary", "person": "morgan", "duration": "1h"}
    assert await tocsin.api("/oncall/overrides", one_more) == 409
    assert (
        tocsin.answer["error"]["message"] == "there are 5 overrides that are not over (limits.overrides); end one first"
    )


async def action_items(tocsin: Besieged) -> None:
    for number in range(100):
        assert await tocsin.api(f"{INCIDENT}/action-items", {"text": f"Item {number}", "kind": "fix"}) == 200
    assert await tocsin.api(f"{INCIDENT}/action-items", {"text": "One more", "kind": "fix"}) == 409
    assert "has 100 action items; no more are kept" in tocsin.answer["error"]["message"]


def _with_draft() -> dict[str, Any]:
    action = {"at": "opened", "message": "notice", "to": ["room"], "confirm": True}
    return {
        "config/playbooks/emergency-response.yaml": {**PLAYBOOK, "actions": [action]},
        "config/templates/notice.md.j2": "{{ title }}\n",
    }


def window(**parts: Any) -> dict[str, Any]:
    return {"name": "Upgrade", "match": 'cluster="eu1"', "duration": "1h", **parts}


def override(**parts: Any) -> dict[str, Any]:
    return {"rotation": "primary", "person": "morgan", "duration": "1h", **parts}


def declared(**parts: Any) -> dict[str, Any]:
    return {"title": "It burns", "severity": "SEV-1", **parts}


def matched(expression: str) -> dict[str, str]:
    return {"match": f'a=~"{expression}"'}


CASES = (
    repeated(api_bytes),
    repeated(idempotency_key),
    refused_query("page_size", "incidents?limit=501", "limit must be a number from 1 to 500"),
    refused_query("days_of_shifts", "oncall?days=93", "days must be a number from 0 to 92"),
    once(measured_incidents),
    once(measured_records),
    refused_query("days_of_a_report", "reports?from=2024-01-01&to=2026-01-01", "more than 400 days"),
    refused("note_characters", 422, f"{INCIDENT}/notes", {"text": LONG}, "a note has at most 4000 characters"),
    refused("fact_characters", 422, f"{INCIDENT}/facts", {"facts": {"a": LONG}}, "the fact a has at most 4000"),
    refused("facts", 422, f"{INCIDENT}/facts", {"facts": {f"f{n}": "x" for n in range(51)}}, "give 1 to 50 facts"),
    refused("action_item_characters", 422, f"{INCIDENT}/action-items", {"text": LONG, "kind": "fix"}, "at most 500"),
    once(action_items),
    refused("duty_reason", 422, f"{INCIDENT}/duties/call/waive", {"reason": "x" * 501}, "a reason has at most 500"),
    refused("duty_link", 422, f"{INCIDENT}/duties/call/done", {"link": f"https://{'x' * 2000}"}, "at most 2000"),
    refused("declared_name", 422, "/incidents", declared(title=LONG), "title has at most 200 characters"),
    refused("draft_characters", 422, f"{INCIDENT}/drafts/1/confirm", {"text": LONG}, "text has at most 25000",
            files=_with_draft()),
    refused("snooze_time", 422, f"{INCIDENT}/snooze", {"for": "32d"}, "within 31 days"),
    once(overrides_that_wait, settings={"limits": {"overrides": FEW}}),
    refused("override_time", 422, "/oncall/overrides", override(duration="367d"), "longer than a year"),
    refused("comment_characters", 422, "/oncall/overrides", override(comment=LONG), "at most 2000 characters"),
    refused("start_ahead", 422, "/windows", window(starts_at="2028-01-01T00:00:00Z"), "more than a year ahead"),
    once(windows_that_wait, settings={"limits": {"windows": FEW}}),
    refused("window_name", 422, "/windows", window(name=LONG), "write 1 to 200 characters"),
    refused("window_time", 422, "/windows", window(duration="32d"), "31 d"),
    refused("window_matchers", 422, "/windows/preview", matched("a" * 5_000), "write at most 4000 characters"),
    refused("duration", 400, f"{INCIDENT}/snooze", {"for": "3661d"}, "ten years"),
    once(answer_bytes),
)  # fmt: skip
