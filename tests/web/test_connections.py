"""Peers that open many connections, send slowly, or do not read, on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from e2e.processes import until
from tocsin.conf.settings import LimitSettings
from tocsin.testing.recording import RecordingObserver
from tocsin.web.server.connections import ANSWER_WITHIN, ConnectionLimits, Connections
from tocsin.web.server.peers import address_of, counted_as, is_within, sender_of
from web.frontdoor import SETTINGS, FrontDoor, front_door

HALF = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-Slow: "
WHOLE = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Peer:
    """A client that writes its bytes by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def asks(self, request: bytes = WHOLE) -> int:
        """Send a request: the status of the answer, 0 where the connection ends without one."""
        self.writer.write(request)
        return await self.is_told()

    async def is_told(self) -> int:
        """Read one answer."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return 0
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        await self.reader.readexactly(length)
        return int(head.split(b" ")[1])

    async def is_closed(self) -> bool:
        """Wait for the end."""
        async with asyncio.timeout(30):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True


@dataclass
class Gate:
    """The edge with limits of the test's own."""

    door: FrontDoor
    peers: list[Peer] = field(default_factory=list)

    async def opens(self, address: str = "127.0.0.1", first: bytes = b"") -> Peer:
        """Open a connection from an address."""
        host, port = self.door.url.removeprefix("http://").split(":")
        peer = Peer(*await asyncio.open_connection(host, int(port), local_addr=(address, 0)))
        self.peers.append(peer)
        if first:
            peer.writer.write(first)
        return peer

    def ranks(self) -> set[int | None]:
        """In which ranks the open connections make room."""
        by_peer = self.door.server._connections._by_peer
        return {connection.makes_room for own in by_peer.values() for connection in own}

    def closed(self, reason: str) -> float:
        """Return the number of connections closed for a reason."""
        return self.door.figure("connections_closed_total", reason=reason)


@asynccontextmanager
async def gate(limits: ConnectionLimits) -> AsyncIterator[Gate]:
    async with front_door(limits=limits) as door:
        opened = Gate(door)
        try:
            yield opened
        finally:
            for peer in opened.peers:
                peer.writer.transport.abort()


async def test_a_request_head_that_takes_too_long_is_answered_408_and_its_connection_closed() -> None:
    async with gate(ConnectionLimits(head_within=0.2)) as opened:
        slow = await opened.opens(first=HALF)
        assert await slow.is_told() == 408
        assert await slow.is_closed()
        assert opened.closed("slow_head") == 1


async def test_a_head_that_comes_a_byte_at_a_time_has_no_longer() -> None:
    async with gate(ConnectionLimits(head_within=0.2)) as opened:
        slow = await opened.opens(first=HALF)

        def one_more_byte() -> bool:
            slow.writer.write(b"x")
            return opened.closed("slow_head") == 1

        await until(one_more_byte, 5, "its time is over")


@pytest.mark.parametrize(
    "headers", [b"X-Long: " + b"x" * 9_000 + b"\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(70))]
)
async def test_a_head_that_is_too_large_is_answered_400(headers: bytes) -> None:
    async with gate(ConnectionLimits()) as opened:
        peer = await opened.opens()
        assert await peer.asks(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n") == 400
        assert await peer.is_closed()


async def test_the_next_head_on_a_connection_that_was_used_has_the_same_deadline() -> None:
    async with gate(ConnectionLimits(head_within=0.3)) as opened:
        peer = await opened.opens()
        assert await peer.asks() == 200
        peer.writer.write(HALF)
        assert await peer.is_told() == 408


async def test_an_honest_client_keeps_its_connection_between_requests() -> None:
    async with gate(ConnectionLimits(head_within=0.2)) as opened:
        peer = await opened.opens()
        assert await peer.asks() == 200
        assert await (await opened.opens(first=HALF)).is_told() == 408
        assert await peer.asks() == 200


async def test_one_peer_has_so_many_connections_and_the_longest_half_open_makes_room() -> None:
    async with gate(ConnectionLimits(per_peer=3)) as opened:
        first, *_ = [await opened.opens(first=HALF) for _ in range(3)]
        newcomer = await opened.opens()
        assert await newcomer.asks() == 200
        assert await first.is_closed()
        assert opened.closed("made_room") == 1
        assert opened.door.figure("connections_open") == 3


async def test_a_connection_that_has_carried_requests_is_kept_over_an_unused_one() -> None:
    async with gate(ConnectionLimits(per_peer=2)) as opened:
        honest = await opened.opens()
        assert await honest.asks() == 200
        half_open = await opened.opens(first=HALF)
        assert await (await opened.opens()).asks() == 200
        assert await half_open.is_closed()
        assert await honest.asks() == 200


async def test_another_peer_comes_in_where_one_holds_all_connections() -> None:
    async with gate(ConnectionLimits(connections=4, per_peer=4)) as opened:
        for _ in range(4):
            await opened.opens("127.0.0.3", HALF)
        assert await (await opened.opens("127.0.0.2")).asks() == 200
        assert opened.door.figure("connections_open") == 4


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ConnectionLimits(per_peer=2), "too_many_of_peer"),
        (ConnectionLimits(connections=2, per_peer=2), "too_many_of_peer"),
    ],
)
async def test_a_new_connection_gets_503_while_all_others_are_busy(limits: ConnectionLimits, reason: str) -> None:
    async with gate(limits) as opened:
        opened.door.intake.gate = asyncio.Event()
        body = b'{"alerts":[{"labels":{"alertname":"A"}}]}'
        post = b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alices-token\r\n"
        busy = [await opened.opens(first=post + b"Content-Length: %d\r\n\r\n" % len(body) + body) for _ in range(2)]
        await until(lambda: opened.door.intake.waiting == 2, 5, "both are being answered")
        refused = await opened.opens()
        assert await refused.asks() == 503
        assert await refused.is_closed()
        assert opened.closed(reason) == 1
        opened.door.intake.gate.set()
        assert [await peer.is_told() for peer in busy] == [200, 200]


