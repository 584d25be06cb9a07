"""Conditions of rules on open incidents and rates are evaluated on the rows of the same transaction."""

from collections.abc import AsyncIterator
from textwrap import dedent

import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import rules_of
from tocsin.core.alerts.alert import Alert, AlertStatus, Episode
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

RULES = dedent("""
    rules:
      - name: everything
        match: {}
        set: {severity: "{severity}", service: "{service}", dedup_key: "{service}/{alertname}", team: "{team|}"}
      - name: the-database-explains-it
        match: needs="db"
        when_open: {service: "db-{cluster}", severity: [SEV-1, SEV-2]}
        lower: 2
      - name: too-often
        match: alertname="Flaps"
        rate: {more_than: 3, within: 10m}
        cap: SEV-3
      - name: their-own
        match: alertname="Own"
        when_open: {dedup_key: "{service}/Own"}
        cap: SEV-4
      - name: team-in-trouble
        match: helps!=""
        when_open: {team: "{helps}"}
        raise: 1
""")
DB = {"alertname": "Down", "service": "db-eu", "severity": "SEV-1", "team": "dba"}
API = {"alertname": "Errors", "service": "api", "severity": "SEV-1", "needs": "db", "cluster": "eu"}


@pytest.fixture
async def tocsin(new_store: NewStore) -> AsyncIterator[Harness]:
    clock = VirtualClock()
    async with emergency.tocsin(store=new_store(clock), clock=clock, judged_by=rules_of(RULES)) as harness:
        yield harness
        assert await emergency.wrong(harness) == []


async def severities(tocsin: Harness) -> dict[str, str]:
    found: list[Incident] = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
    return {incident.dedup_key: incident.severity for incident in found}


async def test_while_another_is_open_the_rule_has_its_say(tocsin: Harness) -> None:
    await tocsin.fire(**DB)
    await tocsin.fire(**API)
    assert (await severities(tocsin))["api/Errors"] == "SEV-3"


async def test_while_none_is_open_it_has_not(tocsin: Harness) -> None:
    await tocsin.fire(**DB, other="x")
    await tocsin.close(incident="1")
    await tocsin.fire(**{**DB, "service": "db-us"})
    await tocsin.fire(**{**DB, "severity": "SEV-3", "alertname": "Slow"})
    await tocsin.fire(**API)
    assert (await severities(tocsin))["api/Errors"] == "SEV-1"


async def test_an_incident_is_not_explained_by_itself(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Own", service="a", severity="SEV-2")
    await tocsin.fire(alertname="Own", service="a", severity="SEV-2", instance="2")
    assert await severities(tocsin) == {"a/Own": "SEV-2"}


async def test_nor_by_an_alert_of_its_own_in_the_same_webhook(tocsin: Harness) -> None:
    labels = [{"alertname": "Own", "service": "a", "severity": "SEV-2", "instance": number} for number in "123"]
    await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, each) for each in labels))
    assert await levels(tocsin) == ["SEV-2"] * 3


@pytest.mark.parametrize("first", ["cause", "effect"])
async def test_within_one_webhook_the_order_decides_nothing(tocsin: Harness, first: str) -> None:
    cause, effect = (tocsin.alert(AlertStatus.FIRING, labels) for labels in (DB, API))
    await tocsin.take(*((cause, effect) if first == "cause" else (effect, cause)))
    assert await severities(tocsin) == {"db-eu/Down": "SEV-1", "api/Errors": "SEV-3"}


async def test_a_team_that_has_an_open_incident_can_be_asked_for(tocsin: Harness) -> None:
    help_ = {"alertname": "Load", "service": "api", "severity": "SEV-3", "helps": "dba"}
    await tocsin.fire(**help_)
    await tocsin.fire(**DB)
    await tocsin.fire(**help_, instance="2")
    assert (await tocsin.incident("2")).team == "dba"
    assert (await severities(tocsin))["api/Load"] == "SEV-2"


async def test_more_than_so_many_episodes_within_the_time_are_too_often(tocsin: Harness) -> None:
    for number in range(3):
        await tocsin.fire(alertname="Flaps", service="a", severity="SEV-2", instance=str(number))
    assert await levels(tocsin) == ["SEV-2"] * 3
    await tocsin.fire(alertname="Flaps", service="a", severity="SEV-2", instance="3")
    assert await levels(tocsin) == ["SEV-2"] * 3 + ["SEV-3"]
    await tocsin.advance(minutes=11)
    await tocsin.fire(alertname="Flaps", service="a", severity="SEV-2", instance="4")
    assert (await levels(tocsin))[-1] == "SEV-2"


async def test_episodes_of_one_webhook_count_too(tocsin: Harness) -> None:
    await tocsin.take(*(flapping(tocsin, number) for number in range(5)))
    assert sorted(await levels(tocsin)) == ["SEV-2"] * 3 + ["SEV-3"] * 2


async def test_a_repeat_of_what_fires_is_no_new_episode(tocsin: Harness) -> None:
    alerts = [flapping(tocsin, number) for number in range(3)]
    for _ in range(4):
        await tocsin.take(*alerts)
    assert await levels(tocsin) == ["SEV-2"] * 3


async def test_an_incident_carries_its_own_hold_down_and_its_runbook() -> None:
    rules = dedent("""
        rules:
          - name: everything
            match: {}
            set: {severity: SEV-1, runbook: "https://runbooks.example.com/{alertname}"}
            resolve_after: 15m
    """)
    async with emergency.tocsin(judged_by=rules_of(rules)) as tocsin:
        await tocsin.fire(alertname="Slow")
        assert tocsin.sent(Job.PAGE)[0].runbook == "https://runbooks.example.com/Slow"
        await tocsin.resolve(alertname="Slow")
        await tocsin.advance(minutes=14)
        assert (await tocsin.incident()).is_open
        await tocsin.advance(minutes=2)
        assert not (await tocsin.incident()).is_open


def flapping(tocsin: Harness, number: int) -> Alert:
    labels = {"alertname": "Flaps", "service": "a", "severity": "SEV-2", "instance": str(number)}
    return tocsin.alert(AlertStatus.FIRING, labels)


async def levels(tocsin: Harness) -> list[str]:
    incident = await tocsin.incident("1")
    found: list[Episode] = await tocsin.store.read(lambda tx: tx.episodes_of(incident.id))
    return [episode.severity for episode in sorted(found, key=lambda episode: episode.labels["instance"])]
