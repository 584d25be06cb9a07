import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tocsin.testing.pagerduty_server import REST_KEY, ROUTING_KEY, PagerDutyServer
from tocsin.testing.pagerduty_webhook import User, ping
from tocsin.testing.webhook_sink import WebhookSink

BOB = User("PBOB123", "Bob")
TRIGGER = {
    "routing_key": ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "key-1",
    "payload": {"summary": "disk full", "source": "db-1", "severity": "critical"},
}


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with PagerDutyServer() as running:
        yield running


async def post(server: PagerDutyServer, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | headers
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.url}/v2/enqueue", data=data, headers=sent) as answer,
    ):
        return answer.status, await answer.json()


def trigger(**changes: Any) -> dict[str, Any]:
    return TRIGGER | changes


def payload(**changes: Any) -> dict[str, Any]:
    return TRIGGER | {"payload": TRIGGER["payload"] | changes}


def act(action: str, dedup_key: str = "key-1") -> dict[str, Any]:
    return {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": dedup_key}


async def test_a_good_event_is_answered_as_pagerduty_does(server):
    status, answer = await post(server, TRIGGER)
    assert (status, answer) == (202, {"status": "success", "message": "Event processed", "dedup_key": "key-1"})


async def test_without_a_dedup_key_a_trigger_gets_one(server):
    event = {name: value for name, value in TRIGGER.items() if name != "dedup_key"}
    assert (await post(server, event))[1]["dedup_key"]


async def test_everything_that_the_contract_allows_is_taken(server):
    full = payload(
        timestamp="2015-07-17T08:42:58.315+0000",
        component="mysql",
        group="prod",
        custom_details={"free space": "1%", "load avg": 0.75, "deep": {"a": [1]}},
        **{"class": "disk"},
    ) | {
        "client": "tocsin",
        "client_url": "https://monitoring.example.com",
        "links": [{"href": "http://pagerduty.example.com", "text": "An example"}],
        "images": [{"src": "https://chart.example.com/x.png", "href": "https://example.com", "alt": "An image"}],
    }
    assert (await post(server, full))[0] == 202


@pytest.mark.parametrize(
    "event",
    [
        trigger(routing_key=None),
        trigger(routing_key="short"),
        trigger(routing_key="0" * 32),
        trigger(event_action="explode"),
        trigger(dedup_key=""),
        trigger(dedup_key=7),
        trigger(dedup_key="k" * 256),
        trigger(payload=None),
        trigger(payload=[]),
        payload(summary=""),
        payload(summary="s" * 1025),
        payload(summary=5),
        payload(source=" "),
        payload(severity="fatal"),
        payload(severity=["critical"]),
        payload(timestamp="yesterday"),
        payload(timestamp="2026-11-20T03:05:09"),
        payload(component=5),
        payload(custom_details="text"),
        payload(sumary="misspelt"),
        trigger(client=5),
        trigger(client_url="not a url"),
        trigger(links={}),
        trigger(links=[{"text": "no href"}]),
        trigger(links=[{"href": "javascript:alert(1)"}]),
        trigger(links=[{"href": "https://x", "label": "unknown"}]),
        trigger(images=[{"src": "http://not-https"}]),
        trigger(surprise=1),
        act("acknowledge") | {"payload": {}},
        act("resolve", ""),
        {"routing_key": ROUTING_KEY, "event_action": "acknowledge"},
        {"routing_key": ROUTING_KEY},
        [],
        "text",
        b"{not json",
        payload(custom_details={"big": "x" * 512_000}),
    ],
    ids=lambda event: str(event)[:80],
)
async def test_what_pagerduty_would_refuse_is_refused_in_its_form(server, event):
    status, answer = await post(server, event)
    assert status == 400
    assert answer["status"] == "invalid event"
    assert answer["errors"]
    assert server.accepted == []


async def test_what_is_no_json_by_its_type_is_refused(server):
    assert (await post(server, TRIGGER, **{"Content-Type": "text/plain"}))[0] == 400


async def effects(server: PagerDutyServer, *events: dict[str, Any]) -> list[str]:
    for event in events:
        assert (await post(server, event))[0] == 202
    return [entry["effect"] for entry in server.accepted]


async def test_an_open_key_deduplicates_and_a_closed_one_opens_again(server):
    events = [TRIGGER, TRIGGER, act("resolve"), TRIGGER]
    assert await effects(server, *events) == ["opened", "absorbed", "resolved", "opened"]
    assert server.notified == ["key-1", "key-1"]
    assert [alert.status for alert in server.alerts] == ["resolved", "triggered"]


async def test_a_trigger_on_an_acknowledged_alert_notifies_no_one(server):
    events = [TRIGGER, act("acknowledge"), TRIGGER, act("acknowledge")]
    assert await effects(server, *events) == ["opened", "acknowledged", "absorbed", "dropped"]
    assert server.alert("key-1").status == "acknowledged"


async def test_acknowledge_and_resolve_of_what_is_not_open_are_dropped_in_silence(server):
    events = [act("acknowledge"), act("resolve", "other"), TRIGGER, act("resolve"), act("resolve")]
    assert await effects(server, *events) == ["dropped", "dropped", "opened", "resolved", "dropped"]


async def test_keys_of_different_services_do_not_meet():
    other = "f" * 32
    async with PagerDutyServer([ROUTING_KEY, other]) as server:
        crossed = act("resolve") | {"routing_key": other}
        assert await effects(server, TRIGGER, trigger(routing_key=other), crossed) == ["opened", "opened", "resolved"]
        assert [alert.status for alert in server.alerts] == ["triggered", "resolved"]


async def test_above_the_rate_it_answers_429_a_key(server):
    server.rate.calls = 2
    answers = [(await post(server, trigger(dedup_key=str(number))))[0] for number in range(3)]
    assert answers == [202, 202, 429]
    assert len(server.accepted) == 2


async def test_a_person_acknowledges_and_the_webhook_about_it_is_signed_with_every_secret(server):
    await post(server, TRIGGER)
    delivery = server.acknowledge("key-1", BOB)
    async with WebhookSink() as sink:
        for _ in range(2):
            assert await server.deliver(delivery, f"{sink.url}/webhooks/pagerduty", ["old", "new"]) == 200
    first, again = sink.accepted
    event = first["body"]["event"]
    assert (event["event_type"], event["resource_type"]) == ("incident.acknowledged", "incident")
    assert (event["agent"]["id"], event["agent"]["summary"]) == ("PBOB123", "Bob")
    assert (event["data"]["incident_key"], event["data"]["status"]) == (None, "acknowledged")
    digests = [hmac.new(secret, delivery.body, hashlib.sha256).hexdigest() for secret in (b"old", b"new")]
    assert first["headers"]["X-PagerDuty-Signature"] == f"v1={digests[0]},v1={digests[1]}"
    assert first["headers"]["X-Webhook-Id"] == again["headers"]["X-Webhook-Id"]
    assert first["body"] == again["body"]
    assert server.alert("key-1").status == "acknowledged"


async def test_an_incidents_key_is_in_its_webhooks_only_if_requested():
    async with PagerDutyServer(shows_keys=True) as server:
        await post(server, TRIGGER)
        for delivery in (server.trigger("key-1"), server.acknowledge("key-1", BOB)):
            assert json.loads(delivery.body)["event"]["data"]["incident_key"] == "key-1"


async def test_a_merged_incident_is_resolved_and_its_alert_moves_to_the_other(server):
    await post(server, TRIGGER)
    await post(server, trigger(dedup_key="key-2"))
    data = json.loads(server.merge("key-1", "key-2", BOB).body)["event"]["data"]
    into = server.alert("key-2").incident_id
    assert (data["resolve_reason"]["type"], data["resolve_reason"]["incident"]["id"]) == ("merge_resolve_reason", into)
    assert data["id"] != server.alert("key-1").incident_id == into


async def alerts(
    server: PagerDutyServer, incident: str, key: str = REST_KEY, **query: str
) -> tuple[int, dict[str, Any]]:
    sent = {"Authorization": f"Token token={key}", "Accept": "application/vnd.pagerduty+json;version=2"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.url}/incidents/{incident}/alerts", params=query, headers=sent) as answer,
    ):
        return answer.status, await answer.json()


