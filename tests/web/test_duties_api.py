"""Duties over HTTP: shown with the incident, ended by name, and listed while they are open."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from tocsin.core.duration import DAY, HOUR
from tocsin.core.playbook.duties import Meeting, PlaybookDuty
from tocsin.core.playbook.playbook import Duties
from web.frontdoor import PLAN, TOKENS, FrontDoor, front_door
from web.test_api import fire, get, post

INCIDENT = "/api/v1/incidents/1"
OWED = Duties(
    required=(
        PlaybookDuty(name="call", text="Call the bank", since="opened", within=HOUR),
        PlaybookDuty(name="review", text="Review", since="resolved", within=2 * DAY, meeting=Meeting()),
    )
)


@pytest.fixture
async def door() -> AsyncIterator[FrontDoor]:
    async with front_door() as opened:
        policy = opened.engine.live.policy
        plan = structs.replace(PLAN, duties=OWED)
        opened.engine.live.policy = dataclasses.replace(policy, playbooks={plan.name: plan})
        yield opened


async def test_a_duty_is_shown_with_its_owner_its_deadline_and_its_outcome(door: FrontDoor) -> None:
    await fire(door)
    shown = await get(door, INCIDENT)
    assert (shown["open_duties"], shown["closed_at"]) == (1, None)
    [call] = shown["duties"]
    assert call == {
        "name": "call",
        "text": "Call the bank",
        "owner": ["alice"],
        "since": "opened",
        "severity": "SEV-1",
        "due_at": "2026-11-20T13:00:00.000000Z",
        "outcome": "open",
        "breached_at": None,
        "done_at": None,
        "done_by": "",
        "reason": "",
        "link": "",
        "meets_at": None,
    }
    await door.engine.advance(minutes=61)
    [call] = (await get(door, INCIDENT))["duties"]
    assert call["breached_at"] == "2026-11-20T13:00:00.000000Z"
    await post(door, f"{INCIDENT}/duties/call/done", {"reason": "they know", "link": "https://bank.example.com"})
    [call] = (await get(door, INCIDENT))["duties"]
    assert (call["outcome"], call["done_by"], call["link"]) == ("late", "alice", "https://bank.example.com")


async def test_incidents_with_open_duties_are_listed_until_the_record_is_closed(door: FrontDoor) -> None:
    await fire(door, 2)
    await post(door, f"{INCIDENT}/resolve")
    await post(door, "/api/v1/incidents/2/duties/call/done")
    listed = await get(door, "/api/v1/incidents?duties=open")
    assert [(one["number"], one["open_duties"]) for one in listed["incidents"]] == [(1, 2)]
    await post(door, f"{INCIDENT}/duties/call/waive", {"reason": "no bank"})
    assert (await post(door, f"{INCIDENT}/duties/review/done"))["changed"]
    assert (await get(door, "/api/v1/incidents?duties=open"))["incidents"] == []
    assert (await get(door, INCIDENT))["closed_at"] == "2026-11-20T12:00:00.000000Z"
    assert "unknown value of duties" in (await get(door, "/api/v1/incidents?duties=all", 400))["error"]["message"]


async def test_a_meeting_is_moved(door: FrontDoor) -> None:
    await fire(door)
    await post(door, f"{INCIDENT}/resolve")
    await post(door, f"{INCIDENT}/duties/review/meeting", {"at": "2026-11-21T15:00:00Z"})
    review = next(duty for duty in (await get(door, INCIDENT))["duties"] if duty["name"] == "review")
    assert review["meets_at"] == "2026-11-21T15:00:00.000000Z"


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("duties/cal/done", {}, 404, "has no duty 'cal'; its duties: call"),
        ("duties/call/waive", {"reason": " "}, 422, "say why the duty call need not be done"),
        ("duties/call/waive", {}, 400, "reason"),
        ("duties/call/waive", {"reason": "x" * 501}, 422, "a reason has at most 500 characters"),
        ("duties/call/done", {"link": "javascript:alert(1)"}, 422, "must begin with https://"),
        ("duties/call/meeting", {"at": "2026-11-21T15:00:00Z"}, 422, "the duty call is no meeting"),
        ("duties/Call/done", {}, 404, ""),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(
    door: FrontDoor, path: str, body: object, status: int, told: str
) -> None:
    await fire(door)
    answer = await post(door, f"{INCIDENT}/{path}", body, status)
    assert told in answer["error"]["message"]


@pytest.mark.parametrize("what", ["done", "waive", "meeting"])
async def test_a_duty_is_ended_only_by_those_who_may_respond(door: FrontDoor, what: str) -> None:
    await fire(door)
    path = f"{INCIDENT}/duties/call/{what}"
    assert await door.status("POST", path, token="the-read-token", json={}) == 403
    assert "the-read-token" in TOKENS.values()
