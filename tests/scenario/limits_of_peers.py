"""Attacks past the limits of peers: connections, heads, bodies, answers, logins."""

import asyncio
from collections.abc import AsyncIterator

from e2e.processes import until
from scenario.attacks import held, once, repeated
from scenario.besieged import ATTACKER, PATH, TOKEN, Besieged
from tocsin.web.edge import Deadlines
from tocsin.web.server.connections import ConnectionLimits

HALF = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-Slow: "
WHOLE = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
FEW = 6


def post(more: bytes = b"") -> bytes:
    """A webhook whose body does not end."""
    head = b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % TOKEN.encode()
    return head + more + b"Content-Length: 1000\r\n\r\n{"


async def connections(tocsin: Besieged) -> AsyncIterator[None]:
    for _ in range(FEW + 1):
        await tocsin.connect(HALF)
    await until(lambda: tocsin.figure("connections_closed_total") >= 1, 10, "one has made room")
    assert tocsin.figure("connections_open") == FEW
    yield


async def connections_per_peer(tocsin: Besieged) -> AsyncIterator[None]:
    for _ in range(FEW + 1):
        await tocsin.connect(HALF)
    await until(lambda: tocsin.figure("connections_closed_total") >= 1, 10, "one has made room")
    assert tocsin.figure("connections_open") == FEW
    yield


async def requests_behind_a_proxy(tocsin: Besieged) -> AsyncIterator[None]:
    for _ in range(2):
        await tocsin.connect(post(b"X-Forwarded-For: 198.51.100.7\r\n"))
    ranks = tocsin.server._connections._by_peer

    def are_in_progress() -> bool:
        return [each.makes_room for own in ranks.values() for each in own].count(None) >= 2

    await until(are_in_progress, 10, "both are in progress")
    await tocsin.call("GET", "/-/healthy", headers={"X-Forwarded-For": "198.51.100.7"})
    assert tocsin.answer["error"]["message"].startswith("198.51.100.7 has 2 requests in progress")
    yield


async def request_head(tocsin: Besieged) -> None:
    reader, _ = await tocsin.connect(HALF)
    assert await tocsin.status_from(reader) == 408
    assert b"request head took too much time" in await reader.read()


async def request_body(tocsin: Besieged) -> None:
    reader, _ = await tocsin.connect(post())
    assert await tocsin.status_from(reader) == 503
    assert b"did not arrive within" in await reader.readuntil(b"}}")


async def answer_unread(tocsin: Besieged) -> None:
    before = tocsin.figure("connections_closed_total")
    _, writer = await tocsin.connect(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000)
    await until(lambda: tocsin.figure("connections_closed_total") > before, 20, "it is cut off")
    writer.transport.abort()


async def idle_connection(tocsin: Besieged) -> AsyncIterator[None]:
    reader, _ = await tocsin.connect(WHOLE)
    assert await tocsin.status_from(reader) == 200
    async with asyncio.timeout(20):
        await reader.read()  # to the end
    yield


async def header_count(tocsin: Besieged) -> None:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(70))
    reader, _ = await tocsin.connect(WHOLE[:-2] + headers + b"\r\n")
    assert await tocsin.status_from(reader) == 400
    assert b"the request head cannot be read" in await reader.read()


async def header_bytes(tocsin: Besieged) -> None:
    reader, _ = await tocsin.connect(WHOLE[:-2] + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n")
    assert await tocsin.status_from(reader) == 400
    assert b"the request head cannot be read" in await reader.read()


async def metrics_renderings(tocsin: Besieged) -> None:
    for _ in range(20):
        assert await tocsin.call("GET", "/metrics", token="") == 200


async def failed_logins(tocsin: Besieged) -> None:
    for _ in range(21):
        await tocsin.call("POST", PATH, token="wrong", json={})
    assert await tocsin.webhook() == 200, "a valid token is never limited"


async def remembered_senders(tocsin: Besieged) -> None:
    senders = tocsin.daemon.senders
    for number in range(10_000):
        senders._refused[str(number), ""] = (0, False)
    assert await tocsin.call("POST", PATH, token="wrong", json={}) == 401
    assert len(senders._refused) == 10_000


async def self_incidents(tocsin: Besieged) -> None:
    for number in range(102):
        assert await tocsin.call("POST", f"{PATH}/source{number}", json={"alerts": 5}) == 400
    assert [line["source"] for line in tocsin.logged("trouble_reported")][-1] == "many"


async def self_faults(tocsin: Besieged) -> None:
    for number in range(52):
        assert await tocsin.call("POST", PATH, data=b" " * number + b"x") == 400
    await tocsin.daemon.ingest.close()
    assert len(tocsin.logged("trouble_reported")) == 51, "further ones are the fault `more`"


LONG = 600.0
CASES = (
    held(connections, limits=ConnectionLimits(connections=FEW, per_peer=FEW + 10, head_within=LONG)),
    held(connections_per_peer, limits=ConnectionLimits(per_peer=FEW, head_within=LONG)),
    held(
        requests_behind_a_proxy,
        settings={"trusted_proxies": [ATTACKER], "limits": {"connections_per_peer": 2}},
        deadlines=Deadlines(body=LONG, commit=60),
        limits=ConnectionLimits(),
    ),
    repeated(request_head, limits=ConnectionLimits(head_within=0.2)),
    repeated(request_body, deadlines=Deadlines(body=0.2, commit=60)),
    repeated(answer_unread, limits=ConnectionLimits(answer_within=0.2)),
    held(idle_connection, limits=ConnectionLimits(idle_for=0.2)),
    repeated(header_count),
    repeated(header_bytes),
    repeated(metrics_renderings),
    repeated(failed_logins),
    once(remembered_senders),
    once(self_incidents),
    once(self_faults),
)
