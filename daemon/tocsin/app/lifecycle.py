"""The lifecycle of the daemon: start, signals, and a stop in named stages with time limits."""

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
from tocsin.core.duration import SECOND
from tocsin.core.errors import TocsinError
from tocsin.engine.change.wake import LocalWake
from tocsin.engine.intake.shadow import ShadowRules
from tocsin.ports.wake import Wake
from tocsin.store.clock import SystemClock
from tocsin.store.open import open_store as store_of
from tocsin.telemetry import logs
from tocsin.telemetry.metrics import Metrics
from tocsin.web.application import Server, bind, build_app, expect_loopback, inherited
from tocsin.web.edge import Edge

YOUNG = 50_000
"""Number of allocations between two garbage collections of the youngest generation."""
TURN = 0.001
"""Thread switch interval in seconds: the committing thread must not wait long for the one that reads webhooks."""

_log = structlog.get_logger("tocsin.app.lifecycle")


@dataclass(frozen=True)
class _Files:
    """The files to read at the start and at each reload."""

    config_dir: Path
    rules_dir: Path
    environ: Mapping[str, str]
    shadow_dir: Path | None

    def read(self) -> Bundle:
        """Return the configuration.

        Raises:
            ConfigError: The configuration has errors.
        """
        return load(self.config_dir, self.rules_dir, KINDS, self.environ)

    def read_shadow(self) -> ShadowRules | None:
        """Return the shadow rules; None without a shadow folder.

        Raises:
            ConfigError: The shadow rules have errors.
        """
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

    A fatal error ends the process immediately (`app/fatal`).

    Args:
        config_dir: Folder with the configuration.
        rules_dir: Folder with the rules.
        environ: Environment variables.
        shadow_dir: Folder with rules that are evaluated beside the live ones and page no one.
        serving: Called with the addresses as soon as requests are accepted there.

    Returns:
        The exit code: 0 after a requested stop, 1 if the daemon could not start or failed.
    """
    files = _Files(config_dir, rules_dir, environ, shadow_dir)
    try:
        bundle = files.read()
        shadow = files.read_shadow()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the log is configured after the configuration is read
        return 1
    _configure_logs(bundle)
    files_allowed = raise_file_limit()
    for warning in bundle.warnings:
        _log.warning("configuration_warning_found", warning=str(warning))
    # Only the daemon's user may read the files that this process creates: the database, its log and lock, child files.
    os.umask(0o077)
    try:
        return fatal.run(_serve_until_stopped(bundle, shadow, files, files_allowed, serving))
    except TocsinError as error:
        if logs.is_for_people(bundle.settings.log.format):
            content = logs.Redactor(secrets_of(bundle)).line(None, "", f"tocsin does not start: {error}")
            print(content, file=sys.stderr)  # noqa: T201 - a sentence for the person who has typed the command
        else:
            _log.error("start_failed", error=str(error))
        return 1
    finally:
        _drop_unwritable_output()


def _drop_unwritable_output() -> None:
    """Discard output that cannot be written; otherwise the interpreter would exit with 120, as after a failure."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, stream.fileno())
            os.close(devnull)


def _configure_logs(bundle: Bundle) -> None:
    logs.configure(bundle.settings.log.level, bundle.settings.log.format, secrets=secrets_of(bundle))


async def _serve_until_stopped(
    bundle: Bundle,
    shadow: ShadowRules | None,
    files: _Files,
    files_allowed: int,
    on_serving: Callable[[list[str]], None],
) -> int:
    """Serve. A signal during the start cancels the start, which counts as a normal stop."""
    signals = Signals()
    loop = asyncio.get_running_loop()
    daemon = _serve(bundle, shadow, files, files_allowed, signals, on_serving)
    serving = loop.create_task(daemon, name="serve")
    stopping = loop.create_task(signals.asked_to_stop(), name="signals")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done() and not signals.has_started:
            _log.info("stopping", reason=stopping.result())
            serving.cancel()
            await asyncio.wait([serving])
            if not serving.cancelled() and (error := serving.exception()) is not None:
                _log.warning("start_canceled", error=repr(error))
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
    on_serving: Callable[[list[str]], None],
) -> int:
    environ = files.environ
    notifier = Notifier(environ)
    metrics = Metrics()
    asyncio.get_running_loop().set_exception_handler(AcceptErrors(metrics))
    wake = LocalWake()
    clock = SystemClock(on_jump=_on_clock_jump(metrics, wake))
    store = store_of(bundle.settings.store.url, clock)
    sockets = inherited(environ) or bind(bundle.settings.listen)
    if not bundle.tokens:
        expect_loopback(sockets)
    notifier.status("opening the store")
    await open_store(store, notifier)
    daemon = build(bundle, store, clock, metrics, shadow=shadow, wake=wake)
    mark_reloaded(daemon)

    def read_for_reload() -> Bundle:
        """Read the files; refuse, even with --force, to open a daemon without tokens to other machines."""
        new = files.read()
        if not new.tokens:
            expect_loopback(sockets)
        return new

    reloader = Reloader(daemon, read_for_reload, _configure_logs, load_shadow=files.read_shadow)
    pulse = Pulse(daemon, notifier)
    server = Server(
        build_app(edge_of(daemon, reloader, pulse, environ)),
        grace=bundle.settings.shutdown_grace / SECOND,
        limits=lambda: connection_limits(daemon.bundle.settings, files_allowed),
    )
    try:
        for integration in ways_out(daemon):
            await integration.start()
        if daemon.commit_process is not None:
            daemon.commit_process.start()
        await server.start(sockets)
        daemon.own_webhook.listens_on(sockets)
        for service in daemon.services:
            service.start()
        pulse.start()
        _tune()
        workers = [service.task for service in daemon.services if service.task is not None]

        def ready() -> None:
            _log.info("serving", addresses=server.addresses, store=bundle.settings.store.url, pid=os.getpid())
            on_serving(server.addresses)
            notifier.ready(f"serving on {', '.join(server.addresses)}")

        return await _until_stopped([*workers, *pulse.tasks], reloader, notifier, signals, ready)
    finally:
        notifier.stopping("stopping")
        await _stop(daemon, server, reloader, pulse)


