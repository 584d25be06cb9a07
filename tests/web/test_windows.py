"""Maintenance windows over HTTP."""

import dataclasses

import pytest

from tocsin.core.duration import HOUR
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.schedule.recurrence import Span
from web.frontdoor import TOKENS
from web.test_api import get, post

WINDOWS = "/api/v1/windows"
UPGRADE = {"name": "Upgrade", "match": 'service="shop"', "duration": "2h", "comment": "ask dana"}
SHOP = {"alertname": "Down", "service": "shop"}


async def test_a_window_begins_now_and_is_shown_as_promised(door):
    made = await post(door, WINDOWS, UPGRADE)
    assert made == {
        "id": made["id"],
        "name": "Upgrade",
        "match": 'service="shop"',
        "state": "active",
        "starts_at": "2026-11-20T12:00:00.000000Z",
        "ends_at": "2026-11-20T14:00:00.000000Z",
        "upcoming": [],
        "rrule": None,
        "time_zone": "UTC",
        "duration_seconds": None,
        "comment": "ask dana",
        "author": "alice",
        "via": "api",
        "created_at": "2026-11-20T12:00:00.000000Z",
        "planned_ends_at": "2026-11-20T14:00:00.000000Z",
        "ended_at": None,
        "ended_by": None,
        "ended_via": None,
    }
    assert await get(door, WINDOWS) == {"windows": [made]}


async def test_it_may_begin_later_and_end_at_a_time_in_any_zone(door):
    times = {"starts_at": "2026-11-20T14:00:00+01:00", "ends_at": "2026-11-20T16:00:00Z"}
    made = await post(door, WINDOWS, {"name": "Later", "match": "a=b", **times})
    assert (made["state"], made["starts_at"], made["ends_at"]) == (
        "upcoming",
        "2026-11-20T13:00:00.000000Z",
        "2026-11-20T16:00:00.000000Z",
    )
    assert made["upcoming"] == [{"starts_at": made["starts_at"], "ends_at": made["ends_at"]}]


async def test_windows_from_the_file_and_manual_ones_are_listed_active_ones_first(door):
    start = door.engine.clock.start
    soon = Window("Soon", parse_matchers("a=b"), Span(start + HOUR, start + 2 * HOUR), "planned", "dana")
    live = door.engine.live
    live.policy = dataclasses.replace(live.policy, windows=(soon,))
    over = await post(door, WINDOWS, {**UPGRADE, "name": "Over"})
    await post(door, f"{WINDOWS}/{over['id']}/end")
    await post(door, WINDOWS, UPGRADE)
    listed = (await get(door, WINDOWS))["windows"]
    assert [(one["name"], one["state"]) for one in listed] == [
        ("Upgrade", "active"),
        ("Soon", "upcoming"),
        ("Over", "past"),
    ]
    assert (listed[1]["id"], listed[1]["author"], listed[1]["match"]) == (None, "dana", '{a="b"}')


async def test_an_ended_window_says_who_ended_it_and_firing_incidents_are_paged(door):
    made = await post(door, WINDOWS, UPGRADE)
    await door.engine.fire(**SHOP)
    assert door.engine.pages() == []
    ended = await post(door, f"{WINDOWS}/{made['id']}/end", headers={"User-Agent": "tocsin/1 (command line)"})
    assert ended["released"] == 1
    assert (ended["window"]["state"], ended["window"]["ended_by"], ended["window"]["ended_via"]) == (
        "past",
        "alice",
        "cli",
    )
    await door.engine.settle()
    assert door.engine.pages() == [(0, "alice")]
    told = await post(door, f"{WINDOWS}/{made['id']}/end", status=409)
    assert "is over" in told["error"]["message"]
    assert (await post(door, f"{WINDOWS}/none/end", status=404))["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("changes", "told", "status"),
    [
        ({"match": "{}"}, "matches alerts that have no label at all; write which alerts", 422),
        ({"match": 'a="b'}, "bad matcher", 422),
        ({"duration": "2"}, "duration is not a duration: write for example 30s", 400),
        ({"duration": "40d"}, "is longer than 31 days", 422),
        ({"duration": None}, "the end is missing or is given twice", 422),
        ({"ends_at": "2026-11-20T16:00:00Z"}, "the end is missing or is given twice", 422),
        ({"starts_at": "2026-11-20T16:00:00"}, "timezone", 400),
        ({"starts_at": "2020-11-20T16:00:00Z"}, "the start is in the past", 422),
        ({"until": "tomorrow"}, "unknown field `until`", 400),
        ({"name": 7}, "Expected `str`", 400),
    ],
)
async def test_a_window_that_cannot_be_used_is_refused_with_the_reason(door, changes, told, status):
    wish = {name: value for name, value in {**UPGRADE, **changes}.items() if value is not None}
    answer = await post(door, WINDOWS, wish, status=status)
    assert told in answer["error"]["message"]
    assert (await get(door, WINDOWS))["windows"] == []


async def test_there_is_an_end_to_how_many_may_wait(door):
    for number in range(200):
        await post(door, WINDOWS, {**UPGRADE, "name": f"w{number}"})
    assert "200 windows" in (await post(door, WINDOWS, UPGRADE, status=409))["error"]["message"]


async def test_a_preview_shows_incidents_and_alerts(door):
    await door.engine.fire(**SHOP)
    await door.engine.fire(alertname="Down", service="blog")
    seen = await post(door, f"{WINDOWS}/preview", {"match": 'service="shop"'}, token=TOKENS_READ)
    assert (seen["firing"], seen["recent"], seen["recent_of"], seen["truncated"]) == (1, 1, 2, False)
    [one] = seen["incidents"]
    assert (one["incident"]["number"], one["matching"], one["firing"], one["hidden"]) == (1, 1, 1, True)
    [alert] = seen["alerts"]
    assert alert["labels"]["service"] == "shop"
    assert (await get(door, WINDOWS))["windows"] == []


TOKENS_READ = next(value for scope, value in TOKENS.items() if scope.value == "read")


async def test_explain_says_that_no_one_is_paged_in_a_window(door):
    asked = {"labels": SHOP}
    assert (await post(door, "/api/v1/explain", asked))["outcome"] == "pages"
    await post(door, WINDOWS, UPGRADE)
    told = await post(door, "/api/v1/explain", asked)
    assert told["outcome"] == "waits"
    assert told["because"] == "no one is paged: maintenance window Upgrade until 2026-11-20 14:00 UTC; then SEV-1 of er"


async def test_explain_of_an_incident_names_the_window(door):
    await post(door, WINDOWS, UPGRADE)
    await door.engine.fire(**SHOP)
    told = await get(door, "/api/v1/incidents/1/explain")
    assert "maintenance window Upgrade until 2026-11-20 14:00 UTC" in told["because"]
    [wait] = (await get(door, "/api/v1/incidents/1"))["waits"]
    assert (wait["reason"], wait["by"], wait["until_at"]) == ("window", "Upgrade", "2026-11-20T14:00:00.000000Z")
