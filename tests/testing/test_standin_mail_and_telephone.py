"""The stand-ins for a mail server, Twilio and Alertmanager refuse what the real ones refuse."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from e2e.processes import until
from tocsin.testing.alertmanager_server import AlertmanagerServer
from tocsin.testing.smtp_message import check_message
from tocsin.testing.smtp_server import SIZE, SmtpServer
from tocsin.testing.standin import Hang
from tocsin.testing.twilio_server import (
    ACCOUNT,
    API_KEY,
    API_SECRET,
    AUTH_TOKEN,
    NUMBER,
    SERVICE,
    TwilioServer,
    signature,
)
from tocsin.testing.webhook_sink import WebhookSink

GOOD = (
    b"From: tocsin <tocsin@example.com>\r\nTo: alice@example.com\r\nSubject: Down\r\n"
    b"Date: Fri, 20 Nov 2026 03:05:09 +0000\r\nMessage-ID: <5f0c@example.com>\r\n\r\nHelp.\r\n"
)
TALK = ("EHLO example.com", "MAIL FROM:<tocsin@example.com>", "RCPT TO:<alice@example.com>", "DATA")


async def talk(server: SmtpServer, *lines: str | bytes) -> list[str]:
    """The codes with which the server answers each of these, its greeting first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    codes = [await code(reader)]
    for line in lines:
        writer.write(line if isinstance(line, bytes) else f"{line}\r\n".encode())
        codes.append(await code(reader))
    writer.close()
    return codes


async def code(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(30):
        while (line := await reader.readline())[3:4] == b"-":
            pass
    return line[:3].decode()


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    async with SmtpServer(known={"alice@example.com"}) as running:
        yield running


async def test_a_good_message_is_taken_with_its_dots(server: SmtpServer) -> None:
    stuffed = GOOD + b"..dot\r\n.\r\n"
    assert await talk(server, *TALK, stuffed) == ["220", "250", "250", "250", "354", "250"]
    assert server.accepted[0]["body"].splitlines() == ["Help.", ".dot"]


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        (["MAIL FROM:<a@example.com>"], "503"),
        ([TALK[0], "RCPT TO:<alice@example.com>"], "503"),
        ([*TALK[:2], "RCPT TO:<bob@example.com>"], "550"),
        ([TALK[0], "MAIL FROM: <a@example.com>"], "501"),
        ([TALK[0], "MAIL FROM:<a@example.com> SIZE=99999999"], "552"),
        ([*TALK[:2], "DATA"], "503"),
        (["EHLO ex ample"], "501"),
        (["HELLO"], "500"),
        (["HELO example.com"], "502"),
        (["EHLO"], "501"),
        ([f"EHLO {'a' * 506}"], "501"),
        ([b"EHLO exam\rple.com\r\n"], "500"),
        ([*TALK[:2], TALK[1]], "503"),
        ([TALK[0], "MAIL FROM:a@example.com"], "501"),
        ([TALK[0], "MAIL FROM:<>"], "501"),
        ([*TALK[:2], "RCPT TO:<alice>"], "501"),
        ([*TALK[:3], "DATA now"], "501"),
        ([*TALK, GOOD.replace(b"\r\nHelp", b"\nHelp") + b".\r\n"], "500"),
        ([*TALK, GOOD.replace(b"From: tocsin <tocsin@", b"From: tocsin <eve@") + b".\r\n"], "554"),
        ([*TALK, GOOD + b"Help.\r\n" * (SIZE // 7) + b".\r\n"], "552"),
        ([b"EHLO example.com\n"], "500"),
        ([TALK[0], "AUTH PLAIN !!!"], "501"),
        ([TALK[0], "AUTH PLAIN AGEAYg=="], "535"),
        ([TALK[0], f"MAIL FROM:<{'a' * 600}@example.com>"], "500"),
    ],
)
async def test_what_no_server_takes_is_refused(server: SmtpServer, lines: Sequence[str | bytes], last: str) -> None:
    assert (await talk(server, *lines))[-1] == last
    assert server.accepted == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"\r\nHelp", b"\nHelp", "stands alone"),
        (b"Help", b"He\rlp", "stands alone"),
        (b"Help", "Hölp".encode(), "8-bit"),
        (b"Help", b"H\0lp", "NUL"),
        (b"Help", b"H" * 999, "998"),
        (b"\r\n\r\n", b"\r\n", "no blank line"),
        (b"Subject: Down", b"Subject Down", "none"),
        (b"Subject: Down\r\n", b"", "Subject stands 0 times"),
        (b"To: alice", b"To: bob@example.com\r\nTo: alice", "To stands 2 times"),
        (b"alice@example.com", b"alice@example.com, bob@example.com", "not one address"),
        (b"<5f0c@example.com>", b"<5f0c>", "no message id"),
        (b"Fri, 20 Nov 2026 03:05:09 +0000", b"yesterday", "no date"),
    ],
)
def test_a_message_that_breaks_the_rules_is_refused_with_the_rule(old: bytes, new: bytes, told: str) -> None:
    assert check_message(GOOD)[1] == ""
    assert old in GOOD
    assert told in check_message(GOOD.replace(old, new))[1]


