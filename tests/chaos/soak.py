"""A constant load for a long time: memory, processor time for each alert, files, sockets and threads must stay level.

``python tests/chaos/soak.py --minutes 60 --rate 200 --services 500`` (``make chaos MINUTES=60``). Each service has one
incident that stays open and collects alerts: half of what is sent is new, half repeats. The figures are those of the
daemon and of the process that commits for it. Processor time is what these processes have used, whatever else the
machine does. The sockets are those without the connections that the load itself holds open: it opens more when answers
take longer, and keeps them. After the first minutes each figure must stay within 10 % of what it was; the number of
files, sockets and threads may differ by one or two, which is more than 10 % of a few.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp

from chaos.arena import StandInProcess
from chaos.siege import ON_CALL
from e2e.tocsin_process import Tocsin, alert, webhook

A_WEBHOOK = 5
"""Alerts of one webhook."""
WARM_UP = 5.0
"""Minutes until the figures are compared: caches fill, each service's incident opens, its ladder ends."""
WINDOW = 3
"""Minutes that the beginning and the end of the comparison are each averaged over."""
TOLERANCE = 0.10
COUNT_TOLERANCE = 2
"""Number of further files, sockets or threads that are no growth, however few there were."""
TICKS = os.sysconf("SC_CLK_TCK")

_PATIENT = {
    "respond_within": "5s",
    "matrix": [{"tier": 1, "after": "0s"}, {"tier": 2, "after": "10s"}],
}
_PLAYBOOK = {
    "title": "A soak",
    "unrouted": "SEV-2",
    "flags": ["major_impact", "data_breach"],
    "announce": ["incidents"],
    "storm": {"more_than": 1_000_000},
    "flapping": {"more_than": 1_000_000},
    "fallback_at_least": "10m",
    "tiers": {
        1: {"name": "On-call engineer", "targets": ["on-call-engineer"]},
        2: {"name": "Engineering manager", "targets": ["engineering-manager"]},
    },
    "severities": {f"SEV-{number}": _PATIENT for number in range(1, 5)},
}


@dataclass(frozen=True)
class Sample:
    """The figures of one minute."""

    minute: float
    alerts: int
    """Alerts that were taken in it."""
    cpu: float
    """Seconds of processor time used in it."""
    memory: float
    """MB at its end."""
    files: int
    """Open files at its end."""
    sockets: int
    """Open sockets at its end, without the connections of the load."""
    of_load: int
    """Connections that the load holds open."""
    threads: int

    @property
    def cpu_per_alert(self) -> float:
        """Milliseconds."""
        return 1000 * self.cpu / max(1, self.alerts)

    def __str__(self) -> str:
        return (
            f"{self.minute:5.1f} min  {self.alerts:6} alerts  {self.cpu_per_alert:6.3f} ms an alert  "
            f"{self.memory:6.1f} MB  {self.files:3} files  {self.sockets:3} sockets (+{self.of_load} of the load)  "
            f"{self.threads:3} threads"
        )


