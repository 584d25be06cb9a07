import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels.pagerduty.channel import RATE_LIMIT_WAIT, PagerDutyChannel
from tocsin.channels.pagerduty.payload import EVENT_LIMIT, SEVERITIES, render, severity
from tocsin.channels.pagerduty.settings import PagerDutySettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason
from tocsin.testing.content import alert_line
from tocsin.testing.content import content as any_content
from tocsin.testing.pagerduty_server import ROUTING_KEY, PagerDutyServer
from tocsin.testing.standin import Drop, ErrorStatus, Hang

OTHER_KEY = "f" * 32


def content(job: Job = Job.PAGE, **fields: object) -> Content:
    return any_content(job, **({"destination": "primary"} | fields))


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with PagerDutyServer([ROUTING_KEY, OTHER_KEY]) as running:
        yield running


@contextlib.asynccontextmanager
async def running(server: PagerDutyServer, **given: object) -> AsyncIterator[PagerDutyChannel]:
    keys = {"primary": {"key": Secret(ROUTING_KEY)}, "second": {"key": Secret(OTHER_KEY)}}
    settings = {"routing_keys": keys, "base_url": server.url, "concurrency": 2, **given}
    made = PagerDutyChannel("pd", PagerDutySettings.model_validate(settings))
    await made.start()
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def channel(server: PagerDutyServer) -> AsyncIterator[PagerDutyChannel]:
    async with running(server) as made:
        yield made


async def test_page_acknowledge_resolve_are_one_alert_by_the_pages_key(channel, server):
    receipt = await channel.send(content(key="page-1"))
    assert (receipt.outcome, receipt.http_status, receipt.ref) == (Outcome.SENT, 202, "page-1")
    await channel.send(content(Job.ACKNOWLEDGE, key="page-1:acknowledge", about="page-1"))
    await channel.send(content(Job.RESOLVE, key="page-1:resolve", about="page-1"))
    assert [(each["dedup_key"], each["effect"]) for each in server.accepted] == [
        ("page-1", "opened"),
        ("page-1", "acknowledged"),
        ("page-1", "resolved"),
    ]


async def test_the_same_page_again_is_seen_once(channel, server):
    server.fail(Drop(accept=True))
    assert (await channel.send(content(key="page-1"))).outcome is Outcome.AMBIGUOUS
    assert (await channel.send(content(key="page-1", possible_duplicate=True))).outcome is Outcome.SENT
    assert server.notified == ["page-1"]
    assert server.alert("page-1").triggers == 2


async def test_the_destination_names_the_routing_key(channel, server):
    await channel.send(content(key="a", destination="second"))
    assert server.accepted[0]["routing_key"] == OTHER_KEY
    receipt = await channel.send(content(destination="nobody"))
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.CLIENT_ERROR)
    assert "nobody" in receipt.detail
    assert server.requests == 1


async def test_a_key_that_pagerduty_does_not_know_is_refused_with_its_reason(server):
    async with running(server, routing_keys={"primary": {"key": Secret("e" * 32)}}) as channel:
        receipt = await channel.send(content())
    assert receipt.outcome is Outcome.PERMANENT
    assert "'routing_key' is not known" in receipt.detail
    assert "e" * 32 not in receipt.detail


async def test_a_rate_limit_without_a_time_waits_half_a_minute(channel, server):
    server.rate.calls = 1
    assert (await channel.send(content(key="a"))).outcome is Outcome.SENT
    receipt = await channel.send(content(key="b"))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.RATE_LIMITED)
    assert receipt.retry_after == RATE_LIMIT_WAIT == 30_000_000
    assert server.requests == 2, "the client's own retries are off"
    assert (await channel.send(content(key="c", destination="second"))).outcome is Outcome.SENT


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refused_credential_is_permanent(channel, server, status: int):
    server.fail(ErrorStatus(status))
    receipt = await channel.send(content())
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.AUTH)


async def test_while_every_thread_is_busy_the_rest_was_surely_not_sent(server):
    server.fail(Hang(), Hang())
    async with running(server, timeout="400ms") as channel:
        receipts = await asyncio.gather(*(channel.send(content(key=key)) for key in "abc"))
    assert [receipt.outcome for receipt in receipts] == [Outcome.AMBIGUOUS, Outcome.AMBIGUOUS, Outcome.RETRY]
    assert server.requests == 2


