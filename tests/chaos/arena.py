"""A daemon that is killed repeatedly while its clients and providers keep running."""

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from chaos.judge import Evidence, collect
from chaos.stream import ALEX, PAGERDUTY_SECRET, Sender
from e2e.processes import Process, free_port, until
from e2e.tocsin_process import Tocsin

KEY = "1" * 32
AT_ONCE = 6
"""Number of services that live through their stories at the same time."""
LEFT_TO_START = 0.7
COMMIT_PROCESS_TOO = 0.3
"""Share of the kills at which the process that commits for the daemon dies a moment before it."""
QUIET = 30_000_000
"""Nothing is due for so long, in microseconds: it is over."""

PEOPLE = {
    "people": {
        "alex": {"pagerduty_user": ALEX.id, "contact": {"channel": "pager", "routing_key": "on-call"}},
        "morgan": {"contact": {"channel": "wire"}},
    },
    "groups": {"on-call-engineer": ["alex"], "engineering-manager": ["morgan"]},
}

_LADDER = {
    "respond_within": "2s",
    "matrix": [
        {"tier": 1, "after": "0s"},
        {"tier": 1, "after": "2s"},
        {"tier": 2, "after": "3s"},
    ],
}
PLAYBOOK = {
    "title": "Emergency response, in seconds",
    "unrouted": "SEV-2",
    "flags": ["major_impact", "data_breach"],
    "resolve_after": "500ms",
    # Every incident has its own story: none is to be told as one of many.
    "storm": {"more_than": 1_000_000},
    "flapping": {"more_than": 1_000_000},
    "tiers": {
        1: {"name": "On-call engineer", "targets": ["on-call-engineer"]},
        2: {"name": "Engineering manager", "targets": ["engineering-manager"]},
    },
    "severities": {f"SEV-{number}": _LADDER for number in range(1, 5)},
}


RATE = 100_000
"""Events that PagerDuty takes in a minute."""


class StandInProcess(Process):
    """A stand-in by itself; it says where it listens once it does."""

    def __init__(self, module: str, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{module}.jsonl"
        command = [sys.executable, "-m", f"tocsin.testing.{module}", "--port", str(self.port), "--log", str(self.log)]
        super().__init__(module, [*command, *arguments], folder)

    async def ready(self) -> None:
        await until(lambda: self.url in self.output, 20, f"{self.name} serves")


async def survive(folder: Path, kills: int, seed: int, entry: Sequence[str] | None = None) -> tuple[Evidence, Sender]:
    """Kill the daemon that often, let everything come to its end, and gather the evidence."""
    rng = random.Random(seed)
    async with AsyncExitStack() as stack:
        # The load of an hour comes in a minute: the limits of a minute would make the test wait, not try more.
        pagerduty = StandInProcess("pagerduty_server", folder, "--routing-key", KEY, "--rate", str(RATE))
        wire = StandInProcess("webhook_sink", folder)
        for process in (pagerduty, wire):
            await stack.enter_async_context(process)
        tocsin = _daemon(folder, pagerduty, wire, entry)
        await stack.enter_async_context(tocsin)
        sender = Sender(tocsin, pagerduty.log, rng)
        async with asyncio.TaskGroup() as group:
            group.create_task(sender.run(AT_ONCE))
            for _ in range(kills):
                if rng.random() < LEFT_TO_START:  # the others die while they start
                    await tocsin.ready()
                await asyncio.sleep(rng.uniform(0.1, 1.5))
                if rng.random() < COMMIT_PROCESS_TOO:
                    _kill_children(tocsin.pid)
                    await asyncio.sleep(rng.uniform(0, 0.2))
                tocsin.kill()
                tocsin.start()
            sender.stopping = True
        await tocsin.ready()
        await until(lambda: _is_quiet(tocsin.database), 60, "nothing is left to do")
        tocsin.signal(signal.SIGTERM)
        assert await tocsin.ended() == 0, tocsin.output[-3000:]
    return await collect(sender.services, tocsin.database, pagerduty.log, wire.log), sender


def _daemon(folder: Path, pagerduty: Process, wire: Process, entry: Sequence[str] | None) -> Tocsin:
    assert isinstance(pagerduty, StandInProcess)
    assert isinstance(wire, StandInProcess)
    settings = {
        "channels": {
            "pager": {
                "kind": "pagerduty",
                "base_url": pagerduty.url,
                "routing_keys": {"on-call": {"key_file": "pagerduty-key"}},
                "events_per_minute": RATE,
            },
            "wire": {"kind": "webhook", "url": wire.url},
        },
        # A lease must end before the judge loses patience; the attempts themselves take milliseconds.
        "delivery": {"timeout": "1s", "lease": "2s"},
        "inbound": {"pagerduty": {"secrets": [{"secret_file": "pagerduty-secret"}]}},
    }
    environ = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONFAULTHANDLER": "1"}
    tocsin = Tocsin(
        folder / "tocsin", settings=settings, people=PEOPLE, playbook=PLAYBOOK, entry=entry, environ=environ
    )
    tocsin.write_secret("pagerduty-key", KEY)
    tocsin.write_secret("pagerduty-secret", PAGERDUTY_SECRET)
    return tocsin


def _kill_children(pid: int) -> None:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def _is_quiet(database: Path) -> bool:
    """Nothing waits in the outbox, and nothing is due for a while."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        (waiting,) = connection.execute("SELECT count(*) FROM outbox WHERE state = 'pending'").fetchone()
        (next_due,) = connection.execute("SELECT min(due_at) FROM incidents").fetchone()
    finally:
        connection.close()
    return waiting == 0 and (next_due is None or next_due > time.time_ns() // 1000 + QUIET)
