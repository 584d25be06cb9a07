"""Promises that every kind of channel keeps, each tested against its stand-in."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.channels.channel_rigs import HTTP_RIGS, IMPATIENT, NETWORKED, RIGS, Rig, stand_in
from tocsin.channels.http import LONGEST_WAIT, classify_status
from tocsin.channels.registry import KINDS
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Channel, Outcome, Reason
from tocsin.testing.content import NOW, alert_line
from tocsin.testing.standin import Drip, Drop, ErrorStatus, Hang, Junk, StandIn

STATUSES = [status for status in range(200, 600) if status not in (204, 205, 304)]
"""Every final status that may have a body; httpx and aiohttp read those without one differently."""


@pytest.fixture(params=sorted(RIGS))
def rig(request: pytest.FixtureRequest) -> Rig:
    return RIGS[request.param]


@pytest.fixture(params=HTTP_RIGS)
def http_rig(request: pytest.FixtureRequest) -> Rig:
    return RIGS[request.param]


@pytest.fixture
async def server(http_rig: Rig):
    async with stand_in(http_rig.kind) as running:
        yield running


@pytest.fixture
async def channel(http_rig: Rig, server: StandIn):
    async with http_rig.running(server.url) as running:
        yield running


@pytest.fixture
async def impatient(http_rig: Rig, server: StandIn):
    async with http_rig.running(server.url, IMPATIENT) as running:
        yield running


async def _in_reach(rig: Rig, stack: AsyncExitStack) -> Channel:
    """A channel that works, of any kind."""
    url = (await stack.enter_async_context(stand_in(rig.kind))).url if rig.kind in NETWORKED else ""
    return await stack.enter_async_context(rig.running(url))


def _in_order(jobs: frozenset[Job]) -> list[Job]:
    """The incident's own message comes first: its receipt says where the rest goes. A room is archived last."""
    return sorted(jobs, key=lambda job: (job is Job.ROOM_ARCHIVE, job is not Job.ANNOUNCE, job))


def test_every_kind_has_a_rig():
    assert {rig.kind for rig in RIGS.values()} == set(KINDS)


async def test_it_carries_the_name_and_kind_that_it_was_given(rig: Rig):
    channel = rig.build("http://127.0.0.1:1")
    assert (channel.name, channel.kind) == ("mine", rig.kind)


async def test_it_handles_pages_and_takes_every_job_that_it_says_it_handles(rig: Rig):
    async with AsyncExitStack() as stack:
        channel = await _in_reach(rig, stack)
        assert Job.PAGE in channel.handles
        ref = ""
        for number, job in enumerate(_in_order(channel.handles)):
            receipt = await channel.send(rig.content(job, ref=ref, now=NOW + number * MINUTE))
            assert receipt.outcome is Outcome.SENT, (job, receipt)
            ref = ref or receipt.ref


async def test_it_may_be_closed_without_a_start_and_twice(rig: Rig):
    channel = rig.build("http://127.0.0.1:1")
    await channel.close()
    await channel.start()
    await channel.close()
    await channel.close()


async def test_before_its_start_and_after_its_close_nothing_is_sent_and_nothing_is_lost(rig: Rig):
    channel = rig.build("http://127.0.0.1:1")
    before = await channel.send(rig.content())
    await channel.start()
    await channel.close()
    after = await channel.send(rig.content())
    assert before.outcome is after.outcome is Outcome.RETRY


async def test_every_status_is_classified_by_the_one_table(http_rig: Rig, server: StandIn, channel: Channel):
    for status in STATUSES:
        server.fail(ErrorStatus(status, body=b"{}"))
        receipt = await channel.send(http_rig.content())
        table = classify_status(status)
        expected = table.outcome, table.reason
        if status // 100 == 2 and http_rig.kind == "slack":
            # Slack says yes with "ok": true, not with a status.
            expected = Outcome.AMBIGUOUS, Reason.BAD_ANSWER
        elif status in (502, 504) and http_rig.kind == "pagerduty":
            # Seen once by its dedup_key, so that a lost answer makes no duplicate.
            expected = Outcome.RETRY, Reason.SERVER_ERROR
        assert (receipt.outcome, receipt.reason) == expected, status
        assert receipt.http_status in (status, None), status
    assert server.requests == len(STATUSES), "each attempt was made exactly once"


async def test_a_rate_limit_is_retried_when_the_provider_says(http_rig: Rig, server: StandIn, channel: Channel):
    server.fail(ErrorStatus(429, {"Retry-After": "45"}), ErrorStatus(429, {"Retry-After": "999999"}))
    receipt = await channel.send(http_rig.content())
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.RATE_LIMITED)
    assert receipt.retry_after == 45_000_000
    later = NOW + receipt.retry_after
    assert (await channel.send(http_rig.content(now=later))).retry_after == LONGEST_WAIT


async def test_nothing_listening_is_surely_not_sent(http_rig: Rig):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can take it
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with http_rig.running(url) as channel:
            receipt = await channel.send(http_rig.content())
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.CONNECTION)
    assert "ECONNREFUSED" in receipt.detail


async def test_no_answer_in_time_may_have_been_taken(http_rig: Rig, server: StandIn, impatient: Channel):
    server.fail(Hang(accept=True))
    receipt = await impatient.send(http_rig.content())
    assert (receipt.outcome, receipt.reason) == (Outcome.AMBIGUOUS, Reason.TIMEOUT)
    assert len(server.accepted) == 1


