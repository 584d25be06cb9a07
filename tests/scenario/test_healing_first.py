"""A rule may give automation time to fix the problem: people are notified only if it still fires."""

import pytest

from scenario.emergency import ON_CALL, kinds
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1", "heal": "first"}


async def test_healed_in_time_it_pages_no_one_and_is_no_figure(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    assert (await tocsin.incident()).state == "pending"
    await tocsin.advance(minutes=1)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=1)
    assert (await tocsin.incident()).state == "resolved"
    assert tocsin.pages() == tocsin.pages(Job.RESOLVE) == []
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == []
    assert tocsin.observer.counted("incidents_opened_total") == 0
    await tocsin.housekeeper.run_once()
    assert not [name for name, _ in tocsin.observer.gauges if name == "mttr_seconds"]


async def test_still_firing_it_pages_and_the_clock_starts_then(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=17)
    assert tocsin.pages() == [(2, ON_CALL), (17, ON_CALL)]
    incident = await tocsin.incident()
    assert incident.opened_at == tocsin.clock.start + 120_000_000


async def test_healed_and_broken_again_while_held_it_pages_at_the_end_of_the_hold(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=0.5)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=0.5)
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=1)
    assert tocsin.pages() == [(2, ON_CALL)]


async def test_the_severity_it_has_at_the_end_of_the_hold_counts(tocsin: Harness) -> None:
    await tocsin.fire(**{**DOWN, "severity": "SEV-3"}, team="shop")
    await tocsin.advance(minutes=1)
    await tocsin.fire(**DOWN, team="shop")
    await tocsin.advance(minutes=1)
    assert tocsin.pages() == [(2, ON_CALL)]
    assert tocsin.sent(Job.PAGE)[0].severity == "SEV-1"


async def test_acknowledged_while_held_the_engineer_is_not_paged(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=29)
    assert tocsin.pages() == []
    assert (await tocsin.incident()).state == "acknowledged"
    await tocsin.advance(minutes=1)
    assert {at for at, _ in tocsin.pages()} == {31}


async def test_a_manual_escalation_of_a_held_incident_pages_at_once(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.escalate("alice")
    assert tocsin.pages() == [(1, ON_CALL)]
    assert "triggered" in await kinds(tocsin)


@pytest.mark.parametrize("minutes", [5, 15])
async def test_what_healed_and_breaks_again_is_held_again(tocsin: Harness, minutes: int) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=minutes)
    await tocsin.fire(**DOWN)
    assert tocsin.pages() == []
    await tocsin.advance(minutes=2)
    assert tocsin.pages() == [(minutes + 2, ON_CALL)]


@pytest.mark.parametrize("order", [("first", ""), ("", "first")])
async def test_an_alert_that_nothing_heals_is_not_held_for_another_that_might_be(
    tocsin: Harness, order: tuple[str, str]
) -> None:
    alerts = [
        tocsin.alert(AlertStatus.FIRING, {"alertname": "Down", "severity": "SEV-1", "n": str(n), "heal": heal})
        for n, heal in enumerate(order)
    ]
    await tocsin.take(*alerts)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_an_alert_that_nothing_heals_ends_the_hold_that_it_joins(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=1)
    assert tocsin.pages() == []
    await tocsin.fire(alertname="Down", severity="SEV-1", n="2")
    assert tocsin.pages() == [(1, ON_CALL)]


async def test_an_alert_above_a_pin_is_a_rise_also_while_it_is_held(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-3", heal="first", pod="1")
    await tocsin.set_severity("SEV-3")
    await tocsin.fire(alertname="Down", severity="SEV-1", heal="first", pod="2")
    await tocsin.advance(minutes=3)
    assert (await tocsin.incident()).severity == "SEV-1"
    assert tocsin.sent(Job.PAGE)[-1].severity == "SEV-1"
