"""The way in, over HTTP."""

import asyncio
import gzip
import io
import json
from pathlib import Path

import pytest

from tocsin.conf.settings import Scope
from tocsin.core.errors import Overloaded, StoreUnavailable
from tocsin.web.keys import Deadlines
from web.frontdoor import SETTINGS, TOKENS, front_door

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
            "quarantined": ["$.alerts[1].labels.port: expected text, got a number"],
        }
    stored = await door.engine.store.read(lambda tx: tx.quarantined())
    assert [item.error for item in stored] == ["$.alerts[1].labels.port: expected text, got a number"]


async def test_what_is_no_webhook_is_refused_with_its_place_and_told(door):
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


async def test_a_strangers_wrong_token_is_told(door):
    assert await door.status("POST", PATH, token="wrong", json=DOWN) == 401
    [(reason, source, detail)] = door.intake.reports
    assert (reason, source) == ("strangers", "alertmanager")
    assert "wrong" not in detail
    assert door.figure("webhooks_received_total", code="401") == 1


@pytest.mark.parametrize("token", [None, "wrong", TOKENS[Scope.READ]])
async def test_who_may_send_nothing_does_not_choose_what_tocsins_people_hear_of(door, token):
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
async def test_a_mistyped_path_is_told_since_its_alerts_are_lost(door, path):
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


async def test_tocsins_own_source_is_nobody_elses_and_that_is_told(door):
    assert await door.status("POST", f"{PATH}/tocsin", json=DOWN) == 404
    assert door.intake.reports[0][0] == "reserved"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused_and_told(chunked):
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


async def test_a_commit_that_takes_too_long_is_a_503():
    async with front_door(deadlines=Deadlines(commit=0.05)) as door:
        door.intake.gate = asyncio.Event()
        assert await door.status("POST", PATH, json=DOWN) == 503
        assert not door.intake.taken


async def test_a_body_that_does_not_arrive_is_a_503_that_ends_the_connection():
    async with front_door(deadlines=Deadlines(body=0.05)) as door:
        host, port = door.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = [f"POST {PATH} HTTP/1.1", f"Host: {host}", "Authorization: Bearer alices-token", "Content-Length: 100"]
        writer.write("\r\n".join([*lines, "", '{"alerts"']).encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
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
