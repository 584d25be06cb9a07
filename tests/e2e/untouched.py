"""Record a daemon that nobody touches: ``python tests/e2e/untouched.py [MINUTES]`` (10, unless given).

Serves the shipped configuration, asks for ``/-/healthy`` and ``/metrics`` every 5 seconds, and then has promtool say
which of the shipped alerts would have fired. Prints all that the daemon has written. Exit codes: 0 it was healthy
throughout and no alert fired, 1 otherwise.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from e2e.recorded_metrics import RecordedMetrics
from e2e.tocsin_process import Tocsin


@dataclass(frozen=True)
class Recording:
    """The state of a daemon that was left alone."""

    scrapes: int
    unhealthy: list[str]
    """Answers of ``/-/healthy`` that were not 200."""
    raised: str
    """Output of promtool about alerts; "" for none."""
    output: str
    """All that the daemon wrote to the console."""


async def record(folder: Path, seconds: float, interval: int) -> Recording:
    """Serve the shipped configuration for so long, and look every ``interval`` seconds."""
    metrics = RecordedMetrics(interval)
    unhealthy = []
    timeout = aiohttp.ClientTimeout(total=10)
    async with Tocsin(folder, token=False) as tocsin, aiohttp.ClientSession(timeout=timeout) as session:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (elapsed := loop.time() - began) <= seconds:
            async with session.get(f"{tocsin.url}/-/healthy") as answer:
                if answer.status != 200:
                    unhealthy.append(f"after {elapsed:.0f} s: {answer.status} {await answer.text()}")
            async with session.get(f"{tocsin.url}/metrics") as answer:
                metrics.add(await answer.text())
            await asyncio.sleep(began + metrics.scrapes * interval - loop.time())
    return Recording(metrics.scrapes, unhealthy, await metrics.raised(folder), tocsin.output)


async def _main(minutes: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        recording = await record(Path(folder) / "untouched", minutes * 60, 5)
    report = (
        recording.output,
        f"{recording.scrapes} scrapes in {minutes:g} minutes",
        *(recording.unhealthy or ["/-/healthy answered 200 throughout"]),
        recording.raised or "no alert would have been pending or firing",
    )
    print("\n".join(report))  # noqa: T201 - a script's result
    return 1 if recording.unhealthy or recording.raised else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)))
