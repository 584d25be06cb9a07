"""Incidents and responses over HTTP."""

import json
from collections.abc import AsyncIterator

import pytest

from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.incident import State
from web.frontdoor import TOKENS

INCIDENTS = "/api/v1/incidents"

FIELDS = [
    "id", "number", "title", "playbook", "severity", "service", "state", "dedup_key", "alerts_firing", "opened_at",
    "acknowledged_at", "acknowledged_by", "resolved_at", "due_at", "next_tier", "next_step", "waits",
    "storm", "members", "flags", "can_declare", "open_duties", "unticked",
]  # fmt: skip


async def get(door, path: str, status: int = 200, **how: object):
    async with door.call("GET", path, **how) as answer:
        body = await answer.json()
        assert answer.status == status, body
        assert answer.headers["Cache-Control"] == "no-store"
        return body


async def post(door, path: str, body: object = None, status: int = 200, **how: object):
    async with door.call("POST", path, json={} if body is None else body, **how) as answer:
        found = await answer.json()
        assert answer.status == status, found
        return found


async def fire(door, count: int = 1, **labels: str) -> None:
    for number in range(count):
        await door.engine.fire(alertname=f"Down{number}", **labels)


# Reading.


async def test_an_incident_is_shown_as_promised(door):
    await fire(door)
    page = await get(door, INCIDENTS)
    [incident] = page["incidents"]
    assert list(incident) == FIELDS
    assert page["next"] is None
    assert incident["number"] == 1
    assert incident["state"] == "triggered"
    assert incident["playbook"] == "er"
    assert incident["opened_at"] == "2026-11-20T12:00:00.000000Z"
    assert incident["due_at"] == "2026-11-20T12:15:00.000000Z"
    assert incident["next_tier"] == 2
    assert incident["next_step"] == {
        "tier": 2,
        "at": "2026-11-20T12:15:00.000000Z",
        "targets": ["bob"],
        "kind": "page",
        "until": "acknowledged",
    }
    assert incident["acknowledged_at"] is None


async def test_a_storm_says_how_many_it_has_and_its_members_are_listed(door):
    await fire(door, 12, severity="notice")
    shown = await get(door, f"{INCIDENTS}/12")
    assert (shown["title"], shown["members"], shown["storm"]) == ("Storm for alice: 12 incidents", 12, None)
    page = await get(door, f"{INCIDENTS}?storm=12&limit=10")
    assert [each["number"] for each in page["incidents"]] == [13, *range(11, 2, -1)]
    rest = await get(door, f"{INCIDENTS}?storm=12&cursor={page['next']}")
    assert [each["number"] for each in rest["incidents"]] == [2, 1]
    member = page["incidents"][0]
    assert (member["storm"], member["members"], member["next_tier"]) == (12, None, None)
    assert member["next_step"] is None, "it waits for the storm"
    assert member["waits"] == [
        {
            "reason": "storm",
            "by": "12",
            "because": "one of many in storm #12",
            "until_at": "2026-11-20T12:15:00.000000Z",
        }
    ]
    told = await get(door, f"{INCIDENTS}/13/explain")
    assert told["because"] == "no one is paged: it waits: one of many in storm #12; looked at again in 15 min"


@pytest.mark.parametrize("storm", ["0", "-1", "x", "1e3"])
async def test_a_storm_is_asked_for_by_its_number(door, storm):
    await get(door, f"{INCIDENTS}?storm={storm}", status=400)


async def test_a_recovering_incident_has_no_next_tier(door):
    await fire(door)
    await door.engine.resolve(alertname="Down0")
    [incident] = (await get(door, INCIDENTS))["incidents"]
    assert incident["alerts_firing"] == 0
    assert (incident["next_tier"], incident["next_step"]) == (None, None)
    assert incident["due_at"] is not None, "the end of the hold-down"


async def test_one_incident_has_its_alerts_and_its_timeline_by_number_and_by_id(door):
    await fire(door)
    shown = await get(door, f"{INCIDENTS}/1")
    of_people = ["declared_at", "declared_by", "status", "roles", "checklists"]
    of_the_clock = ["targets", "update_due_at", "post_mortem", "duties"]
    of_the_clock += ["closed_at", "action_items", "tickets", "drafts"]
    from_rules = ["team", "summary", "runbook", "automation"]
    at_the_end = ["alerts", "timeline", "names", "tiers", "cut"]
    assert list(shown) == [*FIELDS, *from_rules, *of_people, *of_the_clock, *at_the_end]
    [alert] = shown["alerts"]
    fields = ["source", "fingerprint", "episode", "status", "labels", "annotations", "starts_at", "ends_at", "remarks"]
    assert list(alert) == fields
    assert alert["labels"] == {"alertname": "Down0"}
    assert alert["starts_at"] == "2026-11-20T12:00:00.000000Z"
    assert [entry["seq"] for entry in shown["timeline"]] == list(range(1, len(shown["timeline"]) + 1))
    assert shown["timeline"][0]["at"] == "2026-11-20T12:00:00.000000Z"
    assert await get(door, f"{INCIDENTS}/{shown['id']}") == shown


