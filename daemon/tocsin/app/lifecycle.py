"""Running the daemon: start, signals, the watchdog, and a stop in named, timed stages."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from tocsin.app import fatal
from tocsin.app.build import Daemon, build, operator, secrets_of, ways_out
from tocsin.app.descriptors import AcceptErrors, connection_limits, raise_file_limit
from tocsin.app.kinds import KINDS
from tocsin.app.notify import Notifier
from tocsin.app.opening import open_store
from tocsin.app.pulse import Pulse
from tocsin.app.reload import Reloader, mark_reloaded
from tocsin.app.signals import Signals
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.source import ConfigError
from tocsin.core.errors import TocsinError
from tocsin.engine.shadow import ShadowRules
from tocsin.engine.wake import LocalWake
from tocsin.ports.wake import Wake
from tocsin.store.clock import SystemClock
from tocsin.store.open import open_store as store_of
from tocsin.telemetry import logs
from tocsin.telemetry.metrics import Metrics
from tocsin.web.keys import Edge
from tocsin.web.server import Server, bind, build_app, expect_loopback, inherited

SECOND = 1_000_000

YOUNG = 50_000
"""Objects made before the collector looks at the young ones."""
TURN = 0.001
"""Seconds after which a thread that computes lets another one go on: the thread that commits must not wait long
for the one that reads the next webhooks."""

_log = structlog.get_logger("tocsin.app.lifecycle")


@dataclass(frozen=True)
class _Files:
    """Where everything is read from, at the start and at each reload."""

    config_dir: Path
    rules_dir: Path
    environ: Mapping[str, str]
    shadow_dir: Path | None

    def read(self) -> Bundle:
        """The configuration, or `ConfigError`."""
        return load(self.config_dir, self.rules_dir, KINDS, self.environ)

    def read_shadow(self) -> ShadowRules | None:
        """The shadow rules, or `ConfigError`; None where none are wanted."""
        if self.shadow_dir is None:
            return None
        bundle = load(self.config_dir, self.shadow_dir, KINDS, self.environ)
        return ShadowRules(str(self.shadow_dir), bundle.rules)


def run(
    config_dir: Path,
    rules_dir: Path,
    environ: Mapping[str, str],
    shadow_dir: Path | None = None,
    serving: Callable[[list[str]], None] = lambda _: None,
) -> int:
    """Serve until SIGTERM or SIGINT.

    ``shadow_dir`` has rules that judge beside the live ones and page nobody.
    ``serving`` is called with the addresses once requests are taken there.

    Returns the exit code: 0 stopped as asked, 1 could not start or broke. A fatal error ends the process at once
    (`app/fatal`).
    """
    files = _Files(config_dir, rules_dir, environ, shadow_dir)
    try:
        bundle = files.read()
        shadow = files.read_shadow()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log before there is a configuration
        return 1
    _configure_logs(bundle)
    files_allowed = raise_file_limit()
    for warning in bundle.warnings:
        _log.warning("configuration", warning=str(warning))
    # Files that this process creates (the database, its log, its lock, its children's files) are for its own user only.
    os.umask(0o077)
    try:
        return fatal.run(_serve_until_stopped(bundle, shadow, files, files_allowed, serving))
    except TocsinError as error:
        _log.error("cannot_start", error=str(error))
        return 1
    finally:
        _drop_unwritable_output()


def _drop_unwritable_output() -> None:
    """Discard output that cannot be written: the interpreter would end with 120, as if the daemon had failed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


def _configure_logs(bundle: Bundle) -> None:
    logs.configure(bundle.settings.log.level, bundle.settings.log.format, secrets=secrets_of(bundle))


async def _serve_until_stopped(
    bundle: Bundle,
    shadow: ShadowRules | None,
    files: _Files,
    files_allowed: int,
    told_serving: Callable[[list[str]], None],
) -> int:
    """Serve; a signal while the daemon still starts breaks that off, and is as good an end as any."""
    signals = Signals()
    loop = asyncio.get_running_loop()
    daemon = _serve(bundle, shadow, files, files_allowed, signals, told_serving)
    serving = loop.create_task(daemon, name="serve")
    stopping = loop.create_task(signals.asked_to_stop(), name="signals")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done() and not signals.has_started:
            _log.info("stopping", because=stopping.result())
            serving.cancel()
            await asyncio.wait([serving])
            if not serving.cancelled() and (error := serving.exception()) is not None:
                _log.warning("start_broke_off", error=repr(error))
            return 0
        return await serving
    finally:
        stopping.cancel()
        signals.release()


