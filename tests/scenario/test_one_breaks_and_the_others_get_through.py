"""An incident or alert that causes an error is set aside and reported, and does not delay others."""

import msgspec

from scenario.emergency import ON_CALL
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

SICK = {"alertname": "Sick", "severity": "SEV-1"}
WELL = {"alertname": "Well", "severity": "SEV-1"}


async def break_incident(tocsin: Harness, ref: str) -> None:
    """Give it a severity that its plan does not have, as a defect or a hand in the database might."""
    incident = await tocsin.incident(ref)
    broken = msgspec.structs.replace(incident, severity="nonsense", firing={"nonsense": 1})
    await tocsin.store.write(lambda tx: tx.update_incidents([broken]))


async def mend_incident(tocsin: Harness, ref: str) -> None:
    mended = msgspec.structs.replace(await tocsin.incident(ref), severity="SEV-1", firing={"SEV-1": 1})
    await tocsin.store.write(lambda tx: tx.update_incidents([mended]))


def pages_of(tocsin: Harness, number: int) -> list[float]:
    found = [content for content in tocsin.sent(Job.PAGE) if content.number == number]
    return [(content.now - tocsin.clock.start) / 60_000_000 for content in found]


async def test_the_steps_of_the_others_fire_in_time_and_the_sick_one_is_reported(tocsin: Harness) -> None:
    await tocsin.fire(**SICK)
    await tocsin.fire(**WELL)
    await break_incident(tocsin, "1")
    await tocsin.advance(minutes=16)
    assert pages_of(tocsin, 1) == [0]
    assert pages_of(tocsin, 2) == [0, 15]
    own = [content.title for content in tocsin.sent(Job.PAGE) if content.playbook == "tocsin"]
    assert own == ["A part of tocsin fails (timers), so pages may be late or missing"]
    await mend_incident(tocsin, "1")
    await tocsin.advance(minutes=2)
    assert len(pages_of(tocsin, 1)) == 2


async def test_an_alert_that_breaks_its_incident_is_quarantined_and_the_rest_of_the_webhook_is_taken(
    tocsin: Harness,
) -> None:
    await tocsin.fire(**SICK)
    await break_incident(tocsin, "1")
    bad = tocsin.alert(AlertStatus.FIRING, {**SICK, "instance": "b"})
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, WELL), bad)
    (kept,) = await tocsin.store.read(lambda tx: tx.quarantined())
    assert "nonsense" in kept.error
    assert '"Sick"' in kept.body
    assert tocsin.observer.counted("quarantined_total") == 1
    assert [content.target for content in tocsin.sent(Job.PAGE) if content.title == "Well (shop)"] == [ON_CALL]
    own = [content.title for content in tocsin.sent(Job.PAGE) if content.playbook == "tocsin"]
    assert "Alerts from default cannot be processed, so no one is paged for them" in own
    await mend_incident(tocsin, "1")


async def test_a_page_whose_content_cannot_be_made_is_dead_and_the_others_are_sent(tocsin: Harness) -> None:
    await tocsin.ingest.take([tocsin.alert(AlertStatus.FIRING, SICK)])
    await tocsin.ingest.take([tocsin.alert(AlertStatus.FIRING, WELL)])
    await break_incident(tocsin, "1")
    await tocsin.settle()
    assert pages_of(tocsin, 1) == []
    assert pages_of(tocsin, 2) == [0]
    own = [content.title for content in tocsin.sent(Job.PAGE) if content.playbook == "tocsin"]
    assert own == ["on-call-engineer was NOT reached by console about #1 shop: Sick (nonsense; no one has it)"]
    await mend_incident(tocsin, "1")