async def test_pages_follow_each_other_without_gap_or_repetition(door):
    await fire(door, 5)
    seen: list[int] = []
    path = f"{INCIDENTS}?limit=2"
    for expected_more in (True, True, False):
        page = await get(door, path)
        seen += [incident["number"] for incident in page["incidents"]]
        assert (page["next"] is not None) is expected_more
        path = f"{INCIDENTS}?limit=2&cursor={page['next']}"
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("state=acknowledged", [1]),
        ("state=triggered&state=acknowledged", [2, 1]),
        ("state=resolved", []),
        ("severity=SEV-4", [2]),
        ("service=shop", [1]),
        ("playbook=er", [2, 1]),
        ("playbook=other", []),
        ("severity=SEV-1&state=triggered", []),
    ],
)
async def test_a_list_shows_what_it_is_asked_for(door, query, numbers):
    await door.engine.fire(alertname="A", service="shop")
    await door.engine.fire(alertname="B", severity="info")
    await door.engine.acknowledge()
    page = await get(door, f"{INCIDENTS}?{query}")
    assert [incident["number"] for incident in page["incidents"]] == numbers


@pytest.mark.parametrize(
    "query",
    [
        "stat=triggered",
        "state=open",
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=-1",
        "limit=\u0663",
        "cursor=x",
        "cursor=0",
        "cursor=",
        "cursor=999999999999999999999999999999",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_with_the_reason(door, query):
    problem = await get(door, f"{INCIDENTS}?{query}", 400)
    assert problem["error"]["code"] == "bad_request"
    assert len(problem["error"]["message"]) > 20


@pytest.mark.parametrize("path", [f"{INCIDENTS}/99", f"{INCIDENTS}/nobody", f"{INCIDENTS}/99/explain"])
async def test_what_does_not_exist_is_a_404_that_names_it(door, path):
    assert "incident" in (await get(door, path, 404))["error"]["message"]


async def test_bytes_that_are_no_text_in_a_path_or_query_do_no_harm(door):
    assert await door.status("GET", f"{INCIDENTS}/%ff") == 404
    assert await door.status("GET", f"{INCIDENTS}?service=%ff%00") == 200


async def test_what_is_in_quarantine_can_be_read(door):
    path = "/webhooks/alertmanager/east"
    for number in range(2):
        assert await door.status("POST", path, json={"alerts": [{"labels": [number]}]}) == 200
        door.engine.clock.advance(seconds=1)
    found = (await get(door, "/api/v1/quarantine"))["quarantined"]
    assert [json.loads(item["body"]) for item in found] == [{"labels": [1]}, {"labels": [0]}]
    newest = found[0]
    assert set(newest) == {"id", "at", "last_at", "source", "error", "body", "sha256", "alerts", "seen"}
    assert (newest["source"], newest["at"]) == ("east", "2026-11-20T12:00:01.000000Z")
    assert newest["error"] == "$.alerts[0].labels: expected an object, got a list"
    assert (await get(door, "/api/v1/quarantine?limit=1"))["quarantined"] == [newest]
    assert (await get(door, "/api/v1/quarantine?state=open", status=400))["error"]["code"] == "bad_request"


# Responding.


async def test_an_acknowledgment_names_who_and_through_what(door):
    await fire(door)
    answer = await post(door, f"{INCIDENTS}/1/acknowledge")
    assert answer["changed"] is True
    assert answer["incident"]["state"] == "acknowledged"
    assert answer["incident"]["acknowledged_by"] == "alice"
    assert list(answer["incident"]) == FIELDS
    [entry] = [entry for entry in await door.engine.timeline() if entry.kind == "acknowledged"]
    assert (entry.actor, entry.via) == ("alice", "api")


async def test_the_command_line_is_distinguished_from_other_clients(door):
    await fire(door)
    await post(door, f"{INCIDENTS}/1/acknowledge", headers={"User-Agent": "tocsin/0.1 (command line)"})
    [entry] = [entry for entry in await door.engine.timeline() if entry.kind == "acknowledged"]
    assert entry.via == "cli"


async def test_a_second_acknowledgment_changes_nothing_and_says_so(door):
    await fire(door)
    await post(door, f"{INCIDENTS}/1/acknowledge")
    answer = await post(door, f"{INCIDENTS}/1/acknowledge")
    assert "alice" in answer["note"]


async def test_an_occurrence_that_is_over_is_not_acknowledged(door):
    await fire(door)
    answer = await post(door, f"{INCIDENTS}/1/acknowledge", {"occurrence": 7})
    assert "nothing was changed" in answer["note"]
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_a_resolve_closes_and_a_later_escalation_conflicts(door):
    await fire(door)
    answer = await post(door, f"{INCIDENTS}/1/resolve")
    assert answer["incident"]["state"] == "resolved"
    assert answer["incident"]["resolved_at"] == "2026-11-20T12:00:00.000000Z"
    problem = await post(door, f"{INCIDENTS}/1/escalate", status=409)
    assert problem["error"]["code"] == "conflict"


async def test_an_escalation_reaches_the_next_tier(door):
    await fire(door)
    answer = await post(door, f"{INCIDENTS}/1/escalate")
    assert answer["changed"] is True
    assert (await door.engine.incident()).reached == (1, 2)


async def test_a_severity_is_pinned_and_unpinned(door):
    await fire(door)
    answer = await post(door, f"{INCIDENTS}/1/severity", {"severity": "SEV-4", "reason": "only a test shop"})
    assert answer["incident"]["severity"] == "SEV-4"
    assert (await door.engine.incident()).pinned
    await post(door, f"{INCIDENTS}/1/severity", {"severity": None})
    assert not (await door.engine.incident()).pinned


async def test_flags_are_set_and_cleared(door):
    await fire(door)
    await post(door, f"{INCIDENTS}/1/flags", {"add": ["data_breach"]})
    assert (await door.engine.incident()).flags == ("data_breach",)
    await post(door, f"{INCIDENTS}/1/flags", {"remove": ["data_breach"]})
    assert (await door.engine.incident()).flags == ()


@pytest.mark.parametrize(("verb", "body"), [("severity", {"severity": "SEV-9"}), ("flags", {"add": ["no_such_flag"]})])
async def test_a_name_that_the_playbook_does_not_have_cannot_be_used(door, verb, body):
    await fire(door)
    problem = await post(door, f"{INCIDENTS}/1/{verb}", body, status=422)
    assert problem["error"]["code"] == "unprocessable"
    problem = await post(door, f"{INCIDENTS}/2/{verb}", body, status=404)
    assert problem["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("acknowledge", {"ocurrence": 1}),
        ("acknowledge", {"occurrence": "1"}),
        ("acknowledge", []),
        ("severity", {}),
        ("severity", {"severity": 1}),
        ("flags", {"add": "data_breach"}),
        ("escalate", {"tier": 3}),
    ],
)
async def test_a_body_of_another_form_is_refused_with_its_place(door, verb, body):
    await fire(door)
    before = await door.engine.incident()
    problem = await post(door, f"{INCIDENTS}/1/{verb}", body, status=400)
    assert problem["error"]["code"] == "malformed"
    assert await door.engine.incident() == before


async def test_no_body_at_all_is_an_empty_one(door):
    await fire(door)
    headers = {"Content-Type": "application/json"}
    assert await door.status("POST", f"{INCIDENTS}/1/acknowledge", headers=headers) == 200


async def test_a_body_far_too_large_is_refused(door):
    headers = {"Content-Type": "application/json"}
    data = b'{"x": "' + b"y" * 300_000 + b'"}'
    assert await door.status("POST", f"{INCIDENTS}/1/acknowledge", data=data, headers=headers) == 413

    async def in_parts() -> AsyncIterator[bytes]:
        yield data

    assert await door.status("POST", f"{INCIDENTS}/1/acknowledge", data=in_parts(), headers=headers) == 413


async def test_a_request_with_a_key_counts_once_a_caller(door):
    await fire(door)
    key = {"Idempotency-Key": "k1"}
    first = await post(door, f"{INCIDENTS}/1/escalate", headers=key)
    again = await post(door, f"{INCIDENTS}/1/escalate", headers=key)
    other = await post(door, f"{INCIDENTS}/1/escalate", headers=key, token=TOKENS["respond"])
    assert (first["changed"], again["changed"]) == (True, False)
    assert "before" in again["note"]
    assert "received before" not in other["note"]


async def test_one_key_for_two_different_requests_hides_neither(door):
    await fire(door)
    key = {"Idempotency-Key": "k1"}
    await post(door, f"{INCIDENTS}/1/acknowledge", headers=key)
    assert (await post(door, f"{INCIDENTS}/1/resolve", headers=key))["changed"] is True


@pytest.mark.parametrize("key", ["x" * 201, "é"])
async def test_a_key_of_another_form_is_refused(door, key):
    await post(door, f"{INCIDENTS}/1/escalate", status=400, headers={"Idempotency-Key": key})


async def test_a_services_acknowledgment_is_no_persons(door):
    await fire(door)
    await post(door, f"{INCIDENTS}/1/acknowledge", token=TOKENS["respond"])
    assert not door.engine.observer.observed("incident_time_to_acknowledge_seconds")


async def test_a_store_that_is_away_is_a_503(door):
    door.store.failure = StoreUnavailable("no disk")
    async with door.call("GET", INCIDENTS) as answer:
        assert answer.status == 503
        assert "Retry-After" in answer.headers


# Explaining.


async def explain(door, source: str = "default", **labels: str):
    return await post(door, "/api/v1/explain", {"labels": labels, "source": source})


async def test_an_explanation_goes_from_the_rules_to_the_channels(door):
    found = await explain(door, alertname="Down", service="shop")
    assert found["outcome"] == "pages"
    assert (found["playbook"], found["severity"], found["service"]) == ("er", "SEV-1", "shop")
    assert [(rule["rule"], rule["matched"]) for rule in found["rules"]] == [
        ("everything", True), ("minor", False), ("patient", False), ("watchdog", False), ("noise", False),
        ("many", False),
    ]  # fmt: skip
    assert found["rules"][1]["failed"] == 'severity="info"'
    first, second, flagged = found["ladder"]
    assert (first["tier"], first["after_seconds"], first["tier_name"]) == (1, 0, "on call")
    assert first["tells"] == [
        {"target": "alice", "channel": "pager", "destination": "alice", "recipient": "", "stranded": False}
    ]
    assert second["after_seconds"] == 900
    assert (second["tells"][0]["channel"], second["tells"][0]["stranded"]) == ("slack", True), "the announce target"
    assert (flagged["after_seconds"], flagged["flags"]) == (None, ["data_breach"])
    assert found["announces"][0]["target"] == "room"


@pytest.mark.parametrize(
    ("labels", "outcome", "reason"),
    [
        ({"alertname": "Watchdog"}, "heartbeat", "sign of life"),
        ({"alertname": "X", "severity": "none"}, "suppressed", "noise"),
        ({"alertname": "X", "severity": "info"}, "informs", "pages no one"),
        ({"alertname": "X", "patient": "yes"}, "held", "2 min"),
    ],
)
async def test_an_explanation_says_why_no_one_is_paged(door, labels, outcome, reason):
    found = await explain(door, **labels)
    assert found["outcome"] == outcome
    assert reason in found["because"]
    assert bool(found["ladder"]) is (outcome == "held")


async def test_a_held_alerts_ladder_begins_when_the_hold_ends(door):
    found = await explain(door, alertname="X", patient="yes")
    assert [step["after_seconds"] for step in found["ladder"]] == [120, 1020, None]
    assert found["rules"][2]["sets"] == {"self_heal": "2 min"}


async def test_an_explanation_changes_nothing_and_notifies_no_one(door):
    await explain(door, alertname="Down")
    assert (await get(door, INCIDENTS))["incidents"] == []
    assert door.engine.sent() == []


async def test_an_incidents_explanation_has_trace_receipts_and_what_is_next(door):
    await fire(door)
    found = await get(door, f"{INCIDENTS}/1/explain")
    assert found["alerts"][0]["rules"] == ["everything"]
    [page] = [delivery for delivery in found["deliveries"] if delivery["job"] == "page"]
    assert (page["target"], page["channel"], page["state"]) == ("alice", "pager", "sent")
    assert page["attempts"][0]["outcome"] == "sent"
    assert page["attempts"][0]["finished_at"] == "2026-11-20T12:00:00.000000Z"
    [step] = found["next"]
    assert (step["tier"], step["due_at"]) == (2, "2026-11-20T12:15:00.000000Z")
    assert found["because"] == "tier 2 (manager) is next, in 15 min, unless it is acknowledged"


async def test_an_explanation_says_why_paging_has_stopped(door):
    await fire(door)

    async def because() -> str:
        return (await get(door, f"{INCIDENTS}/1/explain"))["because"]

    await door.engine.acknowledge()
    assert await because() == "no one is paged: alice has acknowledged it"
    await door.engine.resolve(alertname="Down0")
    assert await because() == "no one is paged: all its alerts have resolved; closed in 2 min if they stay so"
    await door.engine.advance(minutes=3)
    assert await because() == "no one is paged: resolved because its alerts did"


async def test_it_says_when_every_tier_has_been_paged(door):
    await fire(door)
    await door.engine.advance(minutes=16)
    assert (await get(door, f"{INCIDENTS}/1/explain"))["because"].startswith("every tier has been paged")


async def test_it_says_how_long_automation_has(door):
    await door.engine.fire(alertname="Down", patient="yes")
    found = await get(door, f"{INCIDENTS}/1/explain")
    assert found["because"] == "no one is paged yet: automation has 2 min left to heal it"
