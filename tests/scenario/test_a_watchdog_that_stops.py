"""A Watchdog that stops opens an incident of its own: silence means nothing any more."""

from collections.abc import AsyncIterator

import pytest

from scenario.emergency import tocsin
from tocsin.core.alert import AlertStatus
from tocsin.core.incident import State
from tocsin.core.outbox import Job
from tocsin.testing.harness import Harness

WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


@pytest.fixture
async def daemon() -> AsyncIterator[Harness]:
    async with tocsin() as running:
        yield running


async def beat(daemon: Harness, source: str = "eu") -> None:
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG, source=source))


async def look(daemon: Harness, minutes: float = 0) -> list[str]:
    """Let time pass and the housekeeper look; the titles of the pages so far."""
    await daemon.advance(minutes=minutes)
    await daemon.housekeeper.run_once()
    await daemon.settle()
    return [page.title for page in daemon.sent(Job.PAGE)]


async def test_three_beats_that_do_not_come_page_tocsins_own_people_once(daemon: Harness):
    for _ in range(3):
        await beat(daemon)
        assert await look(daemon, minutes=1) == []
    assert await look(daemon, minutes=2) == []
    (title,) = await look(daemon, minutes=0.1)
    assert "the Watchdog has stopped" in title
    assert "(eu)" in title
    assert len(await look(daemon, minutes=2)) == 1


async def test_when_it_comes_again_the_incident_recovers(daemon: Harness):
    await beat(daemon)
    await look(daemon, minutes=1)
    await beat(daemon)
    await look(daemon, minutes=4)
    assert (await daemon.incident()).state is State.TRIGGERED
    await beat(daemon)
    await look(daemon)
    await look(daemon, minutes=2)
    assert (await daemon.incident()).state is State.RESOLVED


async def test_one_that_is_reported_resolved_is_told_at_once(daemon: Harness):
    await beat(daemon)
    await daemon.take(daemon.alert(AlertStatus.RESOLVED, WATCHDOG, source="eu"))
    assert len(await look(daemon)) == 1


async def test_a_source_that_never_had_one_or_whose_has_been_gone_for_a_week_is_not_waited_for(daemon: Harness):
    await beat(daemon)
    await daemon.take(daemon.alert(AlertStatus.FIRING, {"alertname": "Info", "quiet": "yes"}, source="us"))
    await daemon.advance(minutes=1)
    await beat(daemon)
    assert await look(daemon, minutes=8 * 24 * 60) == []


async def test_after_a_start_it_has_as_long_as_ever_to_come(daemon: Harness):
    await beat(daemon)
    await daemon.advance(minutes=1)
    await beat(daemon)
    await daemon.advance(hours=5)
    async with tocsin(store=daemon.store, clock=daemon.clock, first_id=50) as restarted:
        assert await look(restarted, minutes=3) == []
        assert len(await look(restarted, minutes=0.1)) == 1