class Load:
    """Sends webhooks at a constant rate, and counts what was answered with 200."""

    def __init__(self, tocsin: Tocsin, rate: float, services: int) -> None:
        self._tocsin = tocsin
        self._every = A_WEBHOOK / rate
        self._services = services
        self._sent = 0
        self.taken = 0
        self.refused = 0

    async def run(self) -> None:
        """Send until it is canceled."""
        headers = {"Authorization": f"Bearer {self._tocsin.token}"}
        connector = aiohttp.TCPConnector(limit=32)
        async with (
            aiohttp.ClientSession(headers=headers, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            began = time.monotonic()
            while True:
                await asyncio.sleep(began + self._sent * self._every - time.monotonic())
                group.create_task(self._send(session, self._sent))
                self._sent += 1

    async def _send(self, session: aiohttp.ClientSession, number: int) -> None:
        turn, service = divmod(number, self._services)
        alerts = [
            alert("Busy", severity="SEV-2", service=f"svc-{service:04}", instance=f"{turn // 2}-{one}")
            for one in range(A_WEBHOOK)
        ]
        url = f"{self._tocsin.url}/webhooks/alertmanager"
        async with session.post(url, json=webhook(*alerts)) as answer:
            if answer.status == 200:
                self.taken += A_WEBHOOK
            else:
                self.refused += 1


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def cpu_of(pid: int) -> float:
    """Return the seconds of processor time that a process and its children have used."""
    stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS


def memory_of(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB."""
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in family(pid)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_of(*pids: int) -> tuple[list[str], list[str]]:
    """Return the files and the sockets (``socket:[INODE]``) that processes have open."""
    files, sockets = [], []
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                name = str(link.readlink())
            except OSError:
                continue
            (sockets if name.startswith("socket:") else files).append(name)
    return sorted(files), sockets


def connections_to(port: int) -> int:
    """Return the number of connections that this process has established to a local port."""
    _, own = open_of(os.getpid())
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    remote = f"0100007F:{port:04X}"
    return sum(row[2] == remote and row[3] == "01" and f"socket:[{row[9]}]" in own for row in rows)


def threads_of(pid: int) -> int:
    """Return the number of threads of a process and its children."""
    return sum(1 for each in family(pid) for _ in Path(f"/proc/{each}/task").iterdir())


FIGURES: dict[str, tuple[Callable[[Sample], float], float]] = {
    "memory": (lambda sample: sample.memory, 0),
    "processor time for each alert": (lambda sample: sample.cpu_per_alert, 0),
    "open files": (lambda sample: sample.files, COUNT_TOLERANCE),
    "open sockets": (lambda sample: sample.sockets, COUNT_TOLERANCE),
    "threads": (lambda sample: sample.threads, COUNT_TOLERANCE),
}
"""The reader of each figure in a sample, and the growth that is always allowed."""


def verdict(samples: list[Sample]) -> list[str]:
    """Return what has not stayed level after the first minutes, in words."""
    steady = [sample for sample in samples if sample.minute > WARM_UP]
    wrong = []
    for name, (figure, allowed) in FIGURES.items():
        before, after = (statistics.median(map(figure, part)) for part in (steady[:WINDOW], steady[-WINDOW:]))
        say(f"{name}: {before:.3f} after {WARM_UP:.0f} minutes, {after:.3f} at the end ({after / before - 1:+.1%})")
        if after > before + max(before * TOLERANCE, allowed):
            wrong.append(f"{name} has grown from {before:.3f} to {after:.3f}")
    return wrong


async def soak(folder: Path, minutes: float, rate: float, services: int) -> list[str]:
    """Run it; return what is wrong."""
    async with AsyncExitStack() as stack:
        wire = StandInProcess("webhook_sink", folder)
        await stack.enter_async_context(wire)
        people = {**ON_CALL, "targets": {"incidents": {"channel": "wire"}}}
        settings = {"channels": {"wire": {"kind": "webhook", "url": wire.url}}}
        tocsin = Tocsin(folder / "tocsin", settings=settings, people=people, playbook=_PLAYBOOK)
        await stack.enter_async_context(tocsin)
        load = Load(tocsin, rate, services)
        sending = asyncio.create_task(load.run())
        samples: list[Sample] = []
        began = time.monotonic()
        cpu, taken = cpu_of(tocsin.pid), 0
        files, sockets = open_of(*family(tocsin.pid))
        memory, threads = memory_of(tocsin.pid), threads_of(tocsin.pid)
        say(f"      start  {memory:.1f} MB  {len(files)} files  {len(sockets)} sockets  {threads} threads")
        while time.monotonic() - began < minutes * 60 and not sending.done():
            await asyncio.sleep(60)
            now = cpu_of(tocsin.pid)
            elapsed = (time.monotonic() - began) / 60
            memory, threads = memory_of(tocsin.pid), threads_of(tocsin.pid)
            files, sockets = open_of(*family(tocsin.pid))
            of_load = connections_to(tocsin.port)
            counts = (len(files), len(sockets) - of_load, of_load, threads)
            samples.append(Sample(elapsed, load.taken - taken, now - cpu, memory, *counts))
            cpu, taken = now, load.taken
            say(str(samples[-1]))
        if sending.done():
            sending.result()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        say(f"{load.taken} alerts taken, {load.refused} webhooks refused; open files: {', '.join(files)}")
        return verdict(samples) + ([f"{load.refused} webhooks were refused"] if load.refused else [])


def main() -> None:
    """Run it by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200, help="alerts a second")
    parser.add_argument("--services", type=int, default=500)
    given = parser.parse_args()
    if given.minutes < WARM_UP + 2 * WINDOW:
        parser.error(f"it takes at least {WARM_UP + 2 * WINDOW:.0f} minutes to compare")
    with tempfile.TemporaryDirectory(prefix="tocsin-soak-") as folder:
        wrong = asyncio.run(soak(Path(folder), given.minutes, given.rate, given.services))
    for line in wrong:
        say(f"NOT LEVEL: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
