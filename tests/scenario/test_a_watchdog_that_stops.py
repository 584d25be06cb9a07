"""A missing Watchdog opens an incident of its own, because the source's silence can no longer be trusted."""

import re
from collections.abc import AsyncIterator

import pytest

from scenario.emergency import tocsin
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.engine.workers.housekeeper import MOST_SOURCES
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


async def test_three_missing_beats_page_the_operators_once(daemon: Harness):
    for _ in range(3):
        await beat(daemon)
        assert await look(daemon, minutes=1) == []
    assert await look(daemon, minutes=2) == []
    (title,) = await look(daemon, minutes=0.1)
    assert re.fullmatch(r"No heartbeat from eu since \d\d:\d\d UTC \(expected every minute\)", title)
    assert len(await look(daemon, minutes=2)) == 1


async def test_a_returning_watchdog_starts_the_recovery(daemon: Harness):
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


async def test_however_many_sources_there_are_the_metrics_show_those_that_were_heard_of_last(daemon: Harness):
    sources = [f"s{number:04d}" for number in range(MOST_SOURCES + 1)]
    await daemon.take(*(daemon.alert(AlertStatus.FIRING, WATCHDOG, source=source) for source in sources[:2]))
    await daemon.advance(minutes=1)
    await daemon.take(*(daemon.alert(AlertStatus.FIRING, WATCHDOG, source=source) for source in sources[1:]))
    await look(daemon)
    ages = {dict(labels)["source"] for (name, labels) in daemon.observer.gauges if name == "heartbeat_age_seconds"}
    assert ages == set(sources[1:])
