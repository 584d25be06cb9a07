"""Steps fired by moments, steps that require a flag, and flags that page the next tier."""

from scenario.riches import fire, tocsin
from tocsin.core.incident.outbox import Job


async def test_an_acknowledgment_fires_the_steps_that_wait_for_it() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.advance(minutes=3)
        assert harness.pages(Job.UPDATE) == []
        await harness.acknowledge("alice")
        assert harness.pages(Job.UPDATE) == [(3, "lead")]


async def test_a_step_whose_flag_is_not_set_passes_and_fires_when_it_is_set_later() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.advance(minutes=12)
        assert harness.pages() == [(0, "one"), (10, "two")]
        await harness.flag("customer")
        assert harness.pages()[2:] == [(12, "product")]


async def test_a_step_whose_flag_is_set_in_time_fires_with_its_tier() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.flag("customer")
        await harness.advance(minutes=10)
        assert harness.pages() == [(0, "one"), (10, "two"), (10, "product")]


async def test_after_an_acknowledgment_a_flag_pages_no_one_whose_step_it_stopped() -> None:
    async with tocsin() as harness:
        await fire(harness, "high")
        await harness.advance(minutes=12)
        await harness.acknowledge("alice")
        await harness.flag("customer")
        assert harness.pages() == [(0, "one"), (10, "two")]


async def test_a_flag_pages_the_next_tier_at_once_whatever_is_acknowledged_and_once() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.advance(minutes=5)
        await harness.acknowledge("alice")
        await harness.flag("blocked")
        await harness.flag(remove=("blocked",))
        await harness.flag("blocked")
        assert harness.pages() == [(0, "one"), (5, "two")]


async def test_at_the_last_tier_it_pages_the_fallback() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        for _ in range(3):
            await harness.escalate()
        await harness.acknowledge("alice")
        await harness.flag("blocked")
        assert [who for _, who in harness.pages()] == ["one", "two", "three", "four", "four", "one"]
