"""A downtime or a clock jump skips and repeats nothing, and late pages say how late they are."""

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness


async def asleep(tocsin: Harness, *, minutes: float) -> None:
    """The clock goes on and nothing happens meanwhile; then tocsin is back."""
    tocsin.clock.advance(minutes=minutes)
    await tocsin.settle()


async def test_the_first_overdue_step_fires_at_once_and_the_rest_keep_their_distance(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await asleep(tocsin, minutes=90)
    assert tocsin.pages() == [(0, ON_CALL), (90, MANAGER)]
    assert tocsin.sent(Job.PAGE)[1].late == 60 * MINUTE
    await tocsin.advance(minutes=29)
    assert len(tocsin.pages()) == 2
    await tocsin.advance(minutes=1)
    assert tocsin.pages()[2:] == [(120, ON_CALL), (120, VP), (120, CTO)]
    await tocsin.advance(minutes=60)
    assert tocsin.pages()[5:] == [(180, VP), (180, CTO), (180, ON_CALL)]


async def test_at_the_top_severity_overdue_steps_come_a_minute_apart_until_caught_up(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await asleep(tocsin, minutes=60)
    assert tocsin.pages() == [(0, ON_CALL), (60, ON_CALL)]
    assert tocsin.sent(Job.PAGE)[1].late == 45 * MINUTE
    await tocsin.advance(minutes=1)
    assert tocsin.pages()[2:] == [(61, MANAGER), (61, VP), (61, CTO)]
    await tocsin.advance(minutes=15)
    assert tocsin.pages()[5:] == [(76, VP), (76, CTO), (76, ON_CALL)]


async def test_a_short_outage_at_the_top_severity_catches_up_with_the_plan(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await asleep(tocsin, minutes=20)
    await tocsin.advance(minutes=10)
    assert tocsin.pages() == [(0, ON_CALL), (20, ON_CALL), (30, MANAGER), (30, VP), (30, CTO)]


async def test_the_lateness_is_measured(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await asleep(tocsin, minutes=20)
    assert tocsin.observer.observed("escalation_lateness_seconds") == [300]


async def test_an_overdue_fallback_fires_once_and_says_how_late_it_is(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=30)
    await asleep(tocsin, minutes=60)
    assert tocsin.pages()[5:] == [(90, VP), (90, CTO), (90, ON_CALL)]
    assert tocsin.sent(Job.PAGE)[-1].late == 45 * MINUTE
    await tocsin.advance(minutes=14)
    assert len(tocsin.pages()) == 8
    await tocsin.advance(minutes=1)
    assert len(tocsin.pages()) == 11


async def test_an_overdue_hold_down_resolves_and_no_step_comes_first(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=10)
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await asleep(tocsin, minutes=60)
    assert (await tocsin.incident()).state == "resolved"
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_a_clock_that_jumps_back_repeats_nothing(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=16)
    tocsin.clock.advance(minutes=-10)
    await tocsin.settle()
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]
    await tocsin.advance(minutes=23)
    assert len(tocsin.pages()) == 2
    await tocsin.advance(minutes=1)
    assert tocsin.pages()[2:] == [(30, MANAGER), (30, VP), (30, CTO)]


async def test_a_daemon_that_starts_over_goes_on_where_the_last_one_stood(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    async with emergency.tocsin(store=store, clock=clock) as first:
        await first.fire(alertname="Down", severity="SEV-1")
        await first.advance(minutes=15)
        assert first.pages() == [(0, ON_CALL), (15, ON_CALL)]
    clock.advance(minutes=5)
    async with emergency.tocsin(store=store, clock=clock) as second:
        await second.settle()
        assert second.pages() == []
        await second.advance(minutes=10)
        assert second.pages() == [(30, MANAGER), (30, VP), (30, CTO)]
        assert await emergency.wrong(second) == []


async def test_the_lateness_goes_along_when_the_severity_falls(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2", instance="a")
    await tocsin.fire(alertname="Down", severity="SEV-3", instance="b")
    await asleep(tocsin, minutes=60)
    await tocsin.resolve(alertname="Down", severity="SEV-2", instance="a")
    await tocsin.advance(hours=10)
    # The manager came 30 minutes late, so the reminder of SEV-3 comes 30 minutes after its four hours.
    assert tocsin.pages(Job.UPDATE) == [(270, ON_CALL)]
