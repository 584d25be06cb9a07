"""A playbook can have each rise in severity page the next tier at once, as MgmtVibe does."""

from msgspec import structs

from scenario import emergency, maintenance
from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness


def tocsin() -> Harness:
    return emergency.tocsin(playbook=structs.replace(emergency.shipped(), next_tier_on_rise=True))


async def fire(harness: Harness, severity: str, instance: str = "a") -> None:
    await harness.fire(alertname="Down", severity=severity, service="shop", instance=instance)


async def test_not_acknowledged_the_reached_tiers_again_and_the_next_one_at_once() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        await harness.advance(minutes=10)
        await fire(harness, "SEV-1", "b")
        assert harness.pages() == [(0, ON_CALL), (10, ON_CALL), (10, MANAGER)]
        assert harness.sent(Job.PAGE)[2].because == "raised from SEV-2 to SEV-1: 1 alert fires at SEV-1"
        await harness.advance(minutes=29)
        assert harness.pages()[3:] == [(25, ON_CALL)]  # the manager's own step has been carried out
        await harness.advance(minutes=1)
        assert harness.pages()[4:] == [(40, VP), (40, CTO)]
        assert await emergency.wrong(harness) == []


async def test_acknowledged_the_acknowledger_tier_1_and_the_next_tier_at_once() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        await harness.acknowledge("alice")
        await harness.advance(minutes=10)
        await fire(harness, "SEV-1", "b")
        assert harness.pages() == [(0, ON_CALL), (10, "alice"), (10, ON_CALL), (10, MANAGER)]
        assert await emergency.wrong(harness) == []


async def test_the_next_tier_is_the_one_above_all_that_were_reached_before() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        await harness.advance(minutes=35)
        await harness.acknowledge("bob")
        await fire(harness, "SEV-1", "b")
        assert harness.pages()[2:] == [(35, "bob"), (35, ON_CALL), (35, VP), (35, CTO)]
        assert await emergency.wrong(harness) == []


async def test_raised_by_a_person_it_does_the_same() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        await harness.set_severity("SEV-1")
        assert harness.pages() == [(0, ON_CALL), (0, ON_CALL), (0, MANAGER)]


async def test_a_fall_and_a_return_to_what_was_acknowledged_page_no_one() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-1")
        await harness.acknowledge("alice")
        await harness.set_severity("SEV-3")
        await harness.set_severity("SEV-1")
        assert harness.pages() == [(0, ON_CALL)]


async def test_when_every_tier_has_been_reached_no_further_one_is_paged() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        for _ in range(3):
            await harness.escalate()
        before = len(harness.pages())
        await fire(harness, "SEV-1", "b")
        assert len(harness.pages()) - before == len([ON_CALL, MANAGER, VP, CTO, *emergency.shipped().tier(4).targets])


async def test_in_a_maintenance_window_it_waits_for_its_end() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        window = await maintenance.make(harness, 60)
        await harness.advance(minutes=5)
        await fire(harness, "SEV-1", "b")
        assert harness.pages() == [(0, ON_CALL)]
        await harness.advance(minutes=5)
        await maintenance.end(harness, window)
        assert harness.pages()[1:] == [(10, ON_CALL), (10, MANAGER)]
        assert await emergency.wrong(harness) == []


async def test_acknowledged_before_the_window_ends_it_pages_no_further_tier() -> None:
    async with tocsin() as harness:
        await fire(harness, "SEV-2")
        window = await maintenance.make(harness, 60)
        await fire(harness, "SEV-1", "b")
        await harness.acknowledge("alice")
        await harness.advance(minutes=5)
        await maintenance.end(harness, window)
        assert harness.pages() == [(0, ON_CALL)]
