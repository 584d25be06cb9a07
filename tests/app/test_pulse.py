"""Health checks of the daemon and its store, and who is notified when they fail."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.rig import Rig
from tocsin.app.notify import Notifier
from tocsin.app.pulse import FAILURES_TOLERATED, PROBE_FRESH, Pulse
from tocsin.core.errors import StoreUnavailable

GONE = "/var/lib/tocsin/tocsin.db is gone"


@pytest.fixture
def pulse(rig: Rig) -> Pulse:
    return Pulse(rig.daemon, Notifier({}), rig.monotonic)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        yield bound


@pytest.fixture
def watched(rig: Rig, systemd: socket.socket) -> Pulse:
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "20000000"}
    return Pulse(rig.daemon, Notifier(environ), rig.monotonic)


async def probe(pulse: Pulse, times: int) -> None:
    for _ in range(times):
        await pulse.probe()


def was_fed(systemd: socket.socket) -> bool:
    try:
        return systemd.recv(100) == b"WATCHDOG=1"
    except BlockingIOError:
        return False


# The store.


async def test_a_store_that_was_not_tried_yet_is_not_ready(rig: Rig, pulse: Pulse) -> None:
    assert not pulse.health().ready
    await pulse.probe()
    assert pulse.health().ready
    assert rig.figure("store_writable") == 1


async def test_operators_are_notified_that_the_store_is_gone_without_any_webhook(rig: Rig, pulse: Pulse) -> None:
    await pulse.probe()
    rig.store.failure = StoreUnavailable(GONE)
    await probe(pulse, FAILURES_TOLERATED + 1)
    await rig.daemon.alarm.close()

    assert [content.steps for content in rig.console.sent] == [f"The error: {GONE}"]
    assert rig.figure("store_writable") == 0
    health = pulse.health()
    assert (health.healthy, health.ready) == (True, False)
    assert health.detail["store"] == GONE


async def test_a_short_failure_of_the_store_notifies_no_one(rig: Rig, pulse: Pulse) -> None:
    for _ in range(5):
        rig.store.failure = StoreUnavailable("busy")
        await probe(pulse, FAILURES_TOLERATED)
        rig.store.failure = None
        await pulse.probe()
    await rig.daemon.alarm.close()

    assert rig.console.sent == []
    assert pulse.health().ready


async def test_a_store_without_its_reserve_is_not_ready_although_one_row_still_fits(rig: Rig, pulse: Pulse) -> None:
    await pulse.probe()
    rig.store.room = False
    await probe(pulse, FAILURES_TOLERATED + 1)
    await rig.daemon.alarm.close()

    assert not pulse.health().ready
    assert rig.figure("store_writable") == 0
    [content] = rig.console.sent
    assert "the disk is full" in content.steps

    rig.store.room = True
    await pulse.probe()
    assert pulse.health().ready
    assert rig.figure("store_writable") == 1


async def test_a_store_that_hangs_is_not_ready(rig: Rig, pulse: Pulse) -> None:
    await pulse.probe()
    rig.store.gate = asyncio.Event()
    hanging = asyncio.create_task(pulse.probe())
    rig.time += PROBE_FRESH - 1
    assert pulse.health().ready
    rig.time += 1
    assert not pulse.health().ready
    rig.store.gate.set()
    await hanging
    assert pulse.health().ready


async def test_a_daemon_that_stops_is_not_ready_and_says_so(rig: Rig, pulse: Pulse) -> None:
    await pulse.probe()
    rig.daemon.stopping = True
    assert (pulse.health().ready, pulse.health().why) == (False, "the daemon is stopping")


async def test_what_everybody_may_read_names_no_file(rig: Rig, pulse: Pulse) -> None:
    rig.store.failure = StoreUnavailable(GONE)
    await pulse.probe()
    assert pulse.health().why == "the store does not accept writes"


# The workers.


async def test_a_jump_of_the_wall_clock_makes_no_worker_unhealthy(
    rig: Rig, watched: Pulse, systemd: socket.socket
) -> None:
    rig.cycle()
    rig.time += 5
    await watched.probe()
    rig.clock.advance(days=3)
    rig.time += 5
    watched.look()

    health = watched.health()
    assert (health.healthy, health.ready) == (True, True)
    assert was_fed(systemd)
    assert rig.figure("worker_cycle_age_seconds", worker="timers") == 10


async def test_a_worker_that_hangs_starves_the_watchdog_first_and_is_unhealthy_then(
    rig: Rig, watched: Pulse, systemd: socket.socket
) -> None:
    rig.cycle()
    rig.time += rig.daemon.timers.watchdog_allowance
    for worker in rig.daemon.services[1:]:
        worker.cycled_at = rig.time
    watched.look()
    assert not was_fed(systemd)
    assert watched.health().healthy

    rig.time = 1000.0 + rig.daemon.timers.allowance
    assert watched.health().healthy
    rig.time += 1
    assert not watched.health().healthy
    assert "timers has not finished a cycle for 2 min 2 s" in watched.health().why


async def test_a_worker_that_never_finished_a_cycle_is_as_old_as_the_daemon(rig: Rig, pulse: Pulse) -> None:
    rig.time += rig.daemon.timers.allowance
    assert pulse.health().healthy
    rig.time += 1
    assert not pulse.health().healthy
