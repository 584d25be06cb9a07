"""An upgraded database: no page is lost or repeated, and alerts join their open incidents.

`fixtures/upgrade/revision-0011.sql` was written by that version on a virtual clock, from Monday, 23 November 2026,
10:00 UTC, to 10:10, with the configuration that it shipped: its dedup keys have no source. `pages.json` has the pages
that the same version sent afterwards, played as in `go_on`: [minutes after 10:00, incident, recipient].
"""

import dataclasses
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from scenario import emergency
from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.incident.event import Actor, CompleteDuty
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.sla import duties_of
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import IncidentFilter
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

API = {"alertname": "HighLatency", "service": "api", "severity": "critical"}
DISK = {"alertname": "DiskFull", "service": "db", "severity": "critical"}
CRASH = {"alertname": "KubePodCrashLooping", "namespace": "shop", "severity": "critical"}
CHECKOUT = {"alertname": "HighErrorRate", "service_name": "checkout", "severity": "critical"}
NODE = {
    "alertname": "NodeNotReady",
    "job": "kube-state-metrics",
    "instance": "10.0.3.7:8080",
    "namespace": "kube-system",
    "severity": "critical",
}
ACKNOWLEDGED = [
    API | {"pod": "api-1"},
    {"source": "eu", **DISK},
    {"source": "us", **DISK},
    CRASH | {"pod": "web-1"},
    CHECKOUT | {"pod": "checkout-1"},
    NODE | {"node": "worker-1"},
]
"""Alerts whose incidents have been paged and acknowledged."""
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
    *ACKNOWLEDGED,
    {"alertname": "ShopDown", "severity": "P0", "playbook": "service-quick-reference", "service": "shop"},
]
"""Alerts that fire when the old version is stopped, with its source where that is not the default one."""
RESOLVED_BEFORE = {"alertname": "CacheCold", "severity": "critical", "service": "cache"}
SHOP = 14
"""The incident of which the old version has sent no page yet."""
KEYS = {
    9: "emergency-response/api/HighLatency//",
    10: "emergency-response/db/DiskFull//",
    11: "kubernetes//shop/KubePodCrashLooping/",
    12: "emergency-response/unknown/HighErrorRate//",
    13: "emergency-response/10.0.3.7:8080/NodeNotReady//kube-system",
}
"""The incidents of `ACKNOWLEDGED`."""

Page = tuple[float, int, str]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((FIXTURES / "revision-0011.sql").read_text())
    connection.close()
    return path


@cache
def shipped() -> Bundle:
    return load(ROOT / "config", ROOT / "rules", KINDS, {})


def tocsin_on(database: Path, rules: RuleSet | None = None) -> Harness:
    """Return today's version on the database, with the shipped configuration or other rules."""
    clock = VirtualClock(MONDAY)
    clock.advance(minutes=BACK_AT)
    bundle = shipped() if rules is None else dataclasses.replace(shipped(), rules=rules)
    return Harness.of(bundle, clock=clock, store=open_store(f"sqlite:///{database}", clock), first_id=100)


@pytest.fixture
async def upgraded(database: Path) -> AsyncIterator[Harness]:
    async with tocsin_on(database) as tocsin:
        yield tocsin
        assert await emergency.wrong(tocsin) == []


def pages(tocsin: Harness) -> list[Page]:
    sent = tocsin.sent(Job.PAGE)
    return [((page.now - tocsin.clock.start) / 60_000_000, page.number, page.target) for page in sent]


def paged(tocsin: Harness) -> list[int]:
    """Return the incidents of the pages that today's version has sent, without the one that had not been paged yet."""
    return [number for _, number, _ in pages(tocsin) if number != SHOP]


async def keys(tocsin: Harness) -> dict[int, str]:
    """Return the dedup keys of the acknowledged incidents, and of those that today's version has opened."""
    found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
    return {one.number: one.dedup_key for one in found if one.number >= min(KEYS) and one.number != SHOP}


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
    await tocsin.acknowledge("taylor", str(SHOP))
    await tocsin.advance(hours=3)
    for labels in [*FIRING[2:], RESOLVED_BEFORE]:
        await tocsin.resolve(**labels)
    await tocsin.advance_to(tocsin.clock.start + 98 * 3_600_000_000)


async def test_what_was_open_goes_on_without_a_lost_or_a_second_page(upgraded: Harness) -> None:
    await go_on(upgraded)
    # The version before paged the last tier of a P4 on Friday at 01:00, and began its fallback at 09:00.
    in_the_night, at_opening = 87 * HOUR, 95 * HOUR
    expected = Counter(pages_of_the_version_before())
    expected -= Counter([(in_the_night, P4_UNACKNOWLEDGED, "casey"), (at_opening, P4_UNACKNOWLEDGED, "taylor")])
    assert Counter(pages(upgraded)) == expected


async def test_what_fires_on_changes_nothing(upgraded: Harness) -> None:
    for labels in ACKNOWLEDGED:
        await upgraded.fire(**labels)
    assert (await keys(upgraded), paged(upgraded)) == (KEYS, [])