async def test_a_connection_that_is_cut_may_have_been_taken(http_rig: Rig, server: StandIn, channel: Channel):
    server.fail(Drop(accept=True))
    receipt = await channel.send(http_rig.content())
    assert (receipt.outcome, receipt.reason) == (Outcome.AMBIGUOUS, Reason.CONNECTION)
    assert server.requests == len(server.accepted) == 1


@pytest.mark.parametrize(
    "junk",
    [
        Junk(),
        Junk(b""),
        Junk(b"[]"),
        Junk(b"null"),
        Junk(b'"ok"'),
        Junk(b'{"ok"'),
        Junk(b"<html>", "text/html"),
        Junk(b"ok", "text/plain"),
        Junk(b"\x1f\x8b\x08", "application/gzip"),
    ],
    ids=str,
)
async def test_a_junk_answer_is_no_loss(http_rig: Rig, server: StandIn, channel: Channel, junk: Junk):
    server.fail(junk)
    receipt = await channel.send(http_rig.content())
    # Only Slack needs its answer to know; with the others the status says enough.
    expected = Outcome.AMBIGUOUS if http_rig.kind == "slack" else Outcome.SENT
    assert receipt.outcome is expected
    assert len(server.accepted) == 1
    assert (await channel.send(http_rig.content())).outcome is Outcome.SENT, "the next one is as good as ever"


async def test_an_answer_is_not_read_without_end(http_rig: Rig, server: StandIn, impatient: Channel):
    server.fail(Junk(b" " * (8 << 20)), Drip())
    for _ in range(2):
        receipt = await impatient.send(http_rig.content())
        expected = Outcome.AMBIGUOUS if http_rig.kind == "slack" else Outcome.SENT
        assert receipt.outcome is expected


async def test_a_redirect_is_not_followed(http_rig: Rig, server: StandIn, channel: Channel):
    server.fail(ErrorStatus(307, {"Location": f"{server.url}/elsewhere"}))
    receipt = await channel.send(http_rig.content())
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.BAD_ANSWER)
    assert server.requests == 1


async def test_no_proxy_is_taken_from_the_environment(http_rig: Rig, server: StandIn, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with http_rig.running(server.url) as channel:
        assert (await channel.send(http_rig.content())).outcome is Outcome.SENT


async def test_a_receipt_holds_no_secret(http_rig: Rig, server: StandIn, channel: Channel):
    spoken = " ".join((server.url, *http_rig.secrets))
    server.fail(
        ErrorStatus(400, body=spoken.encode()),
        Junk(f'{{"ok": false, "error": "invalid_blocks", "response_metadata": {{"messages": ["{spoken}"]}}}}'.encode()),
        Drop(),
    )
    details = [(await channel.send(http_rig.content())).detail for _ in range(3)]
    assert any(details)
    for secret in http_rig.secrets:
        assert not any(secret in detail for detail in details)


async def test_a_cancelled_attempt_leaves_the_channel_usable(http_rig: Rig, server: StandIn):
    async with http_rig.running(server.url) as channel:
        server.fail(Hang())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await channel.send(http_rig.content())
        assert (await channel.send(http_rig.content())).outcome is Outcome.SENT


async def test_closing_while_a_call_hangs_does_not_hang(http_rig: Rig, server: StandIn):
    channel = http_rig.build(server.url, IMPATIENT)
    await channel.start()
    server.fail(Hang(accept=True))
    attempt = asyncio.create_task(channel.send(http_rig.content()))
    await server.accepts(1)
    async with asyncio.timeout(10):
        await channel.close()
        receipt = await attempt
    assert receipt.outcome is Outcome.AMBIGUOUS


async def test_many_at_once_all_arrive(http_rig: Rig):
    async with stand_in(http_rig.kind, limited=False) as server, http_rig.running(server.url) as channel:
        contents = [http_rig.content(key=f"key-{number}") for number in range(40)]
        receipts = await asyncio.gather(*map(channel.send, contents))
    assert {receipt.outcome for receipt in receipts} == {Outcome.SENT}
    assert len(server.accepted) == 40


HOSTILE = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["<!channel>", "<@U0EVERYONE>", "a & b < c > d", "\x1b[2J\x07", "\ud800", "\u202e", "<", '"\\', "]]>"]
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(HOSTILE, min_size=6, max_size=6),
    labels=st.dictionaries(HOSTILE, HOSTILE, max_size=12),
    swollen=st.sampled_from([1, 400]),
)
async def test_a_page_is_sent_for_any_alert_content(rig: Rig, texts: list[str], labels: dict[str, str], swollen: int):
    title, instance, cluster, summary, runbook, dashboard = (text * swollen for text in texts)
    alert = alert_line(title, instance=instance, cluster=cluster)
    alert.labels.update({name: value * swollen for name, value in labels.items()})
    alert.annotations.update(summary=summary, runbook_url=runbook, dashboard_url=f"https://{dashboard}")
    async with AsyncExitStack() as stack:
        channel = await _in_reach(rig, stack)
        ref = ""
        for number, job in enumerate(_in_order(channel.handles - {Job.ROOM_CREATE, Job.ROOM_ARCHIVE})):
            texts_of_it = {"title": title, "service": instance, "because": cluster}
            told = rig.content(job, **texts_of_it, alerts=(alert,) * 10, ref=ref, now=NOW + number * MINUTE)
            receipt = await channel.send(told)
            assert receipt.outcome is Outcome.SENT, (job, receipt)
            ref = ref or receipt.ref
