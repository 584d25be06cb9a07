"""A daemon under attack, whose attackers and legitimate sender have different addresses."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from chaos.arena import PEOPLE, PLAYBOOK, StandInProcess
from e2e.processes import until
from e2e.tocsin_process import ROOT, Tocsin, alert, webhook

ATTACKER, SENDER = "127.0.0.3", "127.0.0.2"
PLANNED = (0.0, 2.0, 3.0)
"""Seconds after the opening at which the ladder of `chaos.arena.PLAYBOOK` pages."""
IN_TIME = 4.0
"""Seconds that an answer or a page may take while other processes share the machine."""

ON_CALL = {
    "people": {name: {"contact": {"channel": "wire"}} for name in ("alex", "morgan")},
    "groups": PEOPLE["groups"],
}


@dataclass
class Siege:
    """The daemon, and what its page receiver has recorded."""

    tocsin: Tocsin
    wire: StandInProcess

    def pages(self, name: str) -> list[dict[str, Any]]:
        """Return the pages about an alert, each with ``arrived`` (epoch seconds)."""
        entries = [json.loads(line) for line in self.wire.log.read_text().splitlines() if line.strip()]
        bodies = [{**entry["body"], "arrived": entry["at"] / 1_000_000} for entry in entries if "body" in entry]
        return [body for body in bodies if body["job"] == "page" and name in body["text"]]

    async def is_settled(self, name: str) -> bool:
        """Return whether a page about an alert has arrived, and the daemon knows that it has."""
        return bool(self.pages(name)) and await self.metric("pages_total") >= 1

    async def send(self, name: str, address: str = SENDER) -> tuple[int, float]:
        """Post an alert from an address of its own: (status, seconds until the answer)."""
        began = time.monotonic()
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        headers = {"Authorization": f"Bearer {self.tocsin.token}"}
        timeout = aiohttp.ClientTimeout(total=90)
        async with (
            aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session,
            session.post(f"{self.tocsin.url}/webhooks/alertmanager", json=webhook(alert(name))) as answer,
        ):
            return answer.status, time.monotonic() - began

    async def expect_alerts_and_pages_in_time(self, name: str) -> None:
        """Send an alert as another sender, and expect every page of its ladder at its time."""
        posted = time.time()
        status, seconds = await self.send(name)
        assert status == 200
        assert seconds < IN_TIME
        await until(lambda: len(self.pages(name)) >= len(PLANNED), 60, f"{name} is paged {len(PLANNED)} times")
        late = [page["arrived"] - posted - planned for page, planned in zip(self.pages(name), PLANNED, strict=False)]
        assert max(late) < IN_TIME, late

    async def metric(self, name: str) -> float:
        """Return the sum of a metric's series."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.tocsin.url}/metrics") as answer:
            text = await answer.text()
        lines = [line for line in text.splitlines() if line.startswith(f"tocsin_{name}") and not line.startswith("#")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)


@asynccontextmanager
async def siege(
    folder: Path,
    *,
    files: int = 1024,
    database: Path | None = None,
    into: str = "",
    receiver: str = "127.0.0.1",
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Siege]:
    """Start a daemon that may not open more than ``files`` files, with a receiver of its pages.

    ``into`` takes what the daemon writes, in place of a file of its own; ``receiver`` is the name by which the daemon
    knows the receiver's address.
    """
    async with AsyncExitStack() as stack:
        wire = StandInProcess("webhook_sink", folder)
        await stack.enter_async_context(wire)
        tocsin = Tocsin(
            folder / "tocsin",
            settings={
                "channels": {"wire": {"kind": "webhook", "url": f"http://{receiver}:{wire.port}"}},
                "delivery": {"timeout": "1s", "lease": "2s"},
                **settings,
            },
            people=ON_CALL,
            playbook=PLAYBOOK,
            entry=[str(ROOT / "tests" / "chaos" / "limited.py"), str(files), into],
            environ={
                **(environ or {}),
                **({"TOCSIN_STORE_URL": f"sqlite:///{database}"} if database is not None else {}),
            },
        )
        tocsin.database = database or tocsin.database
        await stack.enter_async_context(tocsin)
        yield Siege(tocsin, wire)


async def connect(tocsin: Tocsin, first: bytes, address: str = ATTACKER) -> asyncio.StreamWriter | None:
    """Open a connection and send some bytes; None where it was refused at once."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", tocsin.port, local_addr=(address, 0))
        writer.write(first)
        return writer
    return None


@asynccontextmanager
async def connections(tocsin: Tocsin, first: bytes, count: int, address: str = ATTACKER) -> AsyncIterator[list[Any]]:
    """Hold many connections that have sent the same bytes; each that the daemon closes is opened again."""
    held: dict[int, asyncio.StreamWriter | None] = {}

    async def hold(number: int) -> None:
        while True:
            writer = held[number] = await connect(tocsin, first, address)
            if writer is None:
                await asyncio.sleep(0.2)
                continue
            with suppress(OSError):
                await writer.wait_closed()

    tasks = [asyncio.create_task(hold(number)) for number in range(count)]
    try:
        await until(lambda: len(held) == count, 60, f"{count} connections are tried")
        yield list(held.values())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in held.values():
            if writer is not None:
                writer.transport.abort()
