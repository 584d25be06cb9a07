"""A mass resolve after Prometheus dies is treated as an outage, not as a recovery."""

from collections.abc import AsyncIterator, Sequence

import pytest

from scenario.emergency import MANAGER, ON_CALL, VP, kinds, tocsin, wrong
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.engine.explain.incident import because
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

WATCHDOG = {"alertname": "Watchdog", "severity": "none"}
SHOP = [{"alertname": "Down", "severity": "SEV-1", "team": "shop", "instance": str(n)} for n in range(6)]
BANK = [{"alertname": "Slow", "severity": "SEV-2", "team": "bank", "instance": str(n)} for n in range(4)]


@pytest.fixture
async def daemon() -> AsyncIterator[Harness]:
    async with tocsin() as running:
        yield running
        assert await wrong(running) == []


def each(daemon: Harness, status: AlertStatus, labels: Sequence[dict[str, str]]) -> list[Alert]:
    return [daemon.alert(status, one) for one in labels]


async def beat(daemon: Harness, times: int) -> None:
    """The Watchdog comes each minute."""
    for _ in range(times):
        await daemon.advance(minutes=1)
        await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))


async def ten_fire(daemon: Harness) -> None:
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
    await daemon.take(*each(daemon, AlertStatus.FIRING, SHOP))
    await daemon.take(*each(daemon, AlertStatus.FIRING, BANK))
    await beat(daemon, 3)


async def all_end(daemon: Harness) -> None:
    await daemon.take(*each(daemon, AlertStatus.RESOLVED, SHOP))
    await daemon.advance(seconds=30)
    await daemon.take(*each(daemon, AlertStatus.RESOLVED, BANK))


async def states(daemon: Harness) -> list[tuple[State, bool]]:
    """Return the state of each of the two incidents, and whether it is in its hold-down."""
    found = [await daemon.incident(ref) for ref in ("1", "2")]
    return [(one.state, one.resolve_at is not None) for one in found]


OPEN, OVER, RECOVERING = (State.TRIGGERED, False), (State.RESOLVED, False), (State.TRIGGERED, True)


async def test_ten_end_together_without_a_watchdog_and_stay_open_and_operators_are_notified(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await daemon.advance(minutes=2)
    assert await states(daemon) == [OPEN, OPEN]
    assert (await kinds(daemon))[-1] == "doubted"
    told_why = because(await daemon.incident(), (), daemon.clock.now())
    assert "is next" in told_why
    assert told_why.endswith("is not believed while the Watchdog of default is missing")
    assert daemon.observer.counted("recoveries_doubted_total") == 2
    (told,) = [page for page in daemon.sent(Job.PAGE) if page.playbook == "tocsin"]
    assert "ended together without a heartbeat" in told.title
    await daemon.advance(hours=3)
    assert await states(daemon) == [OPEN, OPEN], "for as long as it takes"
    assert len([page for page in daemon.sent(Job.PAGE) if page.key == told.key]) == 1


async def test_what_is_not_believed_to_be_over_goes_on_up_its_ladder(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await daemon.advance(minutes=27)
    pages = [(round(at), who) for at, who in daemon.pages() if who in (ON_CALL, MANAGER, VP)]
    assert (30, MANAGER) in pages, "nobody has acknowledged it, and nobody knows that it is over"
    assert daemon.sent(Job.RESOLVE) == []


async def test_when_the_watchdog_returns_what_is_still_absent_resolves_after_another_hold_down(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await daemon.advance(minutes=20)
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
    await daemon.advance(seconds=30)
    assert await states(daemon) == [RECOVERING, RECOVERING]
    await beat(daemon, 2)
    assert await states(daemon) == [OVER, OVER]


async def test_when_prometheus_returns_what_fires_goes_on_as_if_nothing_had_been_said(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await daemon.advance(minutes=9, seconds=30)
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
    await daemon.take(*each(daemon, AlertStatus.FIRING, SHOP[:1]))
    await beat(daemon, 4)
    shop, bank = await daemon.incident("1"), await daemon.incident("2")
    assert (shop.state, shop.occurrence, shop.flaps, shop.alerts_firing) == (State.TRIGGERED, 1, 0, 1)
    assert "fires_on" in await kinds(daemon)
    assert bank.state is State.RESOLVED
    await daemon.advance(minutes=13)
    assert (30, MANAGER) in [(round(at), who) for at, who in daemon.pages()], "its clock was never reset"


async def test_a_watchdog_that_is_reported_resolved_with_them_is_missing_at_once(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await daemon.take(daemon.alert(AlertStatus.RESOLVED, WATCHDOG))
    await daemon.advance(minutes=2)
    assert await states(daemon) == [OPEN, OPEN]


async def test_a_recovery_with_a_living_watchdog_is_believed(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await beat(daemon, 3)
    assert await states(daemon) == [OVER, OVER]


async def test_without_a_watchdog_from_the_beginning_every_recovery_is_believed(daemon: Harness):
    await daemon.take(*each(daemon, AlertStatus.FIRING, [*SHOP, *BANK]))
    await all_end(daemon)
    await daemon.advance(minutes=3)
    assert await states(daemon) == [OVER, OVER]


async def test_nine_that_end_together_are_believed(daemon: Harness):
    await ten_fire(daemon)
    await daemon.take(*each(daemon, AlertStatus.RESOLVED, [*SHOP, *BANK[1:]]))
    await daemon.advance(minutes=3)
    assert await states(daemon) == [OVER, OPEN]


async def test_less_than_half_of_the_source_is_believed_and_other_sources_do_not_count(daemon: Harness):
    many = [{"alertname": "Full", "severity": "SEV-2", "team": "disk", "instance": str(n)} for n in range(11)]
    await ten_fire(daemon)
    await daemon.take(*each(daemon, AlertStatus.FIRING, many))
    for labels in many:
        await daemon.fire(source="elsewhere", **labels)
    await all_end(daemon)
    await daemon.advance(minutes=3)
    assert await states(daemon) == [OVER, OVER]


async def test_a_person_may_close_what_tocsin_does_not_believe_to_be_over(daemon: Harness):
    await ten_fire(daemon)
    await all_end(daemon)
    await daemon.advance(minutes=10)
    await daemon.close()
    assert (await states(daemon))[0] == OVER
    await daemon.advance(hours=2)
    assert (await states(daemon))[0] == OVER


async def test_a_restart_changes_nothing():
    clock = VirtualClock()
    store = MemoryStore(clock)
    async with tocsin(store=store, clock=clock) as before:
        await ten_fire(before)
        await all_end(before)
        await before.advance(minutes=5)
    async with tocsin(store=store, clock=clock, first_id=100) as after:
        await after.advance(hours=1)
        assert await states(after) == [OPEN, OPEN]
        await after.take(after.alert(AlertStatus.FIRING, WATCHDOG))
        await after.advance(seconds=30)
        await beat(after, 2)
        assert await states(after) == [OVER, OVER]
