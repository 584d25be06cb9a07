"""Roles, statuses, checklists and follow-ups over HTTP."""

import pytest

from tocsin.core.incident.escalation import RESPONSES
from tocsin.web.api.responses import body_of
from tocsin.web.routes import OWN_REQUESTS
from web.frontdoor import TOKENS
from web.test_api import fire, get, post

INCIDENT = "/api/v1/incidents/1"


async def test_notes_are_shown_with_the_incident(door):
    await fire(door)
    await post(door, f"{INCIDENT}/acknowledge")
    await post(door, f"{INCIDENT}/declare", {"reason": "customers report it too"})
    await post(door, f"{INCIDENT}/notes", {"text": "restarted it"})
    await post(door, f"{INCIDENT}/updates", {"text": "half of it works"})
    await post(door, f"{INCIDENT}/action-items", {"text": "an alert that comes sooner", "kind": "immediate"})
    shown = await get(door, INCIDENT)
    assert shown["declared_at"] == "2026-11-20T12:00:00.000000Z"
    said = [entry["kind"] for entry in shown["timeline"]]
    assert [kind for kind in said if kind in ("declared", "note", "update_posted", "item_added")] == [
        "declared",
        "note",
        "update_posted",
        "item_added",
    ]
    [item] = shown["action_items"]
    assert (item["number"], item["due_at"]) == (1, "2026-11-27T12:00:00.000000Z")
    await post(door, f"{INCIDENT}/action-items/1/done")
    assert (await get(door, INCIDENT))["action_items"][0]["done_at"] is not None


async def test_saying_it_twice_changes_nothing(door):
    await fire(door)
    assert (await post(door, f"{INCIDENT}/declare"))["changed"]
    assert not (await post(door, f"{INCIDENT}/declare"))["changed"]


@pytest.mark.parametrize(
    ("what", "body", "status", "told"),
    [
        ("status", {"status": "Fine"}, 422, "has no status 'Fine'"),
        ("roles", {"role": "chef"}, 422, "has no role 'chef'"),
        ("roles", {"role": "chef", "person": "alcie"}, 422, "did you mean alice? Known: alice"),
        ("declare", {"reason": "x" * 4001}, 422, "a reason has at most 4000 characters; this one has 4001"),
        ("notes", {"text": " "}, 422, "1 to 4000 characters"),
        ("notes", {"text": "x" * 4001}, 422, "a note has at most 4000 characters; this one has 4001"),
        ("updates", {"text": "x" * 4001}, 422, "an update has at most 4000 characters; this one has 4001"),
        ("action-items", {"text": "x" * 4001, "kind": "immediate"}, 422, "at most 500 characters; this one has 4001"),
        ("roles", {"role": "incident-commander", "person": "x" * 4001}, 422, "there is no person"),
        ("link", {"other": "1"}, 422, "cannot be linked to itself"),
        ("snooze", {"for": "32d"}, 422, "within 31 days"),
        ("snooze", {}, 422, "exactly one of until and for"),
        ("snooze", {"for": "2h", "until": "2026-11-20T16:00:00Z"}, 422, "exactly one of until and for"),
        ("facts", {"facts": {"impact": "x" * 4001}}, 422, "the fact impact has at most 4000 characters"),
        ("action-items", {"text": "x", "kind": "someday"}, 422, "it has: immediate, long-term"),
        ("action-items/7/done", {}, 404, "no action item 7"),
        ("postmortem", {}, 409, "cannot"),
        ("updates", {"text": "x", "stauts": "y"}, 400, "stauts"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(door, what, body, status, told):
    await fire(door)
    answer = await post(door, f"{INCIDENT}/{what}", body, status)
    assert told in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "told"),
    [({"waived": True}, "reason is empty"), ({"link": "javascript:alert(1)"}, "must begin with https://")],
)
async def test_a_postmortem_needs_a_reason_to_be_waived_and_a_link_that_can_be_opened(door, body, told):
    await fire(door)
    await post(door, f"{INCIDENT}/resolve")
    answer = await post(door, f"{INCIDENT}/postmortem", body, 422)
    assert told in answer["error"]["message"]


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ("flags", {"add": ["data_breach"]}),
        ("severity", {"severity": "SEV-1"}),
        ("facts", {"facts": {"root_cause": "a full disk"}}),
        ("notes", {"text": "restarted it"}),
    ],
)
async def test_a_response_that_is_repeated_with_its_key_counts_once(door, response, body):
    await fire(door)
    how = {"headers": {"Idempotency-Key": "u1"}}
    first = await post(door, f"{INCIDENT}/{response}", body, **how)
    again = await post(door, f"{INCIDENT}/{response}", body, **how)
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["note"] == "this has been received before"


async def test_an_acknowledged_incident_is_taken_over(door):
    await fire(door)
    refused = await post(door, f"{INCIDENT}/take-over", {}, 409)
    assert "incident 1 is triggered: cannot take it over" in refused["error"]["message"]
    await post(door, f"{INCIDENT}/acknowledge", token=TOKENS["respond"])
    assert (await post(door, f"{INCIDENT}/take-over"))["incident"]["acknowledged_by"] == "alice"


def test_a_body_has_the_fields_of_its_event_and_no_others():
    bodies = {each.name: body_of(each) for each in RESPONSES if each.name not in OWN_REQUESTS}
    assert {name: body.__struct_fields__ for name, body in bodies.items()} == {
        "acknowledge": ("occurrence",),
        "take-over": ("occurrence",),
        "resolve": ("occurrence",),
        "unsnooze": (),
        "escalate": (),
        "flags": ("add", "remove"),
        "severity": ("severity", "reason"),
        "declare": ("reason",),
        "notes": ("text",),
        "updates": ("text", "status"),
        "status": ("status",),
        "ticks": ("checklist", "number", "done"),
        "postmortem": ("waived", "link", "reason"),
        "facts": ("facts",),
    }


async def test_a_request_that_is_repeated_with_its_key_counts_once(door):
    await fire(door)
    how = {"headers": {"Idempotency-Key": "u1"}}
    await post(door, f"{INCIDENT}/updates", {"text": "half of it works"}, **how)
    again = await post(door, f"{INCIDENT}/updates", {"text": "half of it works"}, **how)
    assert not again["changed"]
    said = [entry["kind"] for entry in (await get(door, INCIDENT))["timeline"]]
    assert said.count("update_posted") == 1
