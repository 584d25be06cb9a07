"""Repeats, replica pairs, retries and replays change nothing; alerts with one dedup key share an incident."""

import asyncio

import msgspec
import pytest

from scenario.emergency import ON_CALL, kinds
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.outbox import Job
from tocsin.ports.store import IncidentFilter
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "shop"}


async def numbers(tocsin: Harness) -> list[int]:
    found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
    return sorted(incident.number for incident in found)


async def test_a_repeat_refreshes_the_alert_and_pages_no_one(tocsin: Harness) -> None:
    alert = tocsin.alert(AlertStatus.FIRING, DOWN)
    await tocsin.take(alert)
    before = await tocsin.incident()
    await tocsin.advance(minutes=5)
    await tocsin.take(msgspec.structs.replace(alert, annotations={"summary": "worse"}))
    (episode,) = await tocsin.store.read(lambda tx: tx.episodes_of("incident-1"))
    assert tocsin.pages() == [(0, ON_CALL)]
    assert await tocsin.incident() == before
    assert (episode.last_seen_at, episode.annotations) == (tocsin.clock.now(), {"summary": "worse"})


async def test_both_replicas_at_once_and_each_retrying_make_one_incident_and_one_page(tocsin: Harness) -> None:
    alert = tocsin.alert(AlertStatus.FIRING, DOWN)
    await asyncio.gather(*(tocsin.ingest.take([alert]) for _ in range(6)))
    await tocsin.settle()
    incident = await tocsin.incident()
    assert (incident.alerts_firing, incident.alerts_total) == (1, 1)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_the_same_alert_twice_in_one_webhook_is_one_alert(tocsin: Harness) -> None:
    alert = tocsin.alert(AlertStatus.FIRING, DOWN)
    await tocsin.take(alert, alert)
    assert (await tocsin.incident()).alerts_total == 1


async def test_a_replayed_resolve_changes_nothing(tocsin: Harness) -> None:
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN))
    await tocsin.advance(minutes=1)
    resolve = tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start)
    await tocsin.take(resolve)
    before = await tocsin.incident()
    await tocsin.advance(seconds=30)
    await tocsin.take(resolve)
    assert await tocsin.incident() == before


async def test_a_resolve_of_the_spell_before_does_not_end_this_one(tocsin: Harness) -> None:
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN))
    await tocsin.advance(minutes=1)
    resolve = tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start)
    await tocsin.take(resolve)
    await tocsin.advance(minutes=1)
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN))
    await tocsin.take(resolve)
    assert (await tocsin.incident()).alerts_firing == 1


async def test_a_resolve_that_comes_before_its_firing_is_kept_and_the_firing_is_believed(tocsin: Harness) -> None:
    firing = tocsin.alert(AlertStatus.FIRING, DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start))
    assert await numbers(tocsin) == []
    assert tocsin.sent() == []
    await tocsin.take(firing)
    assert tocsin.pages() == [(1, ON_CALL)]


async def test_alerts_that_share_service_name_cluster_and_namespace_share_an_incident(tocsin: Harness) -> None:
    same = {**DOWN, "cluster": "eu", "namespace": "web"}
    await tocsin.fire(**same, instance="a")
    await tocsin.fire(**same, instance="b", pod="b-1")
    assert await numbers(tocsin) == [1]
    assert (await tocsin.incident()).dedup_key == "default/emergency-response/shop/Down/eu/web"
    for number, changed in enumerate(("alertname", "service", "cluster", "namespace"), start=2):
        await tocsin.fire(**{**same, changed: "other"})
        assert await numbers(tocsin) == list(range(1, number + 1))


async def test_the_severity_is_no_part_of_the_key(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2", instance="a")
    await tocsin.fire(alertname="Down", severity="SEV-1", instance="b")
    assert await numbers(tocsin) == [1]


async def test_two_sources_with_the_same_fingerprint_are_two_alerts(tocsin: Harness) -> None:
    labels = {**DOWN, "team": "payments"}  # a rule takes the key from it
    await tocsin.fire(**labels, source="eu")
    await tocsin.fire(**labels, source="us")
    assert (await tocsin.incident()).alerts_firing == 2
    await tocsin.resolve(**labels, source="eu")
    assert (await tocsin.incident()).alerts_firing == 1


async def test_fired_and_resolved_in_one_webhook_pages_and_recovers(tocsin: Harness) -> None:
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN), tocsin.alert(AlertStatus.RESOLVED, DOWN))
    assert tocsin.pages() == [(0, ON_CALL)]
    await tocsin.advance(minutes=2)
    assert (await tocsin.incident()).state == "resolved"


async def test_a_suppressed_alert_is_stored_and_notifies_no_one_until_it_is_unsuppressed(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, quiet="yes")
    await tocsin.fire(**DOWN, quiet="yes")
    assert (await numbers(tocsin), tocsin.sent()) == ([], [])
    assert tocsin.observer.counted("alerts_suppressed_total") == 2
    await tocsin.resolve(**DOWN, quiet="yes")
    assert (await numbers(tocsin), tocsin.sent()) == ([], [])


async def test_the_watchdog_is_its_sources_heartbeat_and_opens_nothing(tocsin: Harness) -> None:
    await tocsin.advance(minutes=3)
    await tocsin.fire(alertname="Watchdog", severity="SEV-1", source="eu")
    await tocsin.resolve(alertname="Watchdog", severity="SEV-1", source="us")
    await tocsin.advance(minutes=4)
    await tocsin.housekeeper.run_once()
    told = await tocsin.store.read(lambda tx: tx.heartbeats())
    assert {source: one.last_seen_at for source, one in told.items()} == {"eu": tocsin.clock.start + 180_000_000}
    assert tocsin.observer.gauges["heartbeat_age_seconds", (("source", "eu"),)] == 240
    assert (await numbers(tocsin), tocsin.sent()) == ([], [])


@pytest.mark.parametrize("count", [200, 450])
async def test_a_webhook_of_any_size_is_taken_whole(tocsin: Harness, count: int) -> None:
    labels = [{**DOWN, "instance": str(n)} for n in range(count)]
    await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, each) for each in labels))
    incident = await tocsin.incident()
    assert (incident.alerts_firing, incident.alerts_total) == (count, count)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_a_new_alert_joins_without_a_page_and_the_incidents_own_message_says_so(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, instance="a")
    announced = len(tocsin.sent(Job.ANNOUNCE))
    await tocsin.advance(minutes=1)
    await tocsin.fire(**DOWN, instance="b")
    assert tocsin.pages() == [(0, ON_CALL)]
    assert len(tocsin.sent(Job.ANNOUNCE)) == announced + 1
    assert tocsin.sent(Job.ANNOUNCE)[-1].alerts_firing == 2
    assert tocsin.sent(Job.HISTORY)[-1].history[-1].kind == "joined"
    assert (await kinds(tocsin))[-1] == "joined"
