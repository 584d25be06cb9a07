"""Alertmanager's webhooks over HTTP."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.processes import until
from tocsin.conf.settings import Scope
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.errors import Overloaded, StoreUnavailable
from tocsin.web.edge import Deadlines
from web.frontdoor import OWN_TOKEN, SETTINGS, TOKENS, FrontDoor, front_door

FIXTURES = Path(__file__).parents[1] / "fixtures" / "alertmanager"
PATH = "/webhooks/alertmanager"
DOWN = {"alerts": [{"labels": {"alertname": "Down"}}]}


async def test_an_alert_answered_200_is_in_an_incident(door):
    async with door.call("POST", PATH, data=(FIXTURES / "0.25_mixed.json").read_bytes()) as answer:
        assert answer.status == 200
        assert await answer.json() == {"status": "ok", "alerts": 2}
    incident = await door.engine.incident("1")
    assert incident.alerts_firing == 1
    assert door.figure("webhooks_received_total", code="200") == 1
    assert door.figure("alerts_received_total", status="firing") == 1
    assert door.figure("alerts_received_total", status="resolved") == 1
    assert not door.intake.reports


async def test_200_comes_only_after_the_commit(door):
    door.intake.gate = asyncio.Event()
    request = asyncio.create_task(door.status("POST", PATH, json=DOWN))
    done, _ = await asyncio.wait({request}, timeout=0.2)
    assert not done
    door.intake.gate.set()
    assert await request == 200
    assert len(door.intake.taken) == 1


async def test_the_source_is_the_paths(door):
    assert await door.status("POST", f"{PATH}/eu-west.1", json=DOWN) == 200
    assert await door.status("POST", PATH, json=DOWN) == 200
    assert [alert.source for alert in door.intake.taken] == ["eu-west.1", "default"]


@pytest.mark.parametrize("source", ["tocsin", "a%20b", ".hidden", "x" * 64, "a/b"])
async def test_a_source_of_another_form_is_not_there(door, source):
    assert await door.status("POST", f"{PATH}/{source}", json=DOWN) == 404
    assert not door.intake.taken


async def test_a_bad_alert_is_kept_aside_and_named_in_the_answer(door):
    async with door.call("POST", PATH, data=(FIXTURES / "one_bad.json").read_bytes()) as answer:
        assert answer.status == 200
        assert await answer.json() == {
            "status": "ok",
            "alerts": 2,
            "quarantined": ["$.alerts[1].labels: expected at least one label"],
        }
    stored = await door.engine.store.read(lambda tx: tx.quarantined())
    assert [item.error for item in stored] == ["$.alerts[1].labels: expected at least one label"]


async def test_the_bad_alerts_of_a_webhook_are_one_entry_that_counts_how_often_they_come(door):
    webhook = {"alerts": [*range(1000), *DOWN["alerts"]]}
    for _ in range(3):
        async with door.call("POST", PATH, json=webhook) as answer:
            assert answer.status == 200
            summary = await answer.json()
            assert (summary["alerts"], summary["quarantined"][-1]) == (1, "and 995 more")
        door.engine.clock.advance(seconds=60)
    [entry] = await door.engine.store.read(lambda tx: tx.quarantined())
    assert (entry.alerts, entry.seen, entry.body) == (1000, 3, "0\n1\n2\n3\n4")
    assert (entry.at, entry.last_at) == (door.engine.clock.start, door.engine.clock.start + 120_000_000)


@pytest.mark.parametrize(("count", "left_out", "counted"), [(500, "500", 500), (-1, "an unknown number of", 1)])
async def test_alerts_omitted_by_the_sender_are_reported_and_counted(door, count, left_out, counted):
    assert await door.status("POST", f"{PATH}/east", json={**DOWN, "truncatedAlerts": count}) == 200
    [(reason, source, detail)] = door.intake.reports
    assert (reason, source) == ("truncated", "east")
    assert detail.startswith(f"the sender left {left_out} alerts out of a webhook with 1")
    assert door.figure("alerts_truncated_total") == counted


@pytest.mark.parametrize("count", [0, 0.0, "0", None])
async def test_no_alerts_left_out_is_nothing_to_tell(door, count):
    assert await door.status("POST", PATH, json={**DOWN, "truncatedAlerts": count}) == 200
    assert not door.intake.reports
    assert door.figure("alerts_truncated_total") == 0


async def test_an_alert_with_an_unreadable_part_is_taken_and_counted(door):
    body = (FIXTURES / "bad_annotation_and_time.json").read_bytes()
    async with door.call("POST", PATH, data=body) as answer:
        assert await answer.json() == {"status": "ok", "alerts": 1}
    assert door.figure("alerts_repaired_total") == 1
    assert not door.intake.reports


async def test_a_body_that_is_not_a_webhook_is_refused_with_its_position_and_reported(door):
    async with door.call("POST", f"{PATH}/east", json={"alerts": 5}) as answer:
        assert answer.status == 400
        assert await answer.json() == {
            "error": {"code": "malformed", "message": "$.alerts: expected a list, got a number"}
        }
    [(reason, source, detail)] = door.intake.reports
    assert (reason, source) == ("malformed", "east")
    assert "$.alerts: expected a list" in detail
    assert door.figure("inbound_rejected_total", edge="alertmanager", reason="malformed") == 1
    assert door.figure("webhooks_received_total", code="400") == 1


async def test_a_wrong_token_of_an_unknown_sender_is_reported(door):
    assert await door.status("POST", PATH, token="wrong", json=DOWN) == 401
    [(reason, source, detail)] = door.intake.reports
    assert (reason, source) == ("strangers", "alertmanager")
    assert "wrong" not in detail
    assert door.figure("webhooks_received_total", code="401") == 1


@pytest.mark.parametrize("token", [None, "wrong", TOKENS[Scope.READ]])
async def test_an_unauthorized_sender_does_not_choose_the_text_of_reports(door, token):
    for number in range(3):
        assert await door.status("POST", f"{PATH}/invented-{number}", token=token, json=DOWN) in (401, 403)
    assert {source for _, source, _ in door.intake.reports} == {"alertmanager"}
    assert "invented" not in str(door.intake.reports)


async def test_a_slash_too_many_is_the_default_source(door):
    assert await door.status("POST", f"{PATH}/", json=DOWN) == 200
    assert [alert.source for alert in door.intake.taken] == ["default"]


@pytest.mark.parametrize(
    "path", [f"{PATH}/not%20a%20name", f"{PATH}/east/", f"{PATH}/a/b", "/webhooks/alertmanger", "/webhooks/"]
)
async def test_a_mistyped_path_is_reported_because_its_alerts_are_lost(door, path):
    async with door.call("POST", path, json=DOWN) as answer:
        assert answer.status == 404
        assert "/webhooks/alertmanager/NAME" in (await answer.json())["error"]["message"]
    [(reason, source, _)] = door.intake.reports
    assert (reason, source) == ("misaddressed", "webhooks")
    assert door.figure("inbound_rejected_total", edge="webhooks", reason="malformed") == 1
    assert not door.intake.taken


async def test_a_stranger_at_a_mistyped_path_is_a_stranger(door):
    assert await door.status("POST", "/webhooks/nothing", token="wrong", json=DOWN) == 401
    assert door.intake.reports[0][:2] == ("strangers", "webhooks")


@pytest.mark.parametrize("source", ["tocsin", "tocsin-drill"])
async def test_tocsins_own_sources_are_reserved_and_their_use_is_reported(door, source):
    assert await door.status("POST", f"{PATH}/{source}", json=DOWN) == 404
    assert door.intake.reports[0][0] == "reserved"


async def test_tocsins_own_token_sends_drills_and_opens_nothing_else(door):
    assert await door.status("POST", f"{PATH}/tocsin-drill", token=OWN_TOKEN, json=DOWN) == 200
    for path in ("/api/v1/incidents", "/api/v1/status", "/api/v1/drills"):
        assert await door.status("GET", path, token=OWN_TOKEN) == 403
    assert await door.status("POST", "/-/reload", token=OWN_TOKEN) == 403


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused_and_reported(chunked):
    webhook = SETTINGS.webhook.model_copy(update={"max_body": 10_000})
    async with front_door(SETTINGS.model_copy(update={"webhook": webhook})) as door:
        large = json.dumps({"alerts": [], "x": "y" * 10_000}).encode()

        async def parts():
            yield large[:5000]
            yield large[5000:]

        assert await door.status("POST", PATH, data=parts() if chunked else large) == 413
        assert door.intake.reports[0][0] == "too_large"
        assert door.figure("webhooks_received_total", code="413") == 1
        assert await door.status("POST", PATH, data=json.dumps({"alerts": [], "x": "y" * 9_900}).encode()) == 200


async def test_a_body_above_aiohttps_own_limit_is_taken(door):
    text = "z" * 10_000
    alerts = [{"labels": {"alertname": "Down", "n": str(n)}, "annotations": {"t": text}} for n in range(150)]
    body = json.dumps({"alerts": alerts}).encode()
    assert len(body) > 1 << 20
    assert await door.status("POST", PATH, data=io.BytesIO(body)) == 200
    assert len(door.intake.taken) == 150


async def test_a_packed_body_is_refused_and_never_unpacked(door):
    packed = gzip.compress(json.dumps(DOWN).encode())
    assert await door.status("POST", PATH, data=packed, headers={"Content-Encoding": "gzip"}) == 415
    assert not door.intake.taken


@pytest.mark.parametrize("failure", [StoreUnavailable("no disk"), Overloaded("20000 alerts wait")])
async def test_our_own_trouble_is_a_503_that_asks_to_come_again(door, failure):
    door.intake.failure = failure
    async with door.call("POST", PATH, json=DOWN) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await answer.json())["error"]["message"] == str(failure)
    assert door.figure("inbound_rejected_total", edge="alertmanager", reason="overloaded") == 1
    assert not door.intake.reports


async def test_a_bug_of_ours_is_a_500_without_details(door):
    door.intake.failure = RuntimeError("the secret reason")
    async with door.call("POST", PATH, json=DOWN) as answer:
        assert answer.status == 500
        assert "secret" not in await answer.text()
    assert door.figure("webhooks_received_total", code="500") == 1


async def test_a_commit_that_takes_too_long_is_a_503_and_the_time_for_it_counts():
    async with front_door(deadlines=Deadlines(commit=0.05)) as door:
        assert await door.status("POST", PATH, json=DOWN) == 200
        before = door.figure("webhook_commit_seconds_sum")
        door.intake.gate = asyncio.Event()
        assert await door.status("POST", PATH, json=DOWN) == 503
        assert len(door.intake.taken) == 1
        assert door.figure("webhook_commit_seconds_count") == 2
        assert door.figure("webhook_commit_seconds_sum") - before > 0.04


async def test_a_body_that_does_not_arrive_is_a_503_that_ends_the_connection():
    async with front_door(deadlines=Deadlines(body=0.05)) as door:
        host, port = door.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = [f"POST {PATH} HTTP/1.1", f"Host: {host}", "Authorization: Bearer alices-token", "Content-Length: 100"]
        writer.write("\r\n".join([*lines, "", '{"alerts"']).encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"connection: close" in answer.lower()
        writer.close()


async def test_a_large_body_is_read_off_the_loop_and_taken(door):
    alerts = [{"labels": {"alertname": "Down", "pad": "x" * 900, "n": str(n)}} for n in range(700)]
    body = json.dumps({"alerts": alerts}).encode()
    assert len(body) > 512 * 1024
    assert await door.status("POST", PATH, data=body) == 200
    assert len(door.intake.taken) == 700


async def test_the_answer_does_not_name_our_libraries(door):
    async with door.call("POST", PATH, json=DOWN) as answer:
        assert answer.headers["Server"] == "tocsin"


# Large ones.


def tiny(count: int) -> bytes:
    return json.dumps({"alerts": [{"labels": {"a": str(n)}} for n in range(count)]}).encode()


def large(alerts: int = 400) -> bytes:
    return json.dumps({"alerts": [{"labels": {"a": str(n), "pad": "x" * 1000}} for n in range(alerts)]}).encode()


@pytest_asyncio.fixture
async def patient_door() -> AsyncIterator[FrontDoor]:
    """Return a door whose large webhooks may take their time, on a slow machine too."""
    async with front_door(deadlines=Deadlines(commit=60)) as door:
        yield door


async def test_a_large_webhook_is_read_whole_including_what_follows_its_alerts(patient_door):
    door = patient_door
    alerts = [*({"labels": {"a": str(n)}} for n in range(12_000)), 7]
    body = json.dumps({"alerts": alerts, "status": "resolved", "truncatedAlerts": 3}).encode()
    assert len(body) > 256 * 1024
    async with door.call("POST", PATH, data=body) as answer:
        summary = await answer.json()
    assert summary == {
        "status": "ok",
        "alerts": 12_000,
        "quarantined": ["$.alerts[12000]: expected an object, got a number"],
    }
    assert {alert.status for alert in door.intake.taken} == {AlertStatus.RESOLVED}
    assert len({alert.fingerprint for alert in door.intake.taken}) == 12_000
    assert door.figure("alerts_received_total", status="resolved") == 12_000
    assert door.figure("alerts_truncated_total") == 3


async def test_nothing_of_a_large_body_that_is_no_webhook_is_taken(door):
    async with door.call("POST", PATH, data=large()[:-1]) as answer:
        assert answer.status == 400
        assert "not JSON" in (await answer.json())["error"]["message"]
    assert not door.intake.taken


async def test_a_retry_of_a_large_webhook_gets_the_outcome_of_the_first():
    async with front_door(deadlines=Deadlines(commit=1)) as door:
        door.intake.gate = asyncio.Event()
        assert await door.status("POST", PATH, data=large()) == 503
        again = asyncio.create_task(door.status("POST", PATH, data=large()))
        assert await door.status("POST", PATH, data=large()) == 503
        assert await again == 503
        door.intake.gate.set()
        await until(lambda: door.figure("alerts_received_total", status="firing") == 400, 30, "all of it is taken")
        door.intake.failure = AssertionError("it is taken again")
        assert await door.status("POST", PATH, data=large()) == 200
        assert len(door.intake.taken) == 400
        assert door.figure("alerts_received_total", status="firing") == 400


async def test_a_large_webhook_that_is_being_taken_does_not_keep_the_daemon_from_stopping():
    async with front_door(deadlines=Deadlines(commit=0.2)) as door:
        door.intake.gate = asyncio.Event()
        assert await door.status("POST", PATH, data=large()) == 503
        await asyncio.wait_for(door.server.close(), 30)
        door.intake.gate.set()
        await asyncio.sleep(0)
        assert not door.intake.taken


async def test_a_delivered_outcome_is_forgotten(door):
    for taken in (400, 800):
        assert await door.status("POST", PATH, data=large()) == 200
        assert len(door.intake.taken) == taken


async def test_a_large_webhook_that_was_not_committed_is_processed_again_on_retry(door):
    door.intake.failure = StoreUnavailable("no disk")
    assert await door.status("POST", PATH, data=large()) == 503
    door.intake.failure = None
    assert await door.status("POST", PATH, data=large()) == 200
    assert len(door.intake.taken) == 400


async def test_more_large_webhooks_than_may_be_taken_at_once_are_asked_to_come_again():
    webhook = SETTINGS.webhook.model_copy(update={"max_large": 1})
    settings = SETTINGS.model_copy(update={"webhook": webhook})
    async with front_door(settings, Deadlines(commit=1)) as door:
        door.intake.gate = asyncio.Event()
        first = asyncio.create_task(door.status("POST", PATH, data=large()))
        await asyncio.wait_for(door.intake.arrived.wait(), 30)
        async with door.call("POST", PATH, data=large(401)) as answer:
            assert answer.status == 503
            assert "webhook.max_large allows 1" in (await answer.json())["error"]["message"]
        door.intake.gate.set()
        await first


async def test_a_small_webhook_is_answered_while_a_large_one_waits(door):
    door.intake.gate = asyncio.Event()
    request = asyncio.create_task(door.status("POST", PATH, data=large()))
    await asyncio.wait_for(door.intake.arrived.wait(), 30)
    door.intake.gate, gate = None, door.intake.gate
    assert await door.status("POST", PATH, json=DOWN) == 200
    assert not request.done()
    gate.set()
    assert await request == 200


@pytest.mark.parametrize("item", ["1", "{}", '""', '{"":1}', "[[]]"])
async def test_very_many_things_that_are_no_alerts_are_one_entry_and_the_alert_among_them_is_taken(patient_door, item):
    door = patient_door
    body = f'{{"alerts":[{",".join([item] * 200_000)},{{"labels":{{"alertname":"Down"}}}}]}}'.encode()
    async with door.call("POST", PATH, data=io.BytesIO(body)) as answer:
        assert answer.status == 200
        assert (await answer.json())["alerts"] == 1
    [entry] = await door.engine.store.read(lambda tx: tx.quarantined())
    assert (entry.alerts, entry.body) == (200_000, json.dumps(json.loads(item)))
    assert door.engine.observer.counted("quarantined_total") == 200_000
