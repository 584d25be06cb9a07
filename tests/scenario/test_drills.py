"""A drill exercises the whole path, and is never confused with a real incident."""

from tocsin.core.alerts.alert import DRILL_LABEL, AlertStatus
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

REAL = {"alertname": "Down", "severity": "SEV-1"}
DRILL = {**REAL, DRILL_LABEL: "true"}


async def test_a_drill_pages_marked_as_one(tocsin: Harness) -> None:
    await tocsin.fire(**DRILL)
    assert [content.drill for content in tocsin.sent(Job.PAGE)] == [True]


async def test_one_real_alert_among_drills_makes_it_real(tocsin: Harness) -> None:
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DRILL), tocsin.alert(AlertStatus.FIRING, REAL))
    assert [content.drill for content in tocsin.sent(Job.PAGE)] == [False]


async def test_a_real_alert_that_joins_a_drill_makes_it_real(tocsin: Harness) -> None:
    await tocsin.fire(**DRILL)
    await tocsin.fire(**REAL)
    assert not (await tocsin.incident()).drill
    await tocsin.advance(minutes=15)
    assert [content.drill for content in tocsin.sent(Job.PAGE)] == [True, False]
    await tocsin.acknowledge()
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == [900]


async def test_a_drill_that_joins_a_real_incident_changes_nothing_about_it(tocsin: Harness) -> None:
    await tocsin.fire(**REAL)
    await tocsin.fire(**DRILL)
    assert not (await tocsin.incident()).drill
