"""A database of the version before goes on: open and acknowledged incidents, and pages that nobody has sent yet.

`fixtures/upgrade/revision-0011.sql` was written by that version on a virtual clock, from Monday, 23 November 2026,
10:00 UTC, to 10:10, with the configuration that it shipped. `pages.json` has the pages that the same version sent
afterwards, played as here: [minutes after 10:00, incident, recipient].
"""

import json
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenario import emergency
from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import load
from tocsin.core.outbox import Job
from tocsin.store.open import open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "upgrade"
MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
BACK_AT = 11
"""Minutes after the start: when the new version takes over."""
HOUR = 60
P4_UNACKNOWLEDGED = 1

FIRING = [
    {"alertname": "ReportsSlow", "severity": "P4", "playbook": "ultimate-marketing", "service": "reports"},
    {"alertname": "BannersSlow", "severity": "P4", "playbook": "ultimate-marketing", "service": "banners"},
    {"source": "eu", "alertname": "CheckoutDown", "severity": "critical", "service": "checkout"},
    {"source": "us", "alertname": "CheckoutDown", "severity": "critical", "service": "checkout"},
    {"source": "eu", "alertname": "LoginDown", "severity": "SEV-1", "service": "login"},
    {"alertname": "RegionDown", "severity": "P0", "playbook": "erlmcp", "service": "region"},
    {
        "alertname": "KubeNodeNotReady",
        "severity": "critical",
        "job": "kube-state-metrics",
        "instance": "10.0.0.1:8080",
        "node": "node-1",
        "cluster": "eu",
    },
    {"alertname": "ShopDown", "severity": "P0", "playbook": "service-quick-reference", "service": "shop"},
]
"""What fires when the old version is stopped, with its source where that is not the default one."""
RESOLVED_BEFORE = {"alertname": "CacheCold", "severity": "critical", "service": "cache"}

Page = tuple[float, int, str]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((FIXTURES / "revision-0011.sql").read_text())
    connection.close()
    return path


def upgraded(database: Path) -> Harness:
    clock = VirtualClock(MONDAY)
    clock.advance(minutes=BACK_AT)
    bundle = load(ROOT / "config", ROOT / "rules", KINDS, {})
    return Harness.of(bundle, clock=clock, store=open_store(f"sqlite:///{database}", clock), first_id=100)


def pages(tocsin: Harness) -> list[Page]:
    sent = tocsin.sent(Job.PAGE)
    return [((page.now - tocsin.clock.start) / 60_000_000, page.number, page.target) for page in sent]


def pages_of_the_version_before() -> list[Page]:
    return [(minutes, incident, name) for minutes, incident, name in json.loads((FIXTURES / "pages.json").read_text())]


async def go_on(tocsin: Harness) -> None:
    """Repeat every alert, let one fire again, acknowledge one incident, resolve most; wait until Friday noon."""
    await tocsin.settle()
    for labels in FIRING:
        await tocsin.fire(starts_at=tocsin.clock.start, **labels)
    await tocsin.advance(minutes=1)
    await tocsin.fire(**RESOLVED_BEFORE)
    await tocsin.advance(minutes=13)
    await tocsin.acknowledge("taylor", "9")
    await tocsin.advance(hours=3)
    for labels in [*FIRING[2:], RESOLVED_BEFORE]:
        await tocsin.resolve(**labels)
    await tocsin.advance_to(tocsin.clock.start + 98 * 3_600_000_000)


async def test_what_was_open_goes_on_without_a_lost_or_a_second_page(database: Path) -> None:
    async with upgraded(database) as tocsin:
        await go_on(tocsin)
        assert await emergency.wrong(tocsin) == []
        sent = pages(tocsin)
    # The version before paged the last tier of a P4 on Friday at 01:00, and began its fallback at 09:00.
    in_the_night, at_opening = 87 * HOUR, 95 * HOUR
    expected = Counter(pages_of_the_version_before())
    expected -= Counter([(in_the_night, P4_UNACKNOWLEDGED, "casey"), (at_opening, P4_UNACKNOWLEDGED, "taylor")])
    assert Counter(sent) == expected