async def test_more_connections_than_one_address_may_have_are_refused(server: SmtpServer) -> None:
    server.connections = 2
    held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    assert [await code(reader) for reader, _ in held] == ["220", "220"]
    assert await talk(server) == ["421"]
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 200),
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b'"' + b"x" * (1 << 20) + b'"', "application/json", 413),
    ],
)
async def test_the_webhook_sink_takes_json_of_a_sensible_size(body: bytes, content_type: str, status: int) -> None:
    async with WebhookSink() as sink, aiohttp.ClientSession(headers={"Content-Type": content_type}) as session:
        async with session.post(sink.url, data=io.BytesIO(body)) as answer:
            assert answer.status == status
        assert len(sink.accepted) == (status == 200)


CALL = {"To": "+491711234567", "From": NUMBER, "Twiml": "<Response><Say>Down</Say></Response>"}
SMS = {"To": "+491711234567", "From": NUMBER, "Body": "Down"}


@pytest.mark.parametrize(
    ("resource", "change", "error"),
    [
        ("Calls", {}, None),
        ("Messages", {}, None),
        ("Calls", {"To": "0171"}, 21211),
        ("Calls", {"From": "+15005550001"}, 21210),
        ("Messages", {"From": "+15005550001"}, 21606),
        ("Calls", {"Twiml": "<Response><Say>Down</Response>"}, 12100),
        ("Calls", {"Twiml": "<Response><Shout/></Response>"}, 12100),
        ("Calls", {"Twiml": f"<Response><Say>{'a' * 4000}</Say></Response>"}, 12100),
        ("Messages", {"Body": ""}, 21617),
        ("Messages", {"Body": "a" * 1601}, 21617),
        ("Messages", {"MessagingServiceSid": "MG1"}, 21603),
        ("Messages", {"From": None, "MessagingServiceSid": SERVICE}, None),
        ("Messages", {"From": None, "MessagingServiceSid": "MG1"}, 21701),
        ("Messages", {"From": None, "MessagingServiceSid": "MG" + "f" * 32}, 21701),
        ("Messages", {"To": NUMBER}, 21266),
        ("Calls", {"To": NUMBER}, 21266),
        ("Messages", {"ValidityPeriod": "1"}, None),
        ("Messages", {"ValidityPeriod": "36000"}, None),
        ("Messages", {"ValidityPeriod": "36001"}, 20001),
        ("Messages", {"ValidityPeriod": "0"}, 20001),
        ("Messages", {"ValidityPeriod": "1.5"}, 20001),
        ("Calls", {"Timeout": "600"}, None),
        ("Calls", {"Timeout": "601"}, 20001),
        ("Calls", {"Timeout": "99999"}, 20001),
        ("Calls", {"Timeout": "-5"}, 20001),
        ("Calls", {"Twiml": '<Response><Say language="de-DE">Down</Say></Response>'}, None),
        ("Calls", {"Twiml": '<Response><Say language="xx-YY">Down</Say></Response>'}, 12100),
        ("Calls", {"Twiml": "<Response><Say>Down<Pause/></Say></Response>"}, 12100),
        ("Calls", {"Twiml": "<Response><Gather><Gather/></Gather></Response>"}, 12100),
        ("Calls", {"Twiml": '<Response><Gather numDigits="none"/></Response>'}, 12100),
        ("Calls", {"Twiml": '<Response><Gather timeout="0"/></Response>'}, 12100),
        ("Messages", {"To": "+491700000000"}, 21610),
        ("Messages", {"Twiml": "<Response/>"}, 20001),
    ],
)
async def test_twilio_takes_what_it_documents(resource: str, change: dict[str, str | None], error: int | None) -> None:
    given = {name: value for name, value in ((CALL if resource == "Calls" else SMS) | change).items() if value}
    given |= {"Body": ""} if change.get("Body") == "" else {}
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, AUTH_TOKEN)}
    async with TwilioServer(opted_out=["+491700000000"]) as server, aiohttp.ClientSession(headers=headers) as session:
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT}/{resource}.json"
        async with session.post(url, data=given) as answer:
            said = await answer.json()
        assert (answer.status, said.get("code")) == ((400, error) if error else (201, None))
        assert len(server.accepted) == (error is None)


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        (ACCOUNT, AUTH_TOKEN, 201),
        (API_KEY, API_SECRET, 201),
        (API_KEY, AUTH_TOKEN, 401),
        (ACCOUNT, API_SECRET, 401),
        (ACCOUNT, "", 401),
    ],
)
async def test_twilio_knows_the_account_and_its_api_key(user: str, password: str, status: int) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    async with TwilioServer() as server, aiohttp.ClientSession(headers=headers) as session:
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        async with session.post(url, data=SMS) as answer:
            assert answer.status == status


