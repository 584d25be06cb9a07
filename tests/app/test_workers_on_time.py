"""The daemon's workers on the shipped configuration: none counts as stuck, and none misses a change."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.rig import Rig, shipped
from tocsin.app.build import WORKERS
from tocsin.app.lifecycle import _on_clock_jump, _stop, edge_of
from tocsin.app.notify import Notifier
from tocsin.app.pulse import Pulse
from tocsin.app.reload import Reloader
from tocsin.conf.bundle import Bundle
from tocsin.core.incident.event import Actor
from tocsin.core.playbook.reminder import Reminder
from tocsin.engine.responses.overrides import OverrideRequest
from tocsin.testing.loop import LoopClock, VirtualLoop, let_pass
from tocsin.web.application import Server, build_app

WATCHDOG = 30.0
"""Seconds, as systemd/tocsin.service says."""
QUIET = frozenset({"auditor"})
"""A judge of time alone."""


def on_virtual_time(run: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await run()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


@asynccontextmanager
async def running(bundle: Bundle | None = None) -> AsyncIterator[Rig]:
    """A daemon whose workers run."""
    rig = Rig(LoopClock(), bundle)
    await rig.store.open()
    for worker in rig.daemon.services:
        worker.start()
    yield rig
    await asyncio.gather(*(worker.stop() for worker in rig.daemon.services))
    await rig.daemon.alarm.close()
    await rig.daemon.ingest.close()
    await rig.store.close()


def now() -> float:
    return asyncio.get_running_loop().time()


# Health.


def test_untouched_for_an_hour_the_shipped_configuration_stays_healthy(tmp_path: Path) -> None:
    async def run() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(tmp_path / "notify"))
            systemd.setblocking(False)
            environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": str(round(WATCHDOG * 1_000_000))}
            async with running() as rig:
                pulse = Pulse(rig.daemon, Notifier(environ), now)
                pulse.start()
                fed_at = now()
                while now() < 3600:
                    await let_pass(1)
                    health = pulse.health()
                    assert (health.healthy, health.ready, health.why) == (True, True, "")
                    fed_at = now() if _was_fed(systemd) else fed_at
                    assert now() - fed_at < WATCHDOG
                for worker in rig.daemon.services:
                    age = rig.figure("worker_cycle_age_seconds", worker=worker.name)
                    assert age is not None
                    assert age <= worker.longest_pause + 1
                    assert rig.figure("worker_cycle_allowance_seconds", worker=worker.name) == worker.allowance
                assert rig.console.sent == []
                await pulse.stop()

    on_virtual_time(run)


def _was_fed(systemd: socket.socket) -> bool:
    try:
        return systemd.recv(100) == b"WATCHDOG=1"
    except BlockingIOError:
        return False


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_that_hangs_is_noticed_once_its_own_allowance_is_over(name: str) -> None:
    async def run() -> None:
        async with running() as rig:
            pulse = Pulse(rig.daemon, Notifier({}), now)
            [worker] = [one for one in rig.daemon.services if one.name == name]
            await let_pass(100)
            assert worker.task is not None
            worker.task.cancel()  # whatever it waits for, it finishes nothing more
            await let_pass(worker.allowance - worker.longest_pause - 1)
            assert pulse.health().healthy
            await let_pass(worker.longest_pause + 2)
            assert f"{name} has not finished a cycle for" in pulse.health().why

    on_virtual_time(run)


def test_no_worker_may_hang_for_five_minutes_unnoticed() -> None:
    async def run() -> None:
        async with running() as rig:
            assert max(worker.allowance for worker in rig.daemon.services) < 300

    on_virtual_time(run)


# The stop.


def test_every_worker_has_ended_before_the_store_is_closed() -> None:
    async def run() -> None:
        rig = Rig(LoopClock())
        await rig.store.open()
        for worker in rig.daemon.services:
            worker.start()
        await let_pass(1)
        rig.store.gate = asyncio.Event()
        rig.daemon.wake.everyone()
        await let_pass(1)
        asyncio.get_running_loop().call_later(2, rig.store.gate.set)
        pulse = Pulse(rig.daemon, Notifier({}), now)
        reloader = Reloader(rig.daemon, shipped, lambda _: None)
        server = Server(build_app(edge_of(rig.daemon, reloader, pulse, {})), grace=1)
        await _stop(rig.daemon, server, reloader, pulse)
        assert [worker.name for worker in rig.daemon.services if worker.task and not worker.task.done()] == []

    on_virtual_time(run)


# What wakes the workers.


def _reload(rig: Rig, bundle: Bundle) -> Awaitable[object]:
    return Reloader(rig.daemon, lambda: bundle, lambda _: None).reload()


async def _reloaded(rig: Rig) -> None:
    await _reload(rig, shipped())


async def _overridden(rig: Rig) -> None:
    wish = OverrideRequest(rotation="on-call-engineer", person="alex", duration=3_600_000_000, comment="")
    await rig.daemon.oncall_schedule.create(wish, Actor("alex", "api"))


async def _clock_jumped(rig: Rig) -> None:
    _on_clock_jump(rig.daemon.metrics, rig.daemon.wake)(60_000_000)


@pytest.mark.parametrize("change", [_reloaded, _overridden, _clock_jumped])
def test_every_worker_looks_at_once_when_what_it_depends_on_has_changed(
    change: Callable[[Rig], Awaitable[None]],
) -> None:
    async def run() -> None:
        async with running() as rig:
            await let_pass(100.3)
            await change(rig)
            changed_at = now()
            await let_pass(0.01)
            asleep = {worker.name for worker in rig.daemon.services if (worker.cycled_at or 0.0) < changed_at}
            assert asleep == QUIET

    on_virtual_time(run)


def _with_reminder(bundle: Bundle, at: datetime) -> Bundle:
    """The configuration with one playbook's reminder moved to a moment."""
    reminder = Reminder(name="Review", rrule="FREQ=YEARLY", starts=f"{at:%Y-%m-%dT%H:%M:%S}", to=("console",))
    plan = replace(bundle.playbooks["mgmt-vibe"], reminders=(reminder,))
    return dataclasses.replace(bundle, playbooks={**bundle.playbooks, "mgmt-vibe": plan})


@pytest.mark.parametrize("ahead", [1, 40, 59, 61, 1800])
def test_a_reminder_moved_by_a_reload_is_sent_at_its_new_time(ahead: int) -> None:
    async def run() -> None:
        async with running(_with_reminder(shipped(), datetime(2027, 1, 1, tzinfo=UTC))) as rig:
            await let_pass(1000)
            began = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=1000)
            await _reload(rig, _with_reminder(shipped(), began + timedelta(seconds=ahead)))
            rig.use_console()
            await let_pass(ahead + 0.5)
            assert [content.title for content in rig.console.sent] == ["Review"]

    on_virtual_time(run)