async def test_another_alert_of_the_same_trouble_joins_its_incident(upgraded: Harness) -> None:
    await upgraded.fire(**API, pod="api-2")
    await upgraded.fire(source="eu", **DISK, pod="db-2")
    await upgraded.fire(source="us", **DISK, pod="db-2")
    await upgraded.fire(**CRASH, pod="web-2")
    await upgraded.fire(**CHECKOUT, pod="checkout-2")
    assert (await keys(upgraded), paged(upgraded)) == (KEYS, [])
    assert [(await upgraded.incident(str(number))).alerts_firing for number in KEYS] == [2, 4, 2, 2, 1]


async def test_what_would_have_joined_silently_is_paged(upgraded: Harness) -> None:
    await upgraded.fire(source="asia", **DISK)
    await upgraded.fire(**CHECKOUT | {"service_name": "payments"})
    await upgraded.fire(**NODE, node="worker-2")
    assert await keys(upgraded) == KEYS | {
        15: "asia/emergency-response/db/DiskFull//",
        16: "default/emergency-response/payments/HighErrorRate//",
        17: "default/emergency-response/worker-2/NodeNotReady//kube-system",
    }
    assert paged(upgraded) == [15, 16, 17]


async def test_the_incident_resolves_and_the_next_one_has_the_key_of_today(upgraded: Harness) -> None:
    await upgraded.fire(**API, pod="api-2")
    await upgraded.resolve(**API, pod="api-1")
    await upgraded.advance(minutes=30)
    assert (await upgraded.incident("9")).is_open
    await upgraded.resolve(**API, pod="api-2")
    await upgraded.advance(minutes=30)
    assert not (await upgraded.incident("9")).is_open
    await upgraded.fire(**API, pod="api-1")
    assert (await keys(upgraded))[15] == "default/emergency-response/api/HighLatency//"


async def test_an_alert_that_comes_back_goes_on_in_its_incident(upgraded: Harness) -> None:
    await upgraded.resolve(**API, pod="api-1")
    await upgraded.advance(minutes=1)
    await upgraded.fire(**API, pod="api-1")
    assert await keys(upgraded) == KEYS
    assert 9 not in paged(upgraded)


async def test_its_own_incident_is_no_other_one_that_is_open(database: Path) -> None:
    """A rule that asks what else is open must not be answered with the alert's own incident."""
    text = """
rules:
  - name: page
    match: {}
    set: {severity: SEV-2}
  - name: quieter-beside-another
    match: service="api"
    when_open: {service: api}
    cap: SEV-4
"""
    async with tocsin_on(database, emergency.rules_of(text)) as tocsin:
        await tocsin.fire(**API, pod="api-2")
        incident = await tocsin.incident("9")
        assert (incident.alerts_firing, incident.severity, await keys(tocsin)) == (2, "SEV-2", KEYS)


async def test_an_open_incident_outlives_a_change_of_the_rules(database: Path) -> None:
    text = """
rules: [{name: page, match: {}, set: {severity: SEV-2, dedup_key: "{alertname}"}}]
"""
    async with tocsin_on(database, emergency.rules_of(text)) as tocsin:
        await tocsin.fire(**API, pod="api-2")
        await tocsin.fire(**API | {"alertname": "HighErrors"})
        assert (await keys(tocsin), paged(tocsin)) == (KEYS | {15: "HighErrors"}, [15])


async def test_what_fires_on_keeps_its_severity_and_flags_under_other_rules(database: Path) -> None:
    text = """
rules:
  - name: today
    match: {}
    set: {severity: SEV-1}
    flags: [major_impact, data_breach]
"""
    async with tocsin_on(database, emergency.rules_of(text)) as tocsin:
        for labels in ACKNOWLEDGED:
            await tocsin.fire(**labels)
        incident = await tocsin.incident("9")
        assert (incident.severity, incident.flags, paged(tocsin)) == ("SEV-2", (), [])
        await tocsin.fire(**API, pod="api-2")  # another alert is news
        incident = await tocsin.incident("9")
        assert (incident.severity, incident.flags) == ("SEV-1", ("major_impact", "data_breach"))


async def test_drafts_of_the_version_before_are_listed(upgraded: Harness) -> None:
    everything = await upgraded.store.read(lambda tx: tx.incidents(IncidentFilter()))
    drafted = [one.number for one in everything if one.acting is not None and one.acting.drafts]
    listed = await upgraded.store.read(lambda tx: tx.incidents(IncidentFilter(drafts=True)))
    assert [one.number for one in listed] == drafted != []


async def test_the_postmortem_of_the_version_before_is_an_open_duty_until_it_is_done(upgraded: Harness) -> None:
    wanted = IncidentFilter(open_duties=True)

    async def owed() -> list[tuple[int, list[str]]]:
        found = await upgraded.store.read(lambda tx: tx.incidents(wanted))
        return [(one.number, [duty.name for duty in duties_of(one.obligations) if duty.is_open]) for one in found]

    [(number, names)] = await owed()
    assert names == ["postmortem"]
    await upgraded.say(CompleteDuty(by=Actor("alex", "api"), duty="postmortem"), str(number))
    assert number not in [other for other, _ in await owed()]
