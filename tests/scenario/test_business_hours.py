"""Business hours: a deferred step waits for opening, asks again whether it still fires, and defers the clock."""

from scenario import emergency
from scenario.riches import fire, tocsin
from tocsin.core.hours import BusinessHours

MONDAY_9 = 69 * 60
"""Minutes from Friday noon."""


async def test_what_comes_on_friday_evening_is_paged_on_monday_and_later_steps_count_from_then() -> None:
    async with tocsin() as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=240)
        paged = [(at, who) for at, who in harness.pages() if at <= MONDAY_9 + 72 * 60]
        assert paged == [(MONDAY_9, "one"), (MONDAY_9 + 4 * 60, "two"), (MONDAY_9 + 72 * 60, "three")]
        assert await emergency.wrong(harness) == []


async def test_within_them_it_is_paged_at_once() -> None:
    async with tocsin() as harness:
        await fire(harness, "low")
        await harness.advance(hours=3)
        assert harness.pages() == [(0, "one")]


async def test_a_later_step_whose_time_is_outside_waits_for_the_next_opening() -> None:
    async with tocsin() as harness:
        await harness.advance(hours=2)
        await fire(harness, "low")  # 14:00; tier 2 would be at 18:00
        await harness.advance(hours=68)
        assert harness.pages() == [(120, "one"), (MONDAY_9, "two")]


async def test_what_has_resolved_by_then_pages_nobody() -> None:
    async with tocsin() as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=1)
        await harness.resolve(alertname="Down", severity="low", instance="a")
        await harness.advance(hours=100)
        assert harness.pages() == []


async def test_a_holiday_is_closed() -> None:
    async with tocsin(BusinessHours(holidays=("2026-11-23",))) as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=90)
        assert harness.pages() == [(MONDAY_9 + 24 * 60, "one")]


async def test_a_rise_to_a_severity_that_pages_at_any_hour_pages_at_once() -> None:
    async with tocsin() as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=1)
        await fire(harness, "middle", "b")
        assert harness.pages() == [(7 * 60, "one")]


async def test_a_flag_whose_step_is_for_business_hours_pages_at_the_opening() -> None:
    async with tocsin() as harness:
        await fire(harness, "low")
        await harness.advance(hours=6)
        await harness.flag("breach")
        await harness.advance(hours=63)
        assert (MONDAY_9, "four") in harness.pages()
        assert [at for at, who in harness.pages() if who == "four"] == [MONDAY_9]
