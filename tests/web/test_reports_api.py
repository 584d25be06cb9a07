"""``GET /api/v1/reports``: the measures of a period over HTTP."""

import asyncio

import pytest

from tocsin.web.api.reports import REPORTING
from web.frontdoor import FrontDoor
from web.test_api import get

REPORTS = "/api/v1/reports"


async def test_it_needs_the_scope_read(door: FrontDoor) -> None:
    headers = {"Authorization": "Bearer the-ingest-token"}
    assert await door.status("GET", REPORTS, headers=headers) == 403
    assert await door.status("GET", REPORTS, token=None) == 401


async def test_a_month_is_reported_beside_the_one_before(door: FrontDoor) -> None:
    await door.engine.fire(alertname="Down", service="checkout")
    await door.engine.advance(minutes=3)
    await door.engine.acknowledge("alice")
    await door.engine.resolve(alertname="Down", service="checkout")
    await door.engine.advance(minutes=10)
    report = await get(door, f"{REPORTS}?month=2026-11")
    period = report["period"]
    assert (period["name"], period["time_zone"], period["first_day"]) == ("November 2026", "UTC", "2026-11-01")
    assert (period["starts_at"], period["ends_at"]) == ("2026-11-01T00:00:00.000000Z", "2026-12-01T00:00:00.000000Z")
    assert report["previous_period"]["name"] == "October 2026"
    assert (report["is_over"], report["made_at"]) == (False, "2026-11-20T12:13:00.000000Z")
    assert report["current"]["acknowledge"] == {"seconds": 180.0, "count": 1}
    assert report["previous"]["acknowledge"] == {"seconds": None, "count": 0}
    [person] = report["current"]["people"]
    assert (person["person"], person["pages"], person["at_night"]) == ("alice", 1, 0)
    [incident] = report["incidents"]
    assert (incident["number"], incident["service"], incident["resolve_seconds"]) == (1, "checkout", 180)


async def test_without_a_period_it_is_this_month_and_without_a_last_day_until_today(door: FrontDoor) -> None:
    assert (await get(door, REPORTS))["period"]["name"] == "November 2026"
    assert (await get(door, f"{REPORTS}?from=2026-11-18"))["period"]["name"] == "2026-11-18 to 2026-11-20"


async def test_one_report_is_made_at_a_time_and_nothing_else_waits_for_it(door: FrontDoor) -> None:
    async with door.app[REPORTING]:
        asked = asyncio.create_task(get(door, REPORTS))
        for _ in range(5):
            await get(door, "/api/v1/incidents")
        assert not asked.done()
    assert (await asked)["period"]["name"] == "November 2026"


async def test_nothing_in_a_period_is_an_answer_too(door: FrontDoor) -> None:
    report = await get(door, f"{REPORTS}?month=2026-01&service=nothing&team=no")
    assert (report["service"], report["team"], report["playbook"]) == ("nothing", "no", None)
    assert (report["current"]["incidents"], report["current"]["between"]["seconds"]) == (0, None)
    assert report["incidents"] == report["slowest"] == report["noisiest"] == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("month=2026-13", "'2026-13' is not a month; write for example 2026-11"),
        ("month=2027-02", "February 2027 has not begun: today is 2026-11-20 (UTC)"),
        ("from=2026-12-01", "2026-12-01 has not begun"),
        ("from=2026-11-09&to=2026-11-01", "the last day, 2026-11-01, is before the first day, 2026-11-09"),
        ("from=yesterday", "'yesterday' is not a day"),
        ("to=2026-11-01", "name the first day as well"),
        ("month=2026-11&from=2026-11-01", "name either a month, or the first and the last day"),
        ("from=2025-01-01&to=2026-11-01", "more than 400 days"),
        ("playbook=err", "there is no playbook 'err'"),
        ("month=2026-11&week=3", "unknown parameter 'week'"),
    ],
)
async def test_a_period_that_cannot_be_reported_is_refused_in_words(door: FrontDoor, query: str, told: str) -> None:
    answer = await get(door, f"{REPORTS}?{query}", status=400)
    assert told in answer["error"]["message"]