UNFINISHED = b"POST /webhooks/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 41\r\n\r\n"
TOKEN = b"Authorization: Bearer alices-token\r\n"
DOWN = b'{"alerts":[{"labels":{"alertname":"A"}}]}'


@pytest.mark.parametrize("first", [UNFINISHED % (b"pagerduty", b""), UNFINISHED % (b"alertmanager", b"")])
async def test_bodies_that_do_not_end_keep_no_one_out(first: bytes) -> None:
    async with gate(ConnectionLimits(connections=4, per_peer=2)) as opened:
        for address in ("127.0.0.3", "127.0.0.3", "127.0.0.4", "127.0.0.4"):
            stranger = await opened.opens(address, first)
            if b"alertmanager" in first:  # refused; what is left of the body is waited for
                assert await stranger.is_told() == 401
        await until(lambda: opened.door.figure("connections_open") == 4, 5, "all connections are taken")
        honest = await opened.opens("127.0.0.2")
        assert await honest.asks(UNFINISHED % (b"alertmanager", TOKEN) + DOWN) == 200
        assert opened.closed("made_room") == 1


@pytest.mark.parametrize(
    "first",
    [
        UNFINISHED % (b"alertmanager", TOKEN) + DOWN[:9],
        b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\n" + TOKEN + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    ],
)
async def test_a_peer_that_leaves_within_its_body_is_no_failure_of_tocsin(first: bytes) -> None:
    async with gate(ConnectionLimits()) as opened:
        peer = await opened.opens(first=first)
        await until(lambda: opened.ranks() == {None}, 5, "the body is waited for")
        peer.writer.transport.abort()
        await until(lambda: opened.door.figure("connections_open") == 0, 5, "the connection has ended")
        figures = {code: opened.door.figure("webhooks_received_total", code=code) for code in ("400", "500")}
        assert figures == {"400": 1, "500": 0}
        assert opened.door.intake.reports == []


async def test_a_slow_upload_with_a_token_stays() -> None:
    async with gate(ConnectionLimits(connections=2, per_peer=2)) as opened:
        slow = await opened.opens("127.0.0.3", UNFINISHED % (b"alertmanager", TOKEN) + DOWN[:9])
        stranger = await opened.opens("127.0.0.3", UNFINISHED % (b"pagerduty", b""))
        await until(lambda: opened.ranks() == {None, 1}, 5, "both bodies are waited for")
        assert await (await opened.opens("127.0.0.2")).asks() == 200
        assert await stranger.is_closed()
        assert await slow.asks(DOWN[9:]) == 200


async def test_a_listed_proxy_may_have_more_connections_than_one_peer() -> None:
    async with gate(ConnectionLimits(per_peer=1, proxies=(ip_network("127.0.0.9"),))) as opened:
        several = [await opened.opens("127.0.0.9") for _ in range(5)]
        assert [await peer.asks() for peer in several] == [200] * 5


async def test_behind_a_listed_proxy_each_sender_has_its_own_limit() -> None:
    settings = SETTINGS.model_copy(
        update={
            "trusted_proxies": (ip_network("127.0.0.1"),),
            "limits": LimitSettings(connections_per_peer=2),
        }
    )
    async with front_door(settings) as door:
        door.intake.gate = asyncio.Event()
        alert = {"alerts": [{"labels": {"alertname": "A"}}]}

        def post(sender: str) -> asyncio.Task[int]:
            headers = {"X-Forwarded-For": sender}
            return asyncio.create_task(door.status("POST", "/webhooks/alertmanager", json=alert, headers=headers))

        busy = [post("198.51.100.7"), post("198.51.100.7")]
        await door.intake.arrived.wait()
        await until(lambda: door.intake.waiting == 2, 5, "both are in progress")
        assert await post("198.51.100.7") == 503
        assert door.figure("inbound_rejected_total", edge="alertmanager", reason="overloaded") == 1
        other = post("203.0.113.9")
        door.intake.gate.set()
        assert [await request for request in (*busy, other)] == [200, 200, 200]
        assert await post("198.51.100.7") == 200


async def test_what_is_closed_is_forgotten() -> None:
    async with gate(ConnectionLimits(per_peer=2)) as opened:
        for _ in range(10):
            peer = await opened.opens()
            assert await peer.asks() == 200
            peer.writer.close()
            await peer.writer.wait_closed()
        assert opened.closed("made_room") == 0


class _Transport(asyncio.Transport):
    """A connection whose peer reads nothing."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass


async def test_a_peer_that_does_not_read_its_answer_is_cut_off() -> None:
    async with front_door() as door:
        loop = asyncio.get_running_loop()
        connection, transport = door.server._connection(), _Transport()
        connection.connection_made(transport)
        before = loop.time()
        connection.pause_writing()
        timer = connection._answer_timer
        assert timer is not None
        assert timer.when() == pytest.approx(before + ANSWER_WITHIN, abs=1)
        connection._answer_is_unread()
        assert transport.is_aborted
        assert door.figure("connections_closed_total", reason="slow_reader") == 1
        connection.connection_lost(None)


async def test_a_reason_is_logged_once_a_minute() -> None:
    observer = RecordingObserver()
    limiter = Connections(ConnectionLimits, observer)
    for _ in range(1000):
        limiter.closed("slow_head", "127.0.0.3")
    assert observer.counted("connections_closed_total", reason="slow_head") == 1000
    assert len(limiter._logged) == 1


# Whose connection it is.


@pytest.mark.parametrize(
    ("peername", "counted"),
    [
        (("10.0.0.1", 5), "10.0.0.1"),
        (("::ffff:10.0.0.1", 5, 0, 0), "10.0.0.1"),
        (("2001:db8:1:2:3:4:5:6", 5, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::", 5, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::/64"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_peer_is_its_address_or_its_ipv6_site(peername: object, counted: str) -> None:
    assert counted_as(address_of(peername)) == counted


PROXIES = (ip_network("10.0.0.0/24"), ip_network("2001:db8::/32"))


def sender(peer: str, *forwarded: str) -> str:
    class Connected(asyncio.Transport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return (peer, 5) if name == "peername" else default

    headers = {"X-Forwarded-For": ", ".join(forwarded)} if forwarded else {}
    return sender_of(make_mocked_request("GET", "/", headers, transport=Connected()), PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("198.51.100.7",), "192.0.2.1"),
        ("10.0.0.5", (), "10.0.0.5"),
        ("10.0.0.5", ("198.51.100.7",), "198.51.100.7"),
        ("10.0.0.5", ("203.0.113.9", "198.51.100.7"), "198.51.100.7"),
        ("10.0.0.5", ("198.51.100.7", "10.0.0.6"), "198.51.100.7"),
        ("10.0.0.5", ("10.0.0.7", "10.0.0.6"), "10.0.0.5"),
        ("2001:db8::5", ("198.51.100.7",), "198.51.100.7"),
        ("::ffff:10.0.0.5", ("2001:db9::1",), "2001:db9::1"),
        ("10.0.0.5", ("203.0.113.7:54321",), "203.0.113.7"),
        ("10.0.0.5", ("198.51.100.7", "10.0.0.6:443"), "198.51.100.7"),
        ("10.0.0.5", ("[2001:db9::1]:54321",), "2001:db9::1"),
        ("10.0.0.5", ("[2001:db9::1]",), "2001:db9::1"),
        ("10.0.0.5", ("unknown",), "unknown"),
    ],
)
def test_only_listed_proxies_say_who_sent_a_request(peer: str, forwarded: tuple[str, ...], address: str) -> None:
    assert sender(peer, *forwarded) == address


@given(claims=st.lists(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0")), max_size=5))
def test_what_a_sender_claims_before_the_proxy_changes_nothing(claims: list[str]) -> None:
    assert sender("10.0.0.5", *claims, "198.51.100.7") == "198.51.100.7"


def test_what_is_no_address_is_in_no_network() -> None:
    assert not is_within("", PROXIES)
    assert not is_within("unknown", PROXIES)
