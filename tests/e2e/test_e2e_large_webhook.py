"""A webhook of very many small alerts is processed completely and delays no sender, page or health check."""

import asyncio
import io
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from e2e.processes import until
from e2e.tocsin_process import Tocsin, alert, webhook
from tocsin.testing.webhook_sink import WebhookSink

ALERTS = int(os.environ.get("TOCSIN_LARGE_ALERTS", "40000"))
"""400,000 are 14 MB."""
LARGEST = 400
"""MB of memory that the daemon may take."""
PATH = "/webhooks/alertmanager"
PEOPLE = {
    "people": {"alex": {"contact": {"channel": "wire"}}},
    "groups": {
        name: ["alex"]
        for name in (
            *("on-call-engineer", "engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security"),
            *(
                "incident-commander",
                "communication-lead",
                "stakeholders",
                "engineering-lead",
                "product",
                "customer-support",
                "incidents",
            ),
        )
    },
}


def peak_memory(pid: int) -> int:
    """Return the most memory that a process has had at a time, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def large_body(alerts: int) -> io.BytesIO:
    tiny = ",".join(f'{{"labels":{{"job":"j","a":"{number:06d}"}}}}' for number in range(alerts))
    return io.BytesIO(f'{{"alerts":[{tiny}]}}'.encode())


@asynccontextmanager
async def again_and_again(call: Callable[[int], Awaitable[None]], pause: float) -> AsyncIterator[list[float]]:
    """Call until the end of the block, each time with success; yields how long each call took."""
    took: list[float] = []

    async def calls() -> None:
        while True:
            began = time.perf_counter()
            await call(len(took))
            took.append(time.perf_counter() - began)
            await asyncio.sleep(pause)

    task = asyncio.create_task(calls())
    try:
        yield took
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_webhook_of_very_many_alerts_delays_nothing_else(tmp_path: Path) -> None:
    async with WebhookSink() as sink:
        settings = {"channels": {"wire": {"kind": "webhook", "url": sink.url}}}
        headers = {"Authorization": f"Bearer {'e2e-' + 't0ken' * 5}"}
        async with (
            Tocsin(tmp_path, settings=settings, people=PEOPLE) as tocsin,
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=60)) as session,
        ):

            async def post(body: dict[str, object]) -> None:
                async with session.post(tocsin.url + PATH, json=body) as answer:
                    assert answer.status == 200

            async def count_of(service: str) -> int:
                found = await tocsin.incidents(service=service)
                return sum(incident["alerts_firing"] for incident in found)

            async def send_small(number: int) -> None:
                await post(webhook(alert("Small", service="small", n=str(number), severity="info")))

            async def check_health(_: int) -> None:
                async with session.get(f"{tocsin.url}/-/healthy") as answer:
                    assert answer.status == 200

            async def send_large() -> None:
                """As Alertmanager does: repeated until it is taken."""
                while True:
                    async with session.post(tocsin.url + PATH, data=large_body(ALERTS)) as answer:
                        if answer.status == 200:
                            assert (await answer.json())["alerts"] == ALERTS
                            return
                        assert answer.status == 503
                    await asyncio.sleep(0.5)

            async with again_and_again(send_small, 0.05) as small, again_and_again(check_health, 0.01) as health:
                sending = asyncio.create_task(send_large())
                await until(lambda: count_of("j"), 30, "a part of the large webhook is taken")
                assert not sending.done()
                before = len(small), len(health)
                await post(webhook(alert("PageMe", service="other")))
                await until(lambda: any("PageMe" in str(entry["body"]) for entry in sink.accepted), 30, "it is paged")
                assert not sending.done(), "the page has not waited for the large webhook"
                await until(lambda: len(small) > before[0] and len(health) > before[1], 30, "others are answered")
                assert not sending.done(), "they have not waited for it either"
                await sending
            assert await count_of("j") == ALERTS
            assert peak_memory(tocsin.pid) < LARGEST