async def _serve(
    bundle: Bundle,
    shadow: ShadowRules | None,
    files: _Files,
    files_allowed: int,
    signals: Signals,
    told_serving: Callable[[list[str]], None],
) -> int:
    environ = files.environ
    notifier = Notifier(environ)
    metrics = Metrics()
    asyncio.get_running_loop().set_exception_handler(AcceptErrors(metrics))
    wake = LocalWake()
    clock = SystemClock(on_jump=_after_a_jump(metrics, wake))
    store = store_of(bundle.settings.store.url, clock)
    sockets = inherited(environ) or bind(bundle.settings.listen)
    if not bundle.tokens:
        expect_loopback(sockets)
    notifier.status("opening the store")
    await open_store(store, notifier)
    daemon = build(bundle, store, clock, metrics, shadow=shadow, wake=wake)
    mark_reloaded(daemon)

    def read_for_reload() -> Bundle:
        """Read the files; even --force opens no daemon without a token to other machines."""
        new = files.read()
        if not new.tokens:
            expect_loopback(sockets)
        return new

    reloader = Reloader(daemon, read_for_reload, _configure_logs, load_shadow=files.read_shadow)
    pulse = Pulse(daemon, notifier)
    server = Server(
        build_app(_edge(daemon, reloader, pulse, environ)),
        grace=bundle.settings.shutdown_grace / SECOND,
        limits=lambda: connection_limits(daemon.bundle.settings, files_allowed),
    )
    try:
        for way in ways_out(daemon):
            await way.start()
        if daemon.commit_process is not None:
            daemon.commit_process.start()
        await server.start(sockets)
        for service in daemon.services:
            service.start()
        pulse.start()
        _tune()
        workers = [service.task for service in daemon.services if service.task is not None]

        def ready() -> None:
            _log.info("serving", addresses=server.addresses, store=bundle.settings.store.url, pid=os.getpid())
            told_serving(server.addresses)
            notifier.ready(f"serving on {', '.join(server.addresses)}")

        return await _until_told([*workers, *pulse.tasks], reloader, notifier, signals, ready)
    finally:
        notifier.stopping("stopping")
        await _stop(daemon, server, reloader, pulse)


def _after_a_jump(metrics: Metrics, wake: Wake) -> Callable[[int], None]:
    """Return what the clock calls, in any thread, when it has jumped: every worker looks at once what is due now."""
    loop = asyncio.get_running_loop()

    def jumped(_: int) -> None:
        metrics.count("clock_jumps_total")
        with suppress(RuntimeError):  # at the very end of the stop the loop is closed
            loop.call_soon_threadsafe(wake.everyone)

    return jumped


def _tune() -> None:
    """Set the interpreter up for a daemon.

    What is here now stays until the end, and alerts make hardly any cycles:
    looking for them among all modules again and again took a seventh of the
    processor's time, in pauses of 50 ms.
    """
    sys.setswitchinterval(TURN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)


def _edge(daemon: Daemon, reloader: Reloader, pulse: Pulse, environ: Mapping[str, str]) -> Edge:
    return Edge(
        intake=daemon.ingest,
        senders=daemon.senders,
        respond=daemon.respond,
        declarer=daemon.declarer,
        windows=daemon.windows,
        rotas=daemon.rotas,
        store=daemon.store,
        settings=lambda: daemon.bundle.settings,
        policy=lambda: daemon.live.policy,
        observer=daemon.metrics,
        exposition=daemon.metrics,
        now=daemon.clock.now,
        reload=reloader.reload,
        health=pulse.health,
        operator=operator(environ),
        last_reload=lambda: reloader.last,
        shadow=lambda: daemon.shadow.report() if daemon.shadow is not None else None,
    )


async def _until_told(
    workers: Sequence[asyncio.Task[None]],
    reloader: Reloader,
    notifier: Notifier,
    signals: Signals,
    ready: Callable[[], None],
) -> int:
    """Wait for the end: a signal, or a worker that has died (better restarted than limping).

    ``ready`` is called once the end of a worker is heard of.
    """
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[object]] = set()

    async def reload() -> None:
        notifier.reloading(time.monotonic_ns() // 1000)
        told = "reload broken off"
        try:
            result = await reloader.reload()
            told = "configuration reloaded" if result.ok else f"reload refused: {len(result.errors)} problems"
        finally:
            notifier.ready(told)

    def hang_up() -> None:
        task = loop.create_task(reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for worker in workers:
        worker.add_done_callback(fatal.end_with)
        worker.add_done_callback(lambda task: signals.stop(f"{task.get_name()} has died"))
    ready()
    signals.on_reload(hang_up)
    because = await signals.asked_to_stop()
    for task in reloads:
        task.cancel()
    await asyncio.gather(*reloads, return_exceptions=True)
    dead = [worker for worker in workers if worker.done()]
    for task in dead:
        error = None if task.cancelled() else task.exception()
        is_bug = not isinstance(error, TocsinError)
        _log.critical("worker_died", worker=task.get_name(), error=str(error), exc_info=error if is_bug else None)
    _log.info("stopping", because=because)
    return 1 if dead else 0


async def _stop(daemon: Daemon, server: Server, reloader: Reloader, pulse: Pulse) -> None:
    """Stop in the order in which work flows, each stage within its own time."""
    grace = daemon.bundle.settings.shutdown_grace / SECOND
    daemon.stopping = True

    async def stage(name: str, seconds: float, *work: Awaitable[object]) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                results = await asyncio.gather(*work, return_exceptions=True)
        except TimeoutError:
            _log.warning("stop_stage_cut_short", stage=name, seconds=seconds)
            return
        for result in results:
            if isinstance(result, Exception):
                _log.error("stop_stage_failed", stage=name, error=repr(result))
        _log.debug("stop_stage", stage=name, seconds=round(time.monotonic() - began, 3))

    await stage("edges", grace, server.close())
    await stage("intake", grace, daemon.ingest.close(), daemon.senders.close())
    if daemon.commit_process is not None:
        await stage("commit process", 15, daemon.commit_process.close())
    looking = (
        daemon.handovers,
        daemon.reminders,
        daemon.rosters,
        daemon.housekeeper,
        daemon.auditor,
        daemon.reconciler,
    )
    await stage("timers", 5, daemon.timers.stop(), *(each.stop() for each in looking), pulse.stop())
    await stage("delivery", grace, daemon.dispatcher.stop(), daemon.alarm.close())
    await stage("channels", 5, reloader.close(), *(way.close() for way in ways_out(daemon)))
    await stage("store", 10, daemon.store.close())
    _log.info("stopped")
