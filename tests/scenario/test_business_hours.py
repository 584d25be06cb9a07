"""A step deferred to business hours fires at opening if still needed, and later steps count from then.

Steps until resolved count from the opening of the incident, whoever acknowledges and whatever was deferred.
"""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.ladders import RESOLVED, rich
from scenario import emergency
from scenario.riches import fire, tocsin
from tocsin.core.duration import DAY, HOUR
from tocsin.core.incident.incident import Planned
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook
from tocsin.core.schedule.hours import BusinessHours
from tocsin.testing.clock import VirtualClock

MONDAY_9 = 69 * 60
"""Minutes from Friday noon."""


async def test_what_comes_on_friday_evening_is_paged_on_monday_and_later_steps_count_from_then() -> None:
    async with tocsin() as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=240)
        paged = [(at, who) for at, who in harness.pages() if at <= MONDAY_9 + 24 * 60]
        # 72 h from Friday 18:00 are over on Monday 18:00, when the office has closed.
        assert paged == [(MONDAY_9, "one"), (MONDAY_9 + 4 * 60, "two"), (MONDAY_9 + 24 * 60, "three")]
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


async def test_what_has_resolved_by_then_pages_no_one() -> None:
    async with tocsin() as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=1)
        await harness.resolve(alertname="Down", severity="low", service="web", instance="a")
        await harness.advance(hours=100)
        assert harness.pages() == []


async def test_a_holiday_is_closed() -> None:
    async with tocsin(BusinessHours(holidays=("2026-11-23",))) as harness:
        await harness.advance(hours=6)
        await fire(harness, "low")
        await harness.advance(hours=90)
        assert harness.pages()[0] == (MONDAY_9 + 24 * 60, "one")


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


LOW = rich().levels[-1]


def _with_a_lower_level() -> Playbook:
    informs = Cell(tier=1, nth=1, after=0, kind=Kind.UPDATE, targets=("one",))
    return replace(rich(), levels=(*rich().levels, Level("lowest", 3, DAY, None, (informs,))))


MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


async def test_until_resolved_counts_from_the_opening_although_the_tier_below_was_deferred() -> None:
    async with tocsin(clock=VirtualClock(MONDAY + timedelta(hours=15))) as harness:
        await fire(harness, "low")  # tier 2 would be at 19:00: it waits for Tuesday 09:00
        await harness.advance(hours=72)
        paged = [(at, who) for at, who in harness.pages() if who in ("two", "three")]
        assert paged[0] == (18 * 60, "two")
        assert [at for at, who in paged if who == "three"] == [72 * 60]


async def test_until_resolved_counts_from_the_rise_to_its_level() -> None:
    async with tocsin(playbook=_with_a_lower_level(), clock=VirtualClock(MONDAY + timedelta(hours=10))) as harness:
        await fire(harness, "lowest")
        await harness.advance(hours=1)
        await fire(harness, "low", "b")
        await harness.acknowledge()
        await harness.advance(hours=80)
        assert min(at for at, who in harness.pages() if who == "three") == 73 * 60


@given(st.integers(0, 7 * 24 * 4 - 1), st.one_of(st.none(), st.integers(1, 4 * 24 * 4)))
async def test_whenever_it_opens_and_whoever_acknowledges_nothing_is_paged_at_night_and_tier_3_at_its_time(
    opened: int, acknowledged: int | None
) -> None:
    hours = BusinessHours()
    clock = VirtualClock(MONDAY + timedelta(minutes=15 * opened))
    async with tocsin(clock=clock) as harness:
        await fire(harness, "low")
        if acknowledged is not None:
            await harness.advance(minutes=15 * acknowledged)
            await harness.acknowledge()
        await harness.advance(hours=24 * 8)
        pages = [clock.start + round(at * 60_000_000) for at, _ in harness.pages()]
        assert all(hours.are_open(at) for at in pages)
        expected = hours.opening(clock.start + 72 * 3_600_000_000)
        first = min(at for at, who in harness.pages() if who == "three")
        assert clock.start + round(first * 60_000_000) == expected
        assert await emergency.wrong(harness) == []


async def test_a_flag_pages_at_night() -> None:
    low = replace(
        LOW, cells=(*LOW.cells[:-1], Cell(tier=4, nth=1, flags=("breach",), until=RESOLVED, targets=("four",)))
    )
    async with tocsin(playbook=replace(rich(), levels=(*rich().levels[:-1], low))) as harness:
        await fire(harness, "low")
        await harness.advance(hours=10)
        await harness.flag("breach")
        assert (600, "four") in harness.pages()


async def test_a_ladder_that_an_earlier_version_has_shifted_is_paged_once_and_not_at_night() -> None:
    async with tocsin(clock=VirtualClock(MONDAY + timedelta(hours=15))) as harness:
        await fire(harness, "low")
        await harness.advance(hours=20)
        incident = await harness.incident()
        [third] = incident.ladder
        shifted = Planned(third.cell, third.tier, third.due_at + 14 * HOUR)  # the wait of tier 2, Friday 05:00
        earlier = replace(incident, ladder=(shifted,), ladder_state=None)
        await harness.store.write(lambda tx: tx.update_incidents([earlier]))
        await harness.advance(hours=72)
        assert [at for at, who in harness.pages() if who == "three"] == [90 * 60]
        assert await emergency.wrong(harness) == []


async def test_a_step_deferred_by_an_earlier_version_is_on_time_after_an_acknowledgment() -> None:
    async with tocsin(clock=VirtualClock(MONDAY - timedelta(hours=38))) as harness:  # Saturday 10:00
        await fire(harness, "low")
        incident = await harness.incident()
        ladder = tuple(
            Planned(step.cell, step.tier, step.due_at + 47 * HOUR) if step.tier == 3 else step
            for step in incident.ladder
        )
        await harness.store.write(lambda tx: tx.update_incidents([replace(incident, ladder=ladder)]))
        await harness.advance(hours=48)
        await harness.acknowledge()
        await harness.advance(hours=24 * 5)
        assert next(at for at, who in harness.pages() if who == "three") == 72 * 60
        assert await emergency.wrong(harness) == []
