"""The daemon under a supervisor: signals, an invalid configuration, a second daemon, an inherited socket."""

import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from e2e.processes import free_port, until
from e2e.tocsin_process import Tocsin, alert
from tocsin.testing.standin import Hang
from tocsin.testing.webhook_sink import WebhookSink

OVER_THE_WIRE = {
    "people": {"alex": {"contact": {"channel": "wire"}}},
    "groups": {
        name: ["alex"]
        for name in (
            *("on-call-engineer", "engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security"),
            *(
                "incident-commander",
                "communication-lead",
                "stakeholders",
                "engineering-lead",
                "product",
                "customer-support",
            ),
            "incidents",
        )
    },
}


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as running:
        yield running


def wired(folder: Path, sink: WebhookSink) -> Tocsin:
    """A daemon whose every page goes to the sink, and which takes 3 seconds at most to stop each part."""
    settings = {
        "shutdown_grace": "3s",
        "channels": {"wire": {"kind": "webhook", "url": sink.url, "timeout": "2s"}},
        "delivery": {"timeout": "2s", "lease": "5s"},
    }
    return Tocsin(folder, settings=settings, people=OVER_THE_WIRE)


async def shows(tocsin: Tocsin, line: str) -> bool:
    _, exposition = await fetch_metrics(tocsin)
    return line in exposition.splitlines()


async def fetch_metrics(tocsin: Tocsin) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{tocsin.url}/metrics") as answer:
        return answer.status, await answer.text()


async def test_a_bad_configuration_never_replaces_a_good_one(tmp_path: Path, sink: WebhookSink) -> None:
    async with wired(tmp_path, sink) as tocsin:
        good = (tocsin.config / "tocsin.yaml").read_text()
        (tocsin.config / "tocsin.yaml").write_text(good + "\nlisten_on: nowhere\n")
        tocsin.signal(signal.SIGHUP)
        await until(lambda: shows(tocsin, "tocsin_config_last_reload_successful 0.0"), 10, "the refusal is exported")
        assert "listen_on" in tocsin.output
        assert await tocsin.fire(alert("StillTaken", service="a")) == 200
        await sink.accepts(1)
        assert sink.accepted[0]["body"]["job"] == "page"

        tocsin.write_secret("token", "another-token-of-some-length")
        (tocsin.config / "tocsin.yaml").write_text(good)
        tocsin.signal(signal.SIGHUP)
        await until(lambda: shows(tocsin, "tocsin_config_last_reload_successful 1.0"), 10, "the good one is taken")
        assert await tocsin.fire(alert("OldToken", service="b")) == 401
        tocsin.token = "another-token-of-some-length"
        assert await tocsin.fire(alert("NewToken", service="b")) == 200


async def test_sigterm_stops_cleanly_and_what_was_not_delivered_is_delivered_by_the_next(
    tmp_path: Path, sink: WebhookSink
) -> None:
    tocsin = wired(tmp_path, sink)
    async with tocsin:
        sink.fail(*[Hang()] * 50)
        assert await tocsin.fire(alert("Down", service="a")) == 200
        await until(lambda: sink.requests > 0, 10, "the page is on its way, and hangs")
        began = time.monotonic()
        assert await tocsin.stop(within=15) == 0
        assert time.monotonic() - began < 10
        assert '"event": "stopped"' in tocsin.output
        assert "Traceback" not in tocsin.output
    sink.recover()
    async with tocsin:
        await sink.accepts(1, within=20)
        page = sink.accepted[0]["body"]
        assert page["job"] == "page"
        assert page["possible_duplicate"] is True


async def test_a_second_daemon_on_the_same_file_refuses(tmp_path: Path, sink: WebhookSink) -> None:
    async with wired(tmp_path / "first", sink) as first:
        second = wired(tmp_path / "second", sink)
        second._environ = {**second._environ, "TOCSIN_STORE_URL": f"sqlite:///{first.database}"}
        second.start()
        assert await second.ended(30) == 1, "after it has waited for the first to end"
        assert str(first.database) in second.output
        assert "Traceback" not in second.output
        waiting = [line for line in second.output.splitlines() if '"event": "store_wait_started"' in line]
        assert len(waiting) == 1
        assert "sqlite" not in second.output.replace(waiting[0], "").replace("sqlite:///", ""), "nothing but the wait"
        assert await first.fire(alert("Down", service="a")) == 200


async def test_without_a_token_it_listens_on_loopback_only(tmp_path: Path) -> None:
    tocsin = Tocsin(tmp_path, token=False, environ={"TOCSIN_LISTEN": f"0.0.0.0:{free_port()}"})
    tocsin.start()
    assert await tocsin.ended(10) == 1
    assert "token" in tocsin.output
    assert "Traceback" not in tocsin.output
