"""Declaring an incident without an alert, over HTTP."""

import pytest

from web.frontdoor import PLAN
from web.test_api import get, post

INCIDENTS = "/api/v1/incidents"
SEVERITY = PLAN.levels[0].name


async def test_it_is_opened_declared_and_shown(door):
    made = (await post(door, INCIDENTS, {"title": "Nobody can pay", "severity": SEVERITY, "reason": "they call us"}))[
        "incident"
    ]
    shown = await get(door, f"{INCIDENTS}/{made['number']}")
    assert (shown["title"], shown["state"], shown["alerts"]) == ("Nobody can pay", "triggered", [])
    assert shown["declared_by"]
    kinds = [entry["kind"] for entry in shown["timeline"]]
    assert kinds[0] == "triggered"
    assert "declared" in kinds


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"title": " ", "severity": SEVERITY}, 422, "title is empty"),
        ({"title": "x" * 201, "severity": SEVERITY}, 422, "title has at most 200 characters"),
        ({"title": "x", "severity": SEVERITY, "summary": "x" * 4001}, 422, "summary has at most 4000 characters"),
        ({"title": "x", "severity": SEVERITY, "facts": {"A b": "x"}}, 422, "not a valid name of a fact"),
        ({"title": "x", "severity": "SEV-77"}, 422, "SEV-77"),
        ({"title": "x", "severity": SEVERITY, "playbook": "nothing"}, 422, "there is no playbook 'nothing'"),
        ({"title": "x"}, 400, "severity"),
    ],
)
async def test_what_cannot_be_declared_is_refused_in_words(door, body, status, told):
    assert told in (await post(door, INCIDENTS, body, status=status))["error"]["message"]
    assert (await get(door, INCIDENTS))["incidents"] == []


async def test_the_playbooks_say_what_there_is_to_choose_from(door):
    [plan] = (await get(door, "/api/v1/playbooks"))["playbooks"]
    assert plan["severities"] == [level.name for level in PLAN.levels]
    assert plan["questions"] == []
