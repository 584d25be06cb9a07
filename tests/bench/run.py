"""``make bench``: tocsin beside a server that does nothing and beside Alertmanager, in one run on one machine.

Prints one Markdown table, and one of what a rule costs. Rounds are interleaved and medians are compared: on a
shared machine absolute figures move, a ratio within one run holds.

``TOCSIN_BENCH_SECONDS`` (5) a measurement, ``TOCSIN_BENCH_ROUNDS`` (3),
``TOCSIN_BENCH_FOLDER`` (var/bench, which must be on a real disk),
``TOCSIN_BENCH_ONE_PROCESS`` (set: each of tocsin's rows once more without the committing process).
"""

import asyncio
import json
import os
import platform
import shutil
import sqlite3
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import rules_cost
from bench.latency import PageSink, webhook_to_page
from bench.servers import Noop, SilentAlertmanager, children_cpu_seconds, cpu_seconds, open_incidents, tocsin
from e2e.processes import Process, binary, run, until
from e2e.tocsin_process import ROOT, Tocsin

SECONDS = int(os.environ.get("TOCSIN_BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("TOCSIN_BENCH_ROUNDS", "3"))
FOLDER = Path(os.environ.get("TOCSIN_BENCH_FOLDER", ROOT / "var" / "bench"))
INCIDENTS = 1000
RATE = 100

LUA = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """The requests that wrk sends."""

    shape: str
    path: str
    per_post: int
    connections: int
    incidents: int = 0
    """Open ones that the alerts join; 0: each opens its own."""
    touched: int = 1
    """Number of them that one POST's alerts join."""


@dataclass(frozen=True)
class Figure:
    """The result of one measurement."""

    alerts: float
    """A second."""
    p50: float
    p99: float
    generator: float
    """The share of one core that the generator used: near 1 it is what limits."""
    server: float


WEBHOOK = "/webhooks/alertmanager"
SINGLE = Load("webhook", WEBHOOK, 1, 64, INCIDENTS)
OWN = Load("webhook", WEBHOOK, 100, 16)
JOINING = Load("webhook", WEBHOOK, 100, 16, INCIDENTS, 5)
ALERTMANAGER = Load("alertmanager", "/api/v2/alerts", 100, 16)


async def wrk(server: Process, url: str, load: Load, token: str, name: str) -> Figure:
    """Put a load on a server that has been started."""
    generator, served = children_cpu_seconds(), cpu_seconds(server.pid)
    code, said = await run(
        binary("wrk"),
        *("-t1", f"-c{load.connections}", f"-d{SECONDS}s", "--timeout", "20s", "-s", str(LUA), url + load.path, "--"),
        *(load.shape, str(load.per_post), str(load.incidents), str(load.touched), name, token),
        within=SECONDS + 60,
    )
    lines = [line for line in said.splitlines() if line.startswith("RESULT ")]
    assert code == 0, said
    assert lines, said
    result = json.loads(lines[0].removeprefix("RESULT "))
    assert result["refused"] == result["failed"] == 0, said
    wall = result["seconds"]
    return Figure(
        alerts=result["posts"] * load.per_post / wall,
        p50=result["p50_ms"],
        p99=result["p99_ms"],
        generator=(children_cpu_seconds() - generator) / wall,
        server=(cpu_seconds(server.pid) - served) / wall,
    )


@asynccontextmanager
async def workplace(name: str) -> AsyncIterator[Path]:
    """An empty folder that is gone afterwards."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


async def measure_noop(name: str) -> Figure:
    async with workplace(name) as folder, Noop(folder) as server:
        return await wrk(server, server.url, SINGLE, "none", name)


async def measure_alertmanager(name: str) -> Figure:
    async with workplace(name) as folder, SilentAlertmanager(folder) as server:
        return await wrk(server, server.url, ALERTMANAGER, "none", name)


async def measure_tocsin(name: str, load: Load, *, commit_process: bool = True) -> Figure:
    async with (
        workplace(name) as folder,
        Noop(folder) as pages,
        tocsin(folder, pages.url, commit_process=commit_process) as daemon,
    ):
        await open_incidents(daemon, load.incidents)
        await until(lambda: is_delivered(daemon), 60, "everybody is paged")
        return await wrk(daemon, daemon.url, load, daemon.token or "", name)


def is_delivered(daemon: Tocsin) -> bool:
    connection = sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True)
    try:
        (waiting,) = connection.execute("SELECT count(*) FROM outbox WHERE state = 'pending'").fetchone()
    finally:
        connection.close()
    return waiting == 0


async def measure_latency(name: str) -> list[float]:
    sink = PageSink()
    await sink.start()
    try:
        async with workplace(name) as folder, tocsin(folder, sink.url) as daemon:
            return await webhook_to_page(daemon, sink, RATE, max(SECONDS, 2))
    finally:
        await sink.stop()


def machine() -> str:
    """The machine, in a line."""
    models = [line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return ", ".join(
        (
            f"{os.cpu_count()} x {models[0].strip() if models else platform.machine()}",
            f"{memory:.0f} GiB",
            f"Linux {platform.release()}",
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
            f"a disk that takes {commits_a_second():,.0f} commits a second",
        )
    )


def commits_a_second() -> float:
    """One-row transactions with synchronous=FULL: what the disk's sync costs."""
    path = FOLDER / "disk.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (text TEXT)")
    loop = asyncio.get_running_loop()
    began, count = loop.time(), 0
    while loop.time() - began < 1:
        connection.execute("INSERT INTO rows VALUES (?)", ("x" * 600,))
        count += 1
    connection.close()
    path.unlink()
    return count / (loop.time() - began)


MEASUREMENTS: dict[str, Callable[[str], Awaitable[Figure]]] = {
    "A do-nothing aiohttp server, 1 alert a POST, 64 connections": measure_noop,
    "A tocsin, 1 alert a POST, 64 connections, joining 1,000 incidents": partial(measure_tocsin, load=SINGLE),
    "B Alertmanager in memory, 100 alerts a POST, 16 connections": measure_alertmanager,
    "B tocsin, 100 alerts a POST, 16 connections, joining 5 incidents": partial(measure_tocsin, load=JOINING),
    "B tocsin, 100 alerts a POST, 16 connections, each its own incident": partial(measure_tocsin, load=OWN),
}
RATIOS: list[tuple[int, float | None] | None] = [None, (0, 0.3), None, (2, 0.7), (2, None)]
"""Beside which row each row is put, and the goal."""
if os.environ.get("TOCSIN_BENCH_ONE_PROCESS"):
    for _row, _load in ((1, SINGLE), (3, JOINING), (4, OWN)):
        _name = f"{list(MEASUREMENTS)[_row]}, without the committing process"
        MEASUREMENTS[_name] = partial(measure_tocsin, load=_load, commit_process=False)
        RATIOS.append((_row, None))


def report(figures: dict[str, list[Figure]], latencies: list[list[float]]) -> str:
    """The table."""
    names = list(MEASUREMENTS)
    rows = [
        "| what | alerts/s, median (rounds) | p50 ms | p99 ms | generator CPU | server CPU | ratio | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, beside in zip(names, RATIOS, strict=True):
        found = figures[name]
        alerts = median(figure.alerts for figure in found)
        ratio, goal = "", ""
        if beside is not None:
            ratio = f"{alerts / median(figure.alerts for figure in figures[names[beside[0]]]):.2f}"
            goal = f">= {beside[1]}" if beside[1] else "none"
        each = ", ".join(f"{figure.alerts:,.0f}" for figure in found)
        p50, p99, generator, server = (
            median(getattr(figure, part) for figure in found) for part in ("p50", "p99", "generator", "server")
        )
        rows.append(
            f"| {name} | {alerts:,.0f} ({each}) | {p50:.1f} | {p99:.1f} "
            f"| {generator:.2f} | {server:.2f} | {ratio} | {goal} |"
        )
    p50 = median(median(found) * 1000 for found in latencies)
    p99 = median(quantiles(found, n=100)[98] * 1000 for found in latencies)
    rows.append(
        f"| C tocsin, webhook -> page at the `webhook` channel | {RATE}, an open loop | {p50:.1f} | {p99:.1f} | | | | |"
    )
    return "\n".join(rows)


async def main() -> str:
    """Measure everything; the table."""
    figures: dict[str, list[Figure]] = defaultdict(list)
    latencies: list[list[float]] = []
    for number in range(ROUNDS):
        for index, (name, measure) in enumerate(MEASUREMENTS.items()):
            figures[name].append(await measure(f"r{number}m{index}"))
            sys.stderr.write(f"round {number + 1}: {name}: {figures[name][-1].alerts:,.0f} alerts/s\n")
        latencies.append(await measure_latency(f"r{number}latency"))
    return f"{machine()}\n\n{report(figures, latencies)}\n\n{rules_cost.report()}\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(asyncio.run(main()))
