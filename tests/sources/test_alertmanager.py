"""An Alertmanager's API v2: its alerts, and when its response cannot be trusted."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from e2e.observability import Alertmanager as Real
from e2e.observability import posts_at_once
from e2e.processes import until
from tocsin.conf.secrets import Secret
from tocsin.conf.source_settings import SourceSettings
from tocsin.core.alerts.alert import fingerprint
from tocsin.ports.source import Unreachable
from tocsin.sources.alertmanager import ATTEMPTS, Alertmanager
from tocsin.testing.alertmanager_server import AlertmanagerServer
from tocsin.testing.standin import Drop, ErrorStatus, Fault, Hang, Junk
from web.turns import short_turns

DOWN = {"alertname": "Down", "instance": "a", "size": "9 µm"}
SLOW = {"alertname": "Slow", "instance": "b"}


def settings(url: str = "http://127.0.0.1:1", **more: Any) -> SourceSettings:
    return SourceSettings.model_validate({"alertmanager": [url], **more})


@pytest.fixture
async def server() -> AsyncIterator[AlertmanagerServer]:
    async with AlertmanagerServer() as running:
        running.know(DOWN)
        yield running


def replica(server: AlertmanagerServer, **more: Any) -> Alertmanager:
    return Alertmanager(server.url, settings(server.url, **more))


async def test_alerts_in_every_state_are_returned(server: AlertmanagerServer) -> None:
    for number, state in enumerate(("silenced", "inhibited", "unprocessed")):
        server.know({**SLOW, "n": str(number)}, state)
    found = await replica(server).alerts()
    assert found[fingerprint(DOWN)] == DOWN
    assert len(found) == 4


async def test_an_answer_with_very_many_alerts_does_not_hold_up_the_event_loop(server: AlertmanagerServer) -> None:
    alerts = [{"labels": {**DOWN, "n": str(number)}, "fingerprint": f"{number:016x}"} for number in range(80_000)]
    server.fail(Junk(json.dumps(alerts).encode()))
    async with short_turns():
        found = await replica(server).alerts()
    assert len(found) == 80_000


@pytest.mark.parametrize(
    "fault",
    [Drop(), ErrorStatus(503), ErrorStatus(500), ErrorStatus(502)],
    ids=str,
)
async def test_a_hiccup_is_got_over_within_the_look(server: AlertmanagerServer, fault: Fault) -> None:
    server.fail(fault)
    assert set(await replica(server).alerts()) == {fingerprint(DOWN)}


@pytest.mark.parametrize(
    ("fault", "told", "requests"),
    [
        (ErrorStatus(401), "status 401", 1),
        (ErrorStatus(404), "status 404", 1),
        (ErrorStatus(307, {"Location": "/api/v2/status"}), "status 307", 1),
        (ErrorStatus(503), "status 503", ATTEMPTS),
        (Drop(), "no answer", ATTEMPTS),
        (Junk(b""), "not from an Alertmanager API v2", 2),
        (Junk(b"{}"), "not from an Alertmanager API v2", 2),
        (Junk(b"null"), "not from an Alertmanager API v2", 2),
        (Junk(b'[{"labels": {"a": 1}}]'), "not from an Alertmanager API v2", 2),
        (Junk(b'[{"fingerprint": "0123456789abcdef"}]'), "not from an Alertmanager API v2", 2),
        (Junk(b"<html>"), "not from an Alertmanager API v2", 2),
        (Junk(b"[" * 100_000), "not from an Alertmanager API v2", 2),
    ],
    ids=str,
)
async def test_an_invalid_response_counts_as_unreachable(
    server: AlertmanagerServer, fault: Fault, told: str, requests: int
) -> None:
    server.fail(*[fault] * (10 if requests == ATTEMPTS else 1))
    with pytest.raises(Unreachable, match=told):
        await replica(server).alerts()
    # aiohttp by itself repeats what a connection that it had kept did not answer.
    assert server.requests <= 2 * requests


async def test_a_stopped_alertmanager_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match="no answer"):
            await Alertmanager(url, settings(url)).alerts()


async def test_a_freshly_started_alertmanager_does_not_count_regardless_of_its_clock(
    server: AlertmanagerServer,
) -> None:
    server.started = datetime.now(UTC) - timedelta(minutes=5, seconds=2)
    assert await replica(server).alerts()
    server.started = datetime.now(UTC) - timedelta(minutes=4)
    with pytest.raises(Unreachable, match="may not know all alerts yet"):
        await replica(server).alerts()
    server.restart()
    with pytest.raises(Unreachable, match=r"started [01] s ago"):
        await replica(server).alerts()
    server.started = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(Unreachable):
        await replica(server).alerts()


async def test_an_alertmanager_waiting_for_its_cluster_does_not_count(server: AlertmanagerServer) -> None:
    server.cluster = "settling"
    with pytest.raises(Unreachable, match="settling"):
        await replica(server).alerts()
    server.cluster = "disabled"
    assert await replica(server).alerts()


async def test_it_authenticates_and_no_environment_sends_it_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with AlertmanagerServer(token="a-token-1") as server:
        server.know(DOWN)
        assert await replica(server, bearer=Secret("a-token-1")).alerts()
        with pytest.raises(Unreachable, match="status 401"):
            await replica(server, bearer=Secret("a-token-2")).alerts()


async def post(url: str, labels: dict[str, str], ends_in: int) -> None:
    at = datetime.now(UTC) + timedelta(seconds=ends_in)
    alert = {"labels": labels, "startsAt": (at - timedelta(hours=1)).isoformat(), "endsAt": at.isoformat()}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/api/v2/alerts", json=[alert]) as answer:
        assert answer.status == 200, await answer.text()


async def silence(url: str, labels: dict[str, str]) -> None:
    now = datetime.now(UTC)
    body = {
        "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "quiet",
    }
    async with aiohttp.ClientSession() as session, session.post(f"{url}/api/v2/silences", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_real_alertmanager_says_what_it_knows_silenced_or_not_and_nothing_for_five_minutes(
    tmp_path: Path,
) -> None:
    async with Real(tmp_path, posts_at_once("http://127.0.0.1:1/nowhere", "token")) as real:
        asked = Alertmanager(real.url, settings(real.url), settled_after=timedelta(seconds=-5))
        await post(real.url, DOWN, 300)
        await post(real.url, SLOW, 300)
        await silence(real.url, SLOW)

        async def knows_both() -> bool:
            return set(await asked.alerts()) == {fingerprint(DOWN), fingerprint(SLOW)}

        await until(knows_both, 10, "both alerts are known")
        assert (await asked.alerts())[fingerprint(DOWN)] == DOWN
        await post(real.url, DOWN, -1)

        async def knows_one() -> bool:
            return set(await asked.alerts()) == {fingerprint(SLOW)}

        await until(knows_one, 10, "the alert that has resolved is gone")
        with pytest.raises(Unreachable, match="may not know all alerts yet"):
            await Alertmanager(real.url, settings(real.url)).alerts()


async def test_an_alertmanager_that_never_answers_times_out(server: AlertmanagerServer) -> None:
    server.fail(Hang(), Hang(), Hang(), Hang(), Hang(), Hang())
    async with asyncio.timeout(15):
        with pytest.raises(Unreachable, match="no answer"):
            await replica(server).alerts()