def _on_clock_jump(metrics: Metrics, wake: Wake) -> Callable[[int], None]:
    """Return a callback for jumps of the clock, for any thread, that makes all workers check what is due now."""
    loop = asyncio.get_running_loop()

    def jumped(_: int) -> None:
        metrics.count("clock_jumps_total")
        with suppress(RuntimeError):  # the loop is closed at the end of a stop
            loop.call_soon_threadsafe(wake.everyone)

    return jumped


def _tune() -> None:
    """Tune the interpreter for a daemon.

    The objects that exist now live until the end, and alerts create hardly any
    reference cycles. Searching all modules for cycles again and again took a seventh
    of the processor time, in pauses of 50 ms.
    """
    sys.setswitchinterval(TURN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)


def edge_of(daemon: Daemon, reloader: Reloader, pulse: Pulse, environ: Mapping[str, str]) -> Edge:
    """Return the dependencies of the HTTP handlers of a daemon."""
    return Edge(
        intake=daemon.ingest,
        senders=daemon.senders,
        respond=daemon.respond,
        declarer=daemon.declarer,
        windows=daemon.windows,
        oncall_schedule=daemon.oncall_schedule,
        store=daemon.store,
        settings=lambda: daemon.bundle.settings,
        policy=lambda: daemon.live.policy,
        observer=daemon.metrics,
        exposition=daemon.metrics,
        now=daemon.clock.now,
        reload=reloader.reload,
        health=pulse.health,
        operator=operator(environ),
        own_token=daemon.own_webhook.token,
        last_reload=lambda: reloader.last,
        shadow=lambda: daemon.shadow.report() if daemon.shadow is not None else None,
    )


async def _until_stopped(
    workers: Sequence[asyncio.Task[None]],
    reloader: Reloader,
    notifier: Notifier,
    signals: Signals,
    ready: Callable[[], None],
) -> int:
    """Wait for a signal or for the death of a worker, which restarts the daemon; return the exit code.

    ``ready`` is called as soon as the death of a worker would be noticed.
    """
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[object]] = set()

    async def reload() -> None:
        notifier.reloading(time.monotonic_ns() // 1000)
        status = "reload canceled"
        try:
            result = await reloader.reload()
            status = "configuration reloaded" if result.ok else f"reload refused: {len(result.errors)} problems"
        finally:
            notifier.ready(status)

    def on_sighup() -> None:
        task = loop.create_task(reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for worker in workers:
        worker.add_done_callback(fatal.end_with)
        worker.add_done_callback(lambda task: signals.stop(f"{task.get_name()} has died"))
    ready()
    signals.on_reload(on_sighup)
    reason = await signals.asked_to_stop()
    for task in reloads:
        task.cancel()
    await asyncio.gather(*reloads, return_exceptions=True)
    dead = [worker for worker in workers if worker.done()]
    for task in dead:
        error = None if task.cancelled() else task.exception()
        is_bug = not isinstance(error, TocsinError)
        _log.critical("worker_died", worker=task.get_name(), error=str(error), exc_info=error if is_bug else None)
    _log.info("stopping", reason=reason)
    return 1 if dead else 0


async def _stop(daemon: Daemon, server: Server, reloader: Reloader, pulse: Pulse) -> None:
    """Stop in the order of the data flow; each stage has its own time limit."""
    grace = daemon.bundle.settings.shutdown_grace / SECOND
    daemon.stopping = True

    async def stage(name: str, seconds: float, *steps: Awaitable[object]) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                results = await asyncio.gather(*steps, return_exceptions=True)
        except TimeoutError:
            _log.warning("stop_stage_timed_out", stage=name, seconds=seconds)
            return
        for result in results:
            if isinstance(result, Exception):
                _log.error("stop_stage_failed", stage=name, error=repr(result))
        _log.debug("stop_stage_completed", stage=name, seconds=round(time.monotonic() - began, 3))

    await stage("edges", grace, server.close())
    await stage("intake", grace, daemon.ingest.close(), daemon.senders.close())
    if daemon.commit_process is not None:
        await stage("commit process", 15, daemon.commit_process.close())
    workers = [service for service in daemon.services if service is not daemon.dispatcher]
    await stage("workers", 5, *(worker.stop() for worker in workers), pulse.stop())
    await stage("delivery", grace, daemon.dispatcher.stop(), daemon.alarm.close())
    await stage("channels", 5, reloader.close(), *(integration.close() for integration in ways_out(daemon)))
    await stage("store", 10, daemon.store.close())
    _log.info("stopped")
