"""The severity follows the highest firing alert; effects of a rise and a fall on the ladder."""

import pytest

from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness


async def fire(tocsin: Harness, severity: str, instance: str = "a") -> None:
    await tocsin.fire(alertname="Down", severity=severity, instance=instance)


async def resolve(tocsin: Harness, severity: str, instance: str = "a") -> None:
    await tocsin.resolve(alertname="Down", severity=severity, instance=instance)


async def test_a_rise_without_an_acknowledgment_pages_the_same_people_again_at_once(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.advance(minutes=10)
    await fire(tocsin, "SEV-1", "b")
    await tocsin.advance(minutes=45)
    # Tier 2 was due at 30 by the old plan, tier 3 at 60: the earlier of the old time and rise + its new one.
    assert tocsin.pages() == [
        (0, ON_CALL),
        (10, ON_CALL),
        (25, ON_CALL),
        (30, MANAGER),
        (40, VP),
        (40, CTO),
        (55, VP),
        (55, CTO),
        (55, ON_CALL),
    ]
    assert tocsin.sent(Job.PAGE)[1].severity == "SEV-1"
    assert tocsin.sent(Job.PAGE)[1].because == "raised from SEV-2 to SEV-1: 1 alert fires at SEV-1"


async def test_a_rise_after_tier_2_was_reached_pages_tier_2_again_too(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.advance(minutes=35)
    await fire(tocsin, "SEV-1", "b")
    assert tocsin.pages() == [(0, ON_CALL), (30, MANAGER), (35, ON_CALL), (35, MANAGER)]
    await tocsin.advance(minutes=25)
    assert tocsin.pages()[4:] == [(50, ON_CALL), (60, VP), (60, CTO)]


async def test_a_rise_from_a_level_that_informs_to_one_that_pages(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-4")
    await tocsin.advance(minutes=10)
    await fire(tocsin, "SEV-2", "b")
    await tocsin.advance(minutes=60)
    assert tocsin.pages() == [(10, ON_CALL), (40, MANAGER), (70, ON_CALL), (70, VP), (70, CTO)]
    assert tocsin.pages(Job.UPDATE) == [(0, ON_CALL)]


async def test_the_same_alert_saying_a_higher_severity_is_a_rise(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-3", team="shop")
    await tocsin.advance(minutes=1)
    await tocsin.fire(alertname="Down", severity="SEV-1", team="shop")
    assert tocsin.pages() == [(1, ON_CALL)]


async def test_above_what_was_acknowledged_the_acknowledger_and_tier_1_are_paged_at_once(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=10)
    await fire(tocsin, "SEV-1", "b")
    incident = await tocsin.incident()
    assert incident.state == "triggered"
    await tocsin.advance(minutes=30)
    # The manager's step until resolved stood at 30 all along; the rest counts from the rise.
    assert tocsin.pages() == [
        (0, ON_CALL),
        (10, "alice"),
        (10, ON_CALL),
        (25, ON_CALL),
        (30, MANAGER),
        (40, VP),
        (40, CTO),
    ]


async def test_a_rise_to_a_level_that_pages_no_one_still_pages_no_one(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-4")
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=10)
    await fire(tocsin, "SEV-3", "b")
    assert tocsin.pages() == []
    assert tocsin.pages(Job.UPDATE) == [(0, ON_CALL), (10, "alice"), (10, ON_CALL)]
    assert (await tocsin.incident()).state == "triggered"


async def test_after_a_rise_the_time_to_acknowledge_is_still_the_first(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.advance(minutes=3)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=10)
    await fire(tocsin, "SEV-1", "b")
    await tocsin.acknowledge("bob")
    incident = await tocsin.incident()
    assert (incident.acknowledged_at, incident.acknowledged_by) == (tocsin.clock.start + 180_000_000, "bob")
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == [180]


async def test_falling_and_rising_again_up_to_what_was_acknowledged_is_no_rise(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-1")
    await fire(tocsin, "SEV-3", "b")
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=1)
    await resolve(tocsin, "SEV-1")
    assert (await tocsin.incident()).severity == "SEV-3"
    await tocsin.advance(minutes=1)
    await fire(tocsin, "SEV-1", "c")
    incident = await tocsin.incident()
    assert (incident.state, incident.severity) == ("acknowledged", "SEV-1")
    assert tocsin.pages() == [(0, ON_CALL)]
    await tocsin.advance(minutes=28)
    assert tocsin.pages() == [(0, ON_CALL), (30, MANAGER), (30, VP), (30, CTO)]


async def test_after_a_fall_the_steps_follow_the_lower_plan_and_nothing_closes(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-1")
    await fire(tocsin, "SEV-2", "b")
    await tocsin.advance(minutes=20)
    await resolve(tocsin, "SEV-1")
    await tocsin.advance(minutes=40)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL), (30, MANAGER), (60, VP), (60, CTO)]
    assert tocsin.pages(Job.RESOLVE) == []
    assert (await tocsin.incident()).state == "triggered"


async def test_after_a_fall_to_an_informing_level_no_one_is_paged(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-1")
    await fire(tocsin, "SEV-3", "b")
    await tocsin.advance(minutes=20)
    await resolve(tocsin, "SEV-1")
    await tocsin.advance(hours=10)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]


async def test_back_at_its_old_height_what_is_overdue_comes_step_by_step(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-1")
    await fire(tocsin, "SEV-3", "b")
    await tocsin.advance(minutes=5)
    await resolve(tocsin, "SEV-1")
    await tocsin.advance(minutes=55)
    await fire(tocsin, "SEV-1", "c")
    await tocsin.advance(minutes=15)
    assert tocsin.pages() == [(0, ON_CALL), (60, ON_CALL), (75, MANAGER), (75, VP), (75, CTO)]


@pytest.mark.parametrize(("joining", "paged"), [(8, False), (9, True)])
async def test_grown_fivefold_since_the_acknowledgment_it_is_triggered_again(
    tocsin: Harness, joining: int, paged: bool
) -> None:
    await fire(tocsin, "SEV-1", "first")
    await fire(tocsin, "SEV-1", "second")
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=1)
    for number in range(joining - 1):
        await fire(tocsin, "SEV-1", str(number))
    assert ((await tocsin.incident()).state == "triggered") is paged
    assert tocsin.pages() == [(0, ON_CALL), *([(1, "alice"), (1, ON_CALL)] if paged else [])]


async def test_grown_fivefold_counts_from_the_newest_acknowledgment(tocsin: Harness) -> None:
    for number in range(5):
        await fire(tocsin, "SEV-1", str(number))
    await tocsin.acknowledge("alice")
    for number in range(5, 24):
        await fire(tocsin, "SEV-1", str(number))
    assert (await tocsin.incident()).state == "acknowledged"
    await fire(tocsin, "SEV-1", "24")
    assert (await tocsin.incident()).state == "triggered"


async def test_pinned_by_a_person_it_does_not_follow_the_alerts_below(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.set_severity("SEV-3")
    await fire(tocsin, "SEV-4", "b")
    await fire(tocsin, "SEV-3", "c")
    incident = await tocsin.incident()
    assert (incident.severity, incident.pinned) == ("SEV-3", True)
    await tocsin.advance(hours=3)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_an_alert_above_the_pin_is_still_a_rise(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-3")
    await tocsin.set_severity("SEV-4")
    await tocsin.advance(minutes=5)
    await fire(tocsin, "SEV-2", "b")
    incident = await tocsin.incident()
    assert (incident.severity, incident.pinned) == ("SEV-2", True)
    assert tocsin.pages() == [(5, ON_CALL)]


async def test_unpinned_it_follows_its_alerts_again(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.set_severity("SEV-4")
    await tocsin.advance(minutes=5)
    await tocsin.set_severity(None)
    incident = await tocsin.incident()
    assert (incident.severity, incident.pinned) == ("SEV-2", False)
    await tocsin.advance(minutes=25)
    assert tocsin.pages() == [(0, ON_CALL), (30, MANAGER)]


async def test_raised_by_a_person_is_a_rise_like_any_other(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-2")
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=5)
    await tocsin.set_severity("SEV-1", by="bob")
    assert tocsin.pages() == [(0, ON_CALL), (5, "alice"), (5, ON_CALL)]


async def test_the_pin_holds_over_a_reopening(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-1")
    await tocsin.set_severity("SEV-3")
    await resolve(tocsin, "SEV-1")
    await tocsin.advance(minutes=5)
    await fire(tocsin, "SEV-4")
    incident = await tocsin.incident()
    assert (incident.occurrence, incident.severity, incident.pinned) == (2, "SEV-3", True)


async def test_a_manually_paged_target_is_paged_again_by_a_rise(tocsin: Harness) -> None:
    await fire(tocsin, "SEV-3")
    await tocsin.escalate("alice")
    await tocsin.advance(minutes=5)
    await fire(tocsin, "SEV-2", "b")
    assert tocsin.pages() == [(0, MANAGER), (5, ON_CALL), (5, MANAGER)]


async def test_a_severity_that_keeps_changing_does_not_starve_the_fallback(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=31)
    before = len(tocsin.pages())
    for _ in range(6):
        await tocsin.set_severity("SEV-2")
        await tocsin.advance(minutes=4)
        await tocsin.set_severity("SEV-1")
        await tocsin.advance(minutes=4)
    assert len(tocsin.pages()) > before, "48 minutes in which nobody is told"