async def test_it_blocks_no_more_threads_than_it_may(channel, server):
    await asyncio.gather(*(channel.send(content(key=str(number))) for number in range(20)))
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("channel-pd")]
    assert 0 < len(mine) <= 2
    assert len(server.accepted) == 20


def test_a_trigger_says_what_where_and_how_bad():
    action, key, event = render(content(url="https://tocsin.example.com/i/12"))
    assert (action, key) == ("trigger", content().key)
    payload = event["payload"]
    assert payload["summary"] == (
        "[SEV-1] #12 checkout: HighLatency on checkout. SEV-1: on-call engineer first. 1 alert firing. p99 above 2 s."
    )
    assert (payload["source"], payload["component"], payload["group"]) == ("web-1:9100", "checkout", "eu-1")
    assert (payload["class"], payload["severity"]) == ("HighLatency", "critical")
    assert payload["custom_details"]["because"] == "SEV-1: on-call engineer first."
    assert event["client_url"] == "https://tocsin.example.com/i/12"
    assert [link["text"] for link in event["links"]] == [
        "Incident in tocsin",
        "Runbook: HighLatency",
        "Alert: HighLatency",
    ]


def test_a_duplicate_is_not_spoken_of_where_there_is_none_to_see():
    details = render(content(possible_duplicate=True, late=600_000_000))[2]["payload"]["custom_details"]
    assert details["remarks"] == ["This comes 10 min late."]


def test_without_an_instance_or_a_service_there_is_still_a_source():
    assert render(content(alerts=()))[2]["payload"]["source"] == "checkout"
    assert render(content(alerts=(), service=""))[2]["payload"]["source"] == "tocsin"


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        (1, ["critical"]),
        (2, ["critical", "error"]),
        (3, ["critical", "error", "warning"]),
        (4, ["critical", "error", "warning", "info"]),
        (5, ["critical", "error", "error", "warning", "info"]),
        (7, ["critical", "critical", "error", "error", "warning", "warning", "info"]),
    ],
)
def test_severities_are_spread_over_pagerdutys_four(ranks: int, expected: list[str]):
    assert [severity(rank, ranks) for rank in range(ranks)] == expected


@given(st.integers(1, 50))
def test_a_lower_level_never_gets_a_higher_severity(ranks: int):
    spread = [SEVERITIES.index(severity(rank, ranks)) for rank in range(ranks)]
    assert spread[0] == 0
    assert spread == sorted(spread)


async def test_what_is_too_large_loses_its_details_and_is_still_a_page(channel, server):
    alert = alert_line()
    alert.annotations.update({f"note-{number}": "ü" * 2000 for number in range(60)})
    receipt = await channel.send(content(alerts=(alert,) * 10))
    assert receipt.outcome is Outcome.SENT
    event = server.accepted[0]["event"]
    assert list(event["payload"]["custom_details"]) == ["note"]
    assert event["links"], "only what is too large goes"


def test_the_largest_event_stays_under_the_limit():
    alerts = []
    for number in range(100):
        alert = alert_line(f"A{number}")
        url = f"https://example.com/{number}/"
        alerts.append(msgspec.structs.replace(alert, generator_url=url + "x" * (2000 - len(url))))
    wide = content(alerts=tuple(alerts), title="t" * 5000, because="b" * 600_000, url="https://t.example.com")
    event = render(wide)[2]
    assert len(json.dumps(event).encode()) <= EVENT_LIMIT
    assert len(event["payload"]["summary"]) == 1024
    assert len(event["links"]) == 10


def test_the_state_of_a_storms_incidents_is_in_words() -> None:
    labels = {"alertname": "Down", "incident": "#1 shop", "state": "triggered"}
    member = msgspec.structs.replace(alert_line(), labels=labels)
    _, _, event = render(content(members=1, alerts=(member,)))
    assert event["payload"]["custom_details"]["sample"][0]["labels"]["state"] == "not acknowledged"
    _, _, event = render(content(alerts=(member,)))
    assert event["payload"]["custom_details"]["sample"][0]["labels"]["state"] == "triggered", "a label of an alert"
