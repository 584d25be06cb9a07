"""Real webhooks with the shipped rules: each affected object has its own incident and page."""

from pathlib import Path

import pytest

from rules.shipped import bundle
from scenario import emergency
from tocsin.ports.store import IncidentFilter
from tocsin.testing.harness import Harness
from tocsin.web.alertmanager import payload as wire

PAYLOADS = Path(__file__).parents[1] / "fixtures/alertmanager/rules-pack"
Opened = list[tuple[str, str]]


async def opened_by(payload: str) -> tuple[Opened, int]:
    """Return (service, title) of each incident that a webhook opens, and how many pages that is."""
    async with Harness.of(bundle()) as tocsin:
        webhook = wire.read((PAYLOADS / f"{payload}.json").read_bytes(), "default", tocsin.clock.now)
        await tocsin.take(*webhook.alerts)
        found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
        assert await emergency.wrong(tocsin) == []
        return sorted((incident.service, incident.title) for incident in found), len(tocsin.pages())


@pytest.mark.parametrize(
    ("payload", "opened", "pages"),
    [
        (
            "two-nodes-of-kube-state-metrics",
            [("worker-1", "NodeNotReady (worker-1)"), ("worker-2", "NodeNotReady (worker-2)")],
            2,
        ),
        (
            "two-switches",
            [("sw-core-1", "SNMPInterfaceDown (sw-core-1)"), ("sw-core-2", "SNMPInterfaceDown (sw-core-2)")],
            2,
        ),
        (
            "temporal-and-cache",
            [
                ("aws", "ElasticacheNodeCountCloseToLimit (aws)"),
                ("shop-web", "NodeEventLoopBlocked (shop-web)"),
                ("temporal", "TemporalServerDown (temporal)"),
            ],
            2,
        ),
        (
            "grafana-no-data-of-two-rules",
            [("unknown", "Payments queue depth: no data"), ("unknown", "Service failed: no data")],
            2,
        ),
        (
            "service-name-labels",
            [("checkout", "HighErrorRate (checkout)"), ("payments", "HighErrorRate (payments)")],
            2,
        ),
        ("dead-man-switch", [], 0),
    ],
)
async def test_a_webhook_opens_an_incident_for_each_thing(payload: str, opened: Opened, pages: int) -> None:
    assert await opened_by(payload) == (opened, pages)


async def test_a_dead_man_switch_is_the_sources_sign_of_life() -> None:
    async with Harness.of(bundle()) as tocsin:
        webhook = wire.read((PAYLOADS / "dead-man-switch.json").read_bytes(), "eu", tocsin.clock.now)
        await tocsin.take(*webhook.alerts)
        assert set(await tocsin.store.read(lambda tx: tx.heartbeats())) == {"eu"}


@pytest.mark.parametrize("payload", ["two-nodes-of-kube-state-metrics", "service-name-labels", "two-switches"])
async def test_the_same_webhook_from_two_alertmanagers_opens_the_incidents_of_both(payload: str) -> None:
    async with Harness.of(bundle()) as tocsin:
        body = (PAYLOADS / f"{payload}.json").read_bytes()
        for source in ("eu", "us"):
            await tocsin.take(*wire.read(body, source, tocsin.clock.now).alerts)
        found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
        assert len(found) == 4
