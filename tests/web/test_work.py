"""What people make of an incident, and what is left to be done about it, over HTTP."""

import pytest

from web.test_api import fire, get, post

INCIDENT = "/api/v1/incidents/1"


async def test_what_is_said_of_an_incident_is_shown_with_it(door):
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
        ("status", {"status": "Fine"}, 400, "has no status 'Fine'"),
        ("roles", {"role": "chef"}, 400, "has no role 'chef'"),
        ("roles", {"role": "chef", "person": "alcie"}, 400, "no person 'alcie' in people.yaml; known: "),
        ("declare", {"reason": "x" * 4001}, 422, "at most 4000 characters; this one has 4001"),
        ("notes", {"text": " "}, 422, "1 to 4000 characters"),
        ("notes", {"text": "x" * 4001}, 422, "a note has 1 to 4000 characters; this one has 4001"),
        ("updates", {"text": "x" * 4001}, 422, "an update has 1 to 4000 characters; this one has 4001"),
        ("action-items", {"text": "x" * 4001, "kind": "immediate"}, 422, "1 to 500 characters; this one has 4001"),
        ("roles", {"role": "incident-commander", "person": "x" * 4001}, 400, "there is no person"),
        ("link", {"other": "1"}, 422, "is itself"),
        ("snooze", {"for": "32d"}, 422, "within 31 days"),
        ("facts", {"facts": {"impact": "x" * 4001}}, 422, "impact has 4001"),
        ("action-items", {"text": "x", "kind": "someday"}, 400, "it has: immediate, long-term"),
        ("action-items/7/done", {}, 404, "no action item 7"),
        ("postmortem", {"waived": True}, 400, "say in reason why"),
        ("postmortem", {"link": "javascript:alert(1)"}, 400, "http or https link"),
        ("postmortem", {}, 409, "cannot"),
        ("updates", {"text": "x", "stauts": "y"}, 400, "stauts"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(door, what, body, status, told):
    await fire(door)
    answer = await post(door, f"{INCIDENT}/{what}", body, status)
    assert told in answer["error"]["message"]


async def test_a_request_that_is_repeated_with_its_key_counts_once(door):
    await fire(door)
    how = {"headers": {"Idempotency-Key": "u1"}}
    await post(door, f"{INCIDENT}/updates", {"text": "half of it works"}, **how)
    again = await post(door, f"{INCIDENT}/updates", {"text": "half of it works"}, **how)
    assert not again["changed"]
    said = [entry["kind"] for entry in (await get(door, INCIDENT))["timeline"]]
    assert said.count("update_posted") == 1
