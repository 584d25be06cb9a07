"""Acknowledged: silence as long as ``ack_timeout`` pages the acknowledger, tier 1 after 5 min more, then the plan."""

from scenario import emergency
from scenario.riches import fire, tocsin


async def test_silence_pages_the_acknowledger_then_tier_1_then_the_plan() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.advance(minutes=5)
        await harness.acknowledge("alice")
        await harness.advance(minutes=48)
        # Tier 3 goes on until resolved (due at 30); silent since 5, so 35; tier 1 at 40, tier 2 ten minutes later.
        assert harness.pages() == [(0, "one"), (30, "three"), (35, "alice"), (40, "one"), (50, "two")]
        assert await emergency.wrong(harness) == []


async def test_another_acknowledgment_stops_it_and_no_one_is_paged_a_second_time_for_the_same_step() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.acknowledge("alice")
        await harness.advance(minutes=31)
        await harness.acknowledge("alice")
        await harness.advance(minutes=29)
        assert harness.pages() == [(0, "one"), (30, "alice"), (30, "three")]


async def test_whatever_a_person_does_breaks_the_silence() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.acknowledge("alice")
        await harness.advance(minutes=20)
        await harness.flag("customer")
        await harness.advance(minutes=29)
        assert harness.pages() == [(0, "one"), (30, "three")]
        await harness.advance(minutes=1)
        assert harness.pages()[-1] == (50, "alice")


async def test_where_the_playbook_sets_no_timeout_an_acknowledgment_stands() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.acknowledge("alice")
        await harness.advance(hours=48)
        assert harness.pages() == [(0, "one"), (50, "three")]
