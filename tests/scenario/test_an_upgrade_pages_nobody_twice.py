"""Open incidents of an existing database keep their key, and alerts that belong to them join them, whatever their key.

The database was written by a version whose dedup keys had no source, with the rules that were shipped with it.
"""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rules.shipped import some
from scenario import emergency
from scenario.emergency import ON_CALL
from tocsin.core.rules import RuleSet
from tocsin.ports.store import IncidentFilter
from tocsin.store.open import open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

DUMP = Path(__file__).parents[1] / "fixtures/upgrade/keys-without-a-source-0011.sql"
KEYS = {
    1: "emergency-response/api/HighLatency//",
    2: "emergency-response/db/DiskFull//",
    3: "kubernetes//shop/KubePodCrashLooping/",
    4: "emergency-response/unknown/HighErrorRate//",
    5: "emergency-response/10.0.3.7:8080/NodeNotReady//kube-system",
}
"""As they were opened; each has been paged and acknowledged."""
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


def todays_rules() -> RuleSet:
    """The shipped rules, those of other playbooks left out."""
    return some(lambda rule: not rule.path.endswith("07-playbooks.yaml"))


def tocsin_on(database: Path, clock: VirtualClock, rules: RuleSet) -> Harness:
    playbook = emergency.shipped()
    people = emergency.one_person_a_target(playbook)
    store = open_store(f"sqlite:///{database}", clock)
    return Harness(playbook, people, rules=rules, store=store, clock=clock, first_id=100)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    connection = sqlite3.connect(path)
    connection.executescript(DUMP.read_text())
    connection.close()
    return path


@pytest.fixture
def clock() -> VirtualClock:
    clock = VirtualClock()
    clock.advance(minutes=1)
    return clock


@pytest.fixture
async def upgraded(database: Path, clock: VirtualClock) -> AsyncIterator[Harness]:
    async with tocsin_on(database, clock, todays_rules()) as harness:
        yield harness
        assert await emergency.wrong(harness) == []


async def keys(tocsin: Harness) -> dict[int, str]:
    found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
    return {incident.number: incident.dedup_key for incident in found}


async def test_what_fires_on_changes_nothing(upgraded: Harness) -> None:
    await upgraded.fire(**API, pod="api-1")
    await upgraded.fire(source="eu", **DISK)
    await upgraded.fire(source="us", **DISK)
    await upgraded.fire(**CRASH, pod="web-1")
    await upgraded.fire(**CHECKOUT, pod="checkout-1")
    await upgraded.fire(**NODE, node="worker-1")
    assert (await keys(upgraded), upgraded.pages()) == (KEYS, [])


async def test_another_alert_of_the_same_trouble_joins_its_incident(upgraded: Harness) -> None:
    await upgraded.fire(**API, pod="api-2")
    await upgraded.fire(source="eu", **DISK, pod="db-2")
    await upgraded.fire(source="us", **DISK, pod="db-2")
    await upgraded.fire(**CRASH, pod="web-2")
    await upgraded.fire(**CHECKOUT, pod="checkout-2")
    assert (await keys(upgraded), upgraded.pages()) == (KEYS, [])
    assert [(await upgraded.incident(str(number))).alerts_firing for number in KEYS] == [2, 4, 2, 2, 1]


async def test_what_would_have_joined_silently_is_paged(upgraded: Harness) -> None:
    await upgraded.fire(source="asia", **DISK)
    await upgraded.fire(**CHECKOUT | {"service_name": "payments"})
    await upgraded.fire(**NODE, node="worker-2")
    found = await keys(upgraded)
    assert [found[number] for number in (6, 7, 8)] == [
        "asia/emergency-response/db/DiskFull//",
        "default/emergency-response/payments/HighErrorRate//",
        "default/emergency-response/worker-2/NodeNotReady//kube-system",
    ]
    assert [who for _, who in upgraded.pages()] == [ON_CALL] * 3


async def test_the_incident_resolves_and_the_next_one_has_the_key_of_today(upgraded: Harness) -> None:
    await upgraded.fire(**API, pod="api-2")
    await upgraded.resolve(**API, pod="api-1")
    await upgraded.advance(minutes=30)
    assert (await upgraded.incident("1")).is_open
    await upgraded.resolve(**API, pod="api-2")
    await upgraded.advance(minutes=30)
    assert not (await upgraded.incident("1")).is_open
    await upgraded.fire(**API, pod="api-1")
    assert (await keys(upgraded))[6] == "default/emergency-response/api/HighLatency//"


async def test_an_alert_that_comes_back_goes_on_in_its_incident(upgraded: Harness) -> None:
    await upgraded.resolve(**API, pod="api-1")
    await upgraded.advance(minutes=1)
    await upgraded.fire(**API, pod="api-1")
    assert (await keys(upgraded), upgraded.pages()) == (KEYS, [])


async def test_its_own_incident_is_no_other_one_that_is_open(database: Path, clock: VirtualClock) -> None:
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
    async with tocsin_on(database, clock, emergency.rules_of(text)) as tocsin:
        await tocsin.fire(**API, pod="api-2")
        incident = await tocsin.incident("1")
        assert (incident.alerts_firing, incident.severity, await keys(tocsin)) == (2, "SEV-2", KEYS)


async def test_an_open_incident_outlives_a_change_of_the_rules(database: Path, clock: VirtualClock) -> None:
    text = """
rules: [{name: page, match: {}, set: {severity: SEV-2, dedup_key: "{alertname}"}}]
"""
    async with tocsin_on(database, clock, emergency.rules_of(text)) as tocsin:
        await tocsin.fire(**API, pod="api-2")
        await tocsin.fire(**API | {"alertname": "HighErrors"})
        assert (await keys(tocsin), len(tocsin.pages())) == (KEYS | {6: "HighErrors"}, 1)