TWILIO = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, AUTH_TOKEN)}


async def test_twilio_queues_a_call_a_second_for_the_account() -> None:
    async with TwilioServer(now=lambda: 0.0) as server, aiohttp.ClientSession(headers=TWILIO) as session:
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
        for number in range(3):
            async with session.post(url, data=CALL) as answer:
                assert (await answer.json())["queue_time"] == str(number * 1000)


async def test_twilio_queues_a_segment_a_second_for_each_number() -> None:
    now = 0.0
    async with TwilioServer(now=lambda: now) as server, aiohttp.ClientSession(headers=TWILIO) as session:
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        for body in ("a" * 161, "b", "c"):
            await session.post(url, data=SMS | {"Body": body})
        now = 10.0
        await session.post(url, data=SMS | {"Body": "d"})
        assert [entry["queued"] for entry in server.accepted] == [0, 2, 3, 0]


@pytest.mark.parametrize(
    ("service", "status", "error"), [(False, 429, None), (True, 201, 30001)], ids=["a number", "a messaging service"]
)
async def test_twilio_refuses_a_message_that_would_wait_for_longer_than_it_is_valid(
    service: bool, status: int, error: int | None
) -> None:
    sms = {**SMS, "ValidityPeriod": "3"}
    if service:
        sms = {**{name: value for name, value in sms.items() if name != "From"}, "MessagingServiceSid": SERVICE}
    async with TwilioServer(now=lambda: 0.0) as server, aiohttp.ClientSession(headers=TWILIO) as session:
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        for _ in range(3):
            await session.post(url, data=sms)
        async with session.post(url, data=sms) as answer:
            said = await answer.json()
        assert (answer.status, said.get("code")) == (status, 21611 if status == 429 else None)
        assert [entry["error"] for entry in server.accepted] == [None] * 3 + ([error] if error else [])


async def test_twilio_refuses_requests_beyond_the_accounts_concurrency() -> None:
    async with TwilioServer(concurrent=2) as server, aiohttp.ClientSession(headers=TWILIO) as session:
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        server.fail(Hang(), Hang())
        hanging = [asyncio.create_task(session.post(url, data=SMS)) for _ in range(2)]
        await until(lambda: server.requests == 2, 10, "both are at work")
        async with session.post(url, data=SMS) as answer:
            assert (answer.status, (await answer.json())["code"]) == (429, 20429)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


@pytest.mark.parametrize(
    ("signs_port", "url", "signed"),
    [
        (False, "https://h:8443/x?y=1", "https://h/x?y=1"),
        (False, "http://h/x", "http://h/x"),
        (True, "https://h/x", "https://h:443/x"),
        (True, "https://[::1]:8443/x", "https://[::1]:8443/x"),
        (None, "https://h:8443/x", "https://h:8443/x"),
    ],
)
async def test_twilio_signs_the_url_with_or_without_its_port(signs_port: bool | None, url: str, signed: str) -> None:
    class Near(TwilioServer):
        def reached(self, url: str) -> str:  # noqa: ARG002 - wherever it is said to be
            return f"{sink.url}/callback"

    async with WebhookSink(form=True) as sink, Near(signs_port=signs_port) as server:
        await server.answer(url, "+491711234567", "ack")
        (taken,) = sink.accepted
        assert taken["headers"]["X-Twilio-Signature"] == signature(AUTH_TOKEN, signed, taken["body"])


async def test_alertmanager_shows_what_it_is_asked_for() -> None:
    async with AlertmanagerServer() as server, aiohttp.ClientSession() as session:
        server.know({"alertname": "A"})
        server.know({"alertname": "B"}, "silenced")
        for query, count in (({}, 2), ({"silenced": "false"}, 1), ({"active": "false"}, 1)):
            async with session.get(f"{server.url}/api/v2/alerts", params=query) as answer:
                assert len(await answer.json()) == count
        async with session.get(f"{server.url}/api/v2/alerts", params={"silent": "true"}) as answer:
            assert answer.status == 400


@pytest.mark.parametrize("module", ["smtp_server", "twilio_server", "alertmanager_server"])
async def test_each_runs_by_itself_and_says_where(tmp_path: Path, module: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tocsin.testing.{module}", "--log", str(tmp_path / "log")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"://127.0.0.1:" in await process.stdout.readline()
    process.terminate()
    assert await process.wait() == 0
