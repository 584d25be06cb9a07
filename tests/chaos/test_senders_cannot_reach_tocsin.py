"""The shipped Prometheus alerts detect that tocsin is down or its certificate has expired."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from chaos.arena import StandInProcess
from e2e.observability import Alertmanager, Prometheus
from e2e.processes import binary, until
from e2e.tocsin_process import ROOT, Tocsin

SHIPPED = ROOT / "config" / "prometheus"
SOON = {"group_wait": "0s", "group_interval": "1s"}


@pytest.fixture
async def others(tmp_path: Path) -> AsyncIterator[StandInProcess]:
    """A receiver of the alerts about tocsin in place of PagerDuty."""
    async with StandInProcess("webhook_sink", tmp_path) as sink:
        yield sink


def told(others: StandInProcess) -> set[tuple[str, str]]:
    """Return (receiver, alert) of all that did not go through tocsin."""
    entries = [json.loads(line) for line in others.log.read_text().splitlines() if line.strip()]
    bodies = [entry["body"] for entry in entries if "body" in entry]
    return {(body["receiver"], alert["labels"]["alertname"]) for body in bodies for alert in body["alerts"]}


def rule(name: str) -> dict[str, Any]:
    """Return the shipped alert of that name; the test does not wait as long as it does."""
    groups = yaml.safe_load((SHIPPED / "tocsin-alerts.yml").read_text())["groups"]
    [found] = [each for group in groups for each in group["rules"] if each.get("alert") == name]
    return {**found, "for": "0s"}


def alertmanager(folder: Path, url: str, others: StandInProcess, **http: Any) -> Alertmanager:
    """Return an Alertmanager of the shipped file, which sends at once to these addresses."""
    config = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
    for route in (config["route"], *config["route"]["routes"]):
        route.update(SOON)
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}
    receivers["tocsin"]["webhook_configs"][0] |= {"url": url, "http_config": {"follow_redirects": False, **http}}
    about = receivers["about-tocsin"]
    del about["pagerduty_configs"]
    about["webhook_configs"] = [{"url": others.url}]
    return Alertmanager(folder, config)


async def test_when_tocsin_is_gone_others_are_paged_without_it(tmp_path: Path, others: StandInProcess) -> None:
    tocsin = Tocsin(tmp_path / "tocsin", token=False)
    manager = alertmanager(tmp_path, f"{tocsin.url}/webhooks/alertmanager", others)
    address = tocsin.url.removeprefix("http://")
    prometheus = Prometheus(tmp_path, manager.address, {"tocsin": address}, [rule("TocsinDown")])
    async with manager, tocsin, prometheus:
        await until(lambda: prometheus.value('up{job="tocsin"} == 1'), 30, "Prometheus sees tocsin")
        await until(lambda: _is_silent(prometheus), 30, "nothing is wrong")
        tocsin.kill()
        await until(lambda: ("about-tocsin", "TocsinDown") in told(others), 60, "others hear of it")


async def _is_silent(prometheus: Prometheus) -> bool:
    return not await prometheus.query("ALERTS")


def expired_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate of 127.0.0.1 that ended yesterday, and of its key."""
    key, request, certificate = (folder / name for name in ("key.pem", "request.pem", "certificate.pem"))
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\n")
    openssl = binary("openssl")
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1"]
    for command in (
        ["req", "-new", *made, "-keyout", key, "-out", request],
        ["x509", "-req", "-in", request, "-signkey", key, "-days", "-1", "-extfile", names, "-out", certificate],
    ):
        subprocess.run([openssl, *command], check=True, capture_output=True)
    return certificate, key


@asynccontextmanager
async def tls_in_front_of_tocsin(certificate: Path, key: Path) -> AsyncIterator[str]:
    """Serve TLS with a certificate; what comes through it is closed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/alertmanager"


async def test_when_the_certificate_has_expired_others_are_paged(tmp_path: Path, others: StandInProcess) -> None:
    certificate, key = expired_certificate(tmp_path)
    async with tls_in_front_of_tocsin(certificate, key) as url:
        manager = alertmanager(tmp_path, url, others, tls_config={"ca_file": str(certificate)})
        watched = {"alertmanager": manager.address}
        prometheus = Prometheus(tmp_path, manager.address, watched, [rule("TocsinWebhooksNotArriving")])
        async with manager, prometheus:
            await until(lambda: prometheus.value('up{job="alertmanager"} == 1'), 30, "Prometheus sees Alertmanager")
            alerts = [{"labels": {"alertname": "CheckoutDown", "severity": "critical"}}]
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{manager.url}/api/v2/alerts", json=alerts) as answer,
            ):
                assert answer.status == 200
            await until(lambda: ("about-tocsin", "TocsinWebhooksNotArriving") in told(others), 60, "others hear of it")
            assert "certificate has expired" in manager.output
