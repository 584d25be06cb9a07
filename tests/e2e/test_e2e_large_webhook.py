"""A webhook of very many tiny alerts is taken to its end, and nobody waits for it: senders, pages, health checks."""

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from e2e.processes import get_json, until
from e2e.tocsin_process import Tocsin, alert, webhook
from tocsin.testing.webhook_sink import WebhookSink

ALERTS = int(os.environ.get("TOCSIN_LARGE_ALERTS", "40000"))
"""400,000 are 14 MB."""
PATH = "/webhooks/alertmanager"
PEOPLE = {
    "people": {"alex": {"contact": {"channel": "wire"}}},
    "groups": {
        name: ["alex"]
        for name in (
            *("on-call-engineer", "engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security"),
            *("incident-commander", "communication-lead", "stakeholders", "incidents"),
        )
    },
}


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@asynccontextmanager
async def again_and_again(call: Callable[[int], Awaitable[None]], pause: float) -> AsyncIterator[list[float]]:
    """Call until the end of the block; yields how long each call took."""
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
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_nobody_waits_for_a_webhook_of_very_many_alerts(tmp_path: Path) -> None:
    tiny = ",".join(f'{{"labels":{{"job":"j","a":"{number:06d}"}}}}' for number in range(ALERTS))
    large = f'{{"alerts":[{tiny}]}}'.encode()
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

            async def send_small(number: int) -> None:
                await post(webhook(alert("Small", service="small", n=str(number), severity="info")))

            async def check_health(_: int) -> None:
                async with session.get(f"{tocsin.url}/-/healthy") as answer:
                    assert answer.status == 200

            async def send_large() -> None:
                """As Alertmanager does: repeated until it is taken."""
                while True:
                    async with session.post(tocsin.url + PATH, data=io.BytesIO(large)) as answer:
                        if answer.status == 200:
                            assert (await answer.json())["alerts"] == ALERTS
                            return
                        assert answer.status == 503
                    await asyncio.sleep(0.5)

            async with again_and_again(send_small, 0.05) as small, again_and_again(check_health, 0.01) as health:
                sending = asyncio.create_task(send_large())
                await asyncio.sleep(0.5)
                began = time.perf_counter()
                await post(webhook(alert("PageMe", service="other")))
                await until(lambda: any("PageMe" in str(entry["body"]) for entry in sink.accepted), 30, "it is paged")
                paged_after = time.perf_counter() - began
                await sending
            counts = await get_json(f"{tocsin.url}/api/v1/incidents", tocsin.token)
            firing = {incident["service"]: incident["alerts_firing"] for incident in counts["incidents"]}
            assert firing["j"] == ALERTS
            assert paged_after < 2
            assert quantile(small, 0.99) < 1
            assert quantile(health, 0.99) < 0.25