async def test_the_alerts_of_an_incident_are_listed_page_by_page(server):
    for key in ("key-1", "key-2", "key-3"):
        await post(server, trigger(dedup_key=key))
    for key in ("key-2", "key-3"):
        server.merge(key, "key-1", BOB)
    incident = server.alert("key-1").incident_id
    status, first = await alerts(server, incident, limit="2")
    assert (status, [each["alert_key"] for each in first["alerts"]], first["more"]) == (200, ["key-1", "key-2"], True)
    _, last = await alerts(server, incident, limit="2", offset="2")
    assert ([each["alert_key"] for each in last["alerts"]], last["more"]) == (["key-3"], False)


async def test_the_rest_api_refuses_what_pagerduty_refuses(server):
    await post(server, TRIGGER)
    incident = server.alert("key-1").incident_id
    assert (await alerts(server, incident, "wrong"))[0] == 401
    assert (await alerts(server, "PNONE"))[0] == 404
    for query in ({"limit": "101"}, {"limit": "0"}, {"offset": "10001"}, {"offset": "x"}):
        assert (await alerts(server, incident, **query))[0] == 400
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Token token={REST_KEY}"}
        async with session.get(f"{server.url}/incidents/{incident}/alerts", headers=headers) as answer:
            assert answer.status == 400, "it does not say which version"


def test_the_documented_rate_is_kept_unless_a_test_says_otherwise():
    assert PagerDutyServer().rate.calls == 120


async def test_a_resolved_incident_opens_again_when_triggered(server):
    await post(server, TRIGGER)
    delivery = server.resolve("key-1", BOB)
    assert json.loads(delivery.body)["event"]["event_type"] == "incident.resolved"
    assert await effects(server, TRIGGER) == ["opened", "opened"]


async def test_an_unknown_key_cannot_be_acknowledged_or_resolved(server):
    with pytest.raises(LookupError):
        server.acknowledge("key-1", BOB)


def test_a_ping_has_no_incident():
    event = json.loads(ping().body)["event"]
    assert (event["event_type"], event["data"]["type"]) == ("pagey.ping", "ping")
