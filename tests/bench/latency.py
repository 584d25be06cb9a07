"""From a webhook to the page that it leads to, at a given rate.

An open loop: each webhook goes out at its moment, whatever has become of those
before, and its latency counts from that moment; a server that stalls cannot
hide it by slowing the generator down.
"""

import asyncio
import time

import aiohttp
from aiohttp import web

from e2e.tocsin_process import Tocsin, alert, webhook

PATIENCE = 20.0
"""Seconds to wait for the last page."""


class PageSink:
    """Notes when the first page about each service arrives."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.url = ""
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def _take(self, request: web.Request) -> web.Response:
        at = time.perf_counter()
        body = await request.json()
        if body["job"] == "page":
            self.arrived.setdefault(body["incident"]["service"], at)
            self._changed.set()
        return web.Response(text="ok")

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def all_of(self, services: list[str]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.arrived.keys() >= set(services):
                self._changed.clear()
                await self._changed.wait()


async def webhook_to_page(daemon: Tocsin, sink: PageSink, rate: int, seconds: int) -> list[float]:
    """The latencies in seconds, ascending."""
    headers = {"Authorization": f"Bearer {daemon.token}"}
    services = [f"paged-{number}" for number in range(rate * seconds)]
    due: dict[str, float] = {}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:

        async def fire(service: str) -> None:
            body = webhook(alert("Down", service=service))
            async with session.post(f"{daemon.url}/webhooks/alertmanager", json=body) as answer:
                assert answer.status == 200, await answer.text()

        began = time.perf_counter()
        for number, service in enumerate(services):
            due[service] = began + number / rate
            await asyncio.sleep(max(0.0, due[service] - time.perf_counter()))
            group.create_task(fire(service))
    await sink.all_of(services)
    return sorted(sink.arrived[service] - due[service] for service in services)
