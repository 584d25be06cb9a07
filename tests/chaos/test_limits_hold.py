"""One peer exceeds each of its limits; other peers' alerts and due pages are on time."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from chaos.siege import ATTACKER, Siege, connections, siege
from e2e.processes import until

POST = b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\n"
LARGE = 17 << 20

Attack = Callable[[Siege], AbstractAsyncContextManager[object]]


def bearer(besieged: Siege) -> bytes:
    return f"Authorization: Bearer {besieged.tocsin.token}\r\n".encode()


def slow_bodies(besieged: Siege) -> AbstractAsyncContextManager[object]:
    head = POST + bearer(besieged) + b"Content-Length: 1000\r\n\r\n{"
    return connections(besieged.tocsin, head, 300)


def nothing_at_all(besieged: Siege) -> AbstractAsyncContextManager[object]:
    return connections(besieged.tocsin, b"", 600)


def pipelined(besieged: Siege) -> AbstractAsyncContextManager[object]:
    return connections(besieged.tocsin, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 30, 50)


@asynccontextmanager
async def again_and_again(besieged: Siege, token: str, body: bytes, workers: int) -> AsyncIterator[None]:
    """Post something until it is over."""

    async def post() -> None:
        connector = aiohttp.TCPConnector(local_addr=(ATTACKER, 0))
        headers, url = {"Authorization": f"Bearer {token}"}, f"{besieged.tocsin.url}/webhooks/alertmanager"
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.post(url, data=BytesIO(body)) as answer:
                        await answer.read()

    tasks = [asyncio.create_task(post()) for _ in range(workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def wrong_tokens(besieged: Siege) -> AbstractAsyncContextManager[object]:
    return again_and_again(besieged, f"wrong-{random.random()}", b"{}", 8)


def large_bodies(besieged: Siege) -> AbstractAsyncContextManager[object]:
    return again_and_again(besieged, str(besieged.tocsin.token), b"[" * LARGE, 2)


def no_webhooks(besieged: Siege) -> AbstractAsyncContextManager[object]:
    return again_and_again(besieged, str(besieged.tocsin.token), b'{"alerts": 5}', 8)


@pytest.mark.parametrize(
    ("attack", "metric"),
    [
        (slow_bodies, "connections_open"),
        (nothing_at_all, "connections_closed_total"),
        (pipelined, "connections_open"),
        (wrong_tokens, "inbound_rejected_total"),
        (large_bodies, "inbound_rejected_total"),
        (no_webhooks, "inbound_rejected_total"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_others_are_served_on_time(tmp_path: Path, attack: Attack, metric: str) -> None:
    async with siege(tmp_path, limits={"request_head": "1s"}) as besieged, attack(besieged):
        await besieged.expect_alerts_and_pages_in_time("OthersAreServed")
        await until(lambda: besieged.metric(metric), 30, f"{metric} counts it")
