import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import pytest

from tocsin.channels.webhook.channel import WebhookChannel
from tocsin.channels.webhook.payload import render
from tocsin.channels.webhook.settings import WebhookChannelSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import CHANNEL_JOBS, Job
from tocsin.ports.channel import Outcome
from tocsin.testing.content import NOW, alert_line, content
from tocsin.testing.webhook_sink import WebhookSink


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as running:
        yield running


async def _sent(sink: WebhookSink, job: Job = Job.PAGE, **settings: object) -> dict:
    channel = WebhookChannel("hook", WebhookChannelSettings.model_validate({"url": f"{sink.url}/in?x=1", **settings}))
    await channel.start()
    await channel.send(content(job, key="page-1", about="page-0", recipient="al", late=1_500_000))
    await channel.close()
    return sink.accepted[0]


async def test_the_body_says_everything_a_receiver_needs(sink: WebhookSink):
    body = (await _sent(sink))["body"]
    assert body["version"] == 1
    assert (body["job"], body["key"], body["about"]) == ("page", "page-1", "page-0")
    assert (body["target"], body["recipient"], body["late_seconds"]) == ("alice", "al", 1.5)
    assert body["text"] == "[SEV-1] #12 checkout: HighLatency on checkout"
    assert body["incident"]["id"] == "01JD0000000000000000000000"
    assert (body["incident"]["severity"], body["incident"]["rank"], body["incident"]["state"]) == (
        "SEV-1",
        0,
        "triggered",
    )
    assert body["incident"]["opened_at"] == "2026-11-20T03:00:09+00:00"
    assert body["incident"]["acknowledged_at"] is None
    assert body["alerts"][0]["labels"]["instance"] == "web-1:9100"
    assert body["sent_at"] == "2026-11-20T03:05:09+00:00"


async def test_the_idempotency_key_is_a_header_and_nothing_is_signed_unasked(sink: WebhookSink):
    headers = (await _sent(sink))["headers"]
    assert headers["Idempotency-Key"] == "page-1"
    assert headers["Content-Type"] == "application/json"
    assert not {"Authorization", "X-Tocsin-Signature", "Cookie"} & set(headers)


async def test_a_bearer_token_is_sent(sink: WebhookSink):
    assert (await _sent(sink, bearer=Secret("t0ken")))["headers"]["Authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("url", "doubtful"),
    [
        ("http://hooks.example.com/", True),
        ("http://10.0.0.7:8080/", True),
        ("https://hooks.example.com/", False),
        ("http://127.0.0.1:8080/", False),
        ("http://[::1]:8080/", False),
        ("http://localhost/", False),
    ],
)
def test_a_bearer_token_that_crosses_a_network_in_the_clear_is_doubted(url: str, doubtful: bool):
    assert bool(WebhookChannelSettings(url=url, bearer=Secret("t0ken")).doubts()) is doubtful
    assert WebhookChannelSettings(url=url).doubts() == ()


async def test_the_signature_covers_the_time_and_the_raw_body(sink: WebhookSink):
    accepted = await _sent(sink, signing=Secret("s3cret"))
    timestamp = accepted["headers"]["X-Tocsin-Timestamp"]
    raw = json.dumps(accepted["body"], separators=(",", ":")).encode()
    digest = hmac.new(b"s3cret", f"{timestamp}.".encode() + raw, hashlib.sha256).hexdigest()
    assert timestamp == str(NOW // 1_000_000)
    assert accepted["headers"]["X-Tocsin-Signature"] == f"v1={digest}"


def test_announcements_are_for_those_who_ask():
    def handles(**settings: object) -> frozenset[Job]:
        return WebhookChannel("x", WebhookChannelSettings.model_validate({"url": "http://h/", **settings})).handles

    assert handles() == {Job.PAGE, Job.UPDATE, Job.ACKNOWLEDGE, Job.RESOLVE, Job.AUTOMATE}
    assert handles(announce=True) == CHANNEL_JOBS


def test_history_tells_each_entry_in_words_as_well():
    entry = Entry(
        incident_id="x", seq=7, at=NOW, kind="acknowledged", actor="alice", via="slack", data={"severity": "S1"}
    )
    (told,) = json.loads(render(content(Job.HISTORY, history=(entry,))))["history"]
    assert (told["seq"], told["kind"], told["data"]) == (7, "acknowledged", {"severity": "S1"})
    assert told["text"] == "03:05:09 UTC acknowledged by alice (slack)"


def test_labels_come_through_unchanged_even_where_they_are_no_text():
    alert = alert_line(odd="\ud800 <b> \x1b")
    assert json.loads(render(content(alerts=(alert,))))["alerts"][0]["labels"]["odd"] == "\ud800 <b> \x1b"


def _entries(many: int, size: int) -> tuple[Entry, ...]:
    made = {"incident_id": "01JD", "at": NOW, "kind": "note", "actor": "al", "via": "api"}
    return tuple(Entry(seq=seq, data={"text": "x" * size}, **made) for seq in range(many))


@pytest.mark.parametrize(
    ("alerts", "history", "left_out"),
    [
        (10 * (alert_line(note="x" * 50_000),), (), None),
        (10 * (alert_line(note="x" * 500_000),), (), None),
        (10 * (alert_line(**{f"label{number}": "x" * 3000 for number in range(200)}),), (), {"alerts"}),
        ((), _entries(1000, 4000), {"history"}),
        (10 * (alert_line(**{f"label{number}": "\ud800" * 3000 for number in range(64)}),), (), {"alerts"}),
    ],
    ids=["fits", "long label", "many labels", "long history", "escaped"],
)
async def test_a_body_is_never_longer_than_receivers_take(sink, alerts, history, left_out):
    channel = WebhookChannel("hook", WebhookChannelSettings.model_validate({"url": f"{sink.url}/in"}))
    await channel.start()
    receipt = await channel.send(content(Job.HISTORY if history else Job.PAGE, alerts=alerts, history=history))
    await channel.close()
    assert receipt.outcome is Outcome.SENT
    [taken] = sink.accepted
    assert int(taken["headers"]["Content-Length"]) <= 1_000_000
    told = taken["body"].get("left_out", {})
    assert set(told) == (left_out or set())
    assert len(taken["body"]["alerts"]) + told.get("alerts", 0) == len(alerts)
    assert len(taken["body"]["history"]) + told.get("history", 0) == len(history)
    if history:
        assert taken["body"]["history"][-1]["seq"] == len(history) - 1, "the newest are kept"


def test_a_playbooks_own_message_and_the_incidents_own_say_why_they_come() -> None:
    message = content(Job.UPDATE, because="notice, as it was opened", text=RenderedText.written("It is down."))
    body = json.loads(render(message))
    assert body["because"] == "Message of the playbook Emergency response, sent when the incident was opened."
    assert body["message"]["text"] == "It is down."
    assert json.loads(render(content(Job.ANNOUNCE, because="")))["because"] == (
        "Current state: not acknowledged; 1 alert firing."
    )
