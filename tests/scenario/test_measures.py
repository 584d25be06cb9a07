"""MTTA, MTTR and MTTD: which occurrences count, and from when to when."""

import pytest

from scenario.maintenance import use, window
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.event import Actor
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1"}
LABELS = (("playbook", "emergency-response"), ("severity", "SEV-1"))


async def gauge(tocsin: Harness, name: str) -> float | None:
    await tocsin.housekeeper.run_once()
    return tocsin.observer.gauges.get((name, LABELS))


async def test_the_three_times_of_one_incident(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.start - 90_000_000)
    await tocsin.advance(minutes=4)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=16)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=2)
    observed = tocsin.observer.observed
    assert observed("incident_time_to_detect_seconds") == [90]
    assert observed("incident_time_to_acknowledge_seconds") == [240]
    # To the last alert's end, not to the end of the hold-down.
    assert observed("incident_time_to_resolve_seconds") == [1200]
    assert (await gauge(tocsin, "mtta_seconds"), await gauge(tocsin, "mttr_seconds")) == (240, 1200)


async def test_resolve_counts_to_the_last_alerts_own_end(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=10)
    ended = tocsin.alert(AlertStatus.RESOLVED, DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.take(ended)
    await tocsin.advance(minutes=2)
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == [600]


async def test_the_time_to_detect_ends_where_the_other_two_begin_at_the_end_of_a_wait(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 10, match='alertname="Down"'))
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.start - 120_000_000)
    await tocsin.advance(minutes=14)
    await tocsin.acknowledge("alice")
    await tocsin.close("alice")
    observed = tocsin.observer.observed
    await tocsin.measures.run_once()
    assert (observed("incident_time_to_detect_seconds"), await gauge(tocsin, "mttd_seconds")) == ([720], 720)
    assert (observed("incident_time_to_acknowledge_seconds"), await gauge(tocsin, "mtta_seconds")) == ([240], 240)


async def test_an_incident_that_ends_hidden_in_a_window_is_in_no_measure(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, match='alertname="Down"'))
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=30)
    await tocsin.measures.run_once()
    assert (await tocsin.incident()).state == "resolved"
    assert not [name for name, _, _ in tocsin.observer.observations if name.startswith("incident_time_to")]
    assert [await gauge(tocsin, name) for name in ("mtta_seconds", "mttr_seconds", "mttd_seconds")] == [None] * 3


async def test_without_data_there_is_no_gauge(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    assert (await gauge(tocsin, "mtta_seconds"), await gauge(tocsin, "mttr_seconds")) == (None, None)


async def test_the_means_are_over_occurrences_of_30_days(tocsin: Harness) -> None:
    for minutes in (2, 4):
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=minutes)
        await tocsin.acknowledge("alice")
        await tocsin.resolve(**DOWN)
        await tocsin.advance(minutes=5)
    assert await gauge(tocsin, "mtta_seconds") == 180
    await tocsin.advance(hours=24 * 30 - 0.1)
    assert await gauge(tocsin, "mtta_seconds") == 240
    await tocsin.advance(hours=1)
    assert await gauge(tocsin, "mtta_seconds") is None


@pytest.mark.parametrize("label", ["true", "1"])
async def test_drills_page_and_are_left_out(tocsin: Harness, label: str) -> None:
    await tocsin.fire(**DOWN, tocsin_drill=label)
    await tocsin.acknowledge("alice")
    await tocsin.resolve(**DOWN, tocsin_drill=label)
    await tocsin.advance(minutes=2)
    assert len(tocsin.pages()) == 1
    assert (await tocsin.incident()).drill
    assert not [name for name, _, _ in tocsin.observer.observations if name.startswith("incident_time_to")]
    assert (await gauge(tocsin, "mtta_seconds"), await gauge(tocsin, "mttr_seconds")) == (None, None)


async def test_tocsins_own_incidents_are_left_out(tocsin: Harness) -> None:
    tocsin.ingest.report("auth", "default", "no token")
    await tocsin.settle()
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice")
    await tocsin.close("alice")
    await tocsin.housekeeper.run_once()
    assert not [name for name, _ in tocsin.observer.gauges if name in ("mtta_seconds", "mttr_seconds")]
    assert not [name for name, _, _ in tocsin.observer.observations if name.startswith("incident_time_to")]


async def test_an_acknowledgment_by_a_service_is_no_figure(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.respond.acknowledge("1", Actor("auto-remediation", "api", is_person=False))
    await tocsin.settle()
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == []
    assert (await tocsin.incident()).state == "acknowledged"
    await tocsin.close("alice")
    assert await gauge(tocsin, "mtta_seconds") is None
    assert tocsin.observer.counted("resolved_unacknowledged_total") == 0


async def test_the_first_person_after_a_service_is_the_figure(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.respond.acknowledge("1", Actor("auto-remediation", "api", is_person=False))
    await tocsin.advance(minutes=3)
    await tocsin.acknowledge("alice")
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == [180]
    assert await gauge(tocsin, "mtta_seconds") == 180
