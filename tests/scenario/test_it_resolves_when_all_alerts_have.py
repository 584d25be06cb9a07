"""Partial resolves, the hold-down, flaps, and reopening."""

from scenario.emergency import CTO, MANAGER, ON_CALL, VP, kinds
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1"}
HIGH = {"alertname": "Down", "severity": "SEV-2"}


async def test_some_alerts_resolving_is_an_entry_and_no_page(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, instance="a")
    await tocsin.fire(**DOWN, instance="b")
    await tocsin.advance(minutes=1)
    await tocsin.resolve(**DOWN, instance="a")
    await tocsin.advance(minutes=15)
    incident = await tocsin.incident()
    assert (incident.state, incident.alerts_firing, incident.resolve_at) == ("triggered", 1, None)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]
    assert "alerts_resolved" in await kinds(tocsin)


async def test_absence_from_a_payload_never_resolves(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, instance="a")
    await tocsin.fire(**DOWN, instance="b")
    for _ in range(12):
        await tocsin.advance(minutes=10)
        await tocsin.fire(**DOWN, instance="b", starts_at=tocsin.clock.start)
    assert (await tocsin.incident()).alerts_firing == 2


async def test_after_the_hold_down_it_is_resolved_and_no_step_fires_meanwhile(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=14)
    await tocsin.resolve(**DOWN)
    assert tocsin.sent(Job.ANNOUNCE)[-1].recovering
    await tocsin.advance(minutes=1, seconds=59)
    assert (await tocsin.incident()).state == "triggered"
    await tocsin.advance(seconds=1)
    incident = await tocsin.incident()
    assert (incident.state, incident.resolved_by) == ("resolved", None)
    await tocsin.advance(hours=10)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_everyone_who_was_paged_is_told_once_even_if_no_one_acknowledged(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=46)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=2)
    assert sorted(tocsin.pages(Job.RESOLVE)) == sorted((48, name) for name in (ON_CALL, MANAGER, VP, CTO))
    assert {content.acknowledged_by for content in tocsin.sent(Job.RESOLVE)} == {None}
    assert tocsin.observer.counted("resolved_unacknowledged_total") == 1


async def test_a_recipient_who_was_only_informed_is_told_of_the_end_too(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Slow", severity="SEV-3")
    await tocsin.resolve(alertname="Slow", severity="SEV-3")
    await tocsin.advance(minutes=2)
    assert (await tocsin.incident()).state == "resolved"
    assert tocsin.pages(Job.RESOLVE) == [(2, ON_CALL)]


async def test_firing_again_inside_the_hold_down_is_a_flap_and_the_clock_was_not_reset(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.fire(**DOWN)
    incident = await tocsin.incident()
    assert (incident.occurrence, incident.flaps, incident.resolve_at) == (1, 1, None)
    await tocsin.advance(minutes=24)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL), (30, MANAGER), (30, VP), (30, CTO)]


async def test_an_overdue_step_fires_at_the_flap_and_the_rest_keep_their_distance(tocsin: Harness) -> None:
    await tocsin.fire(**HIGH)
    await tocsin.advance(minutes=29)
    await tocsin.resolve(**HIGH)
    await tocsin.advance(minutes=1, seconds=30)
    await tocsin.fire(**HIGH)
    await tocsin.advance(minutes=60)
    assert tocsin.pages() == [(0, ON_CALL), (30.5, MANAGER), (60.5, ON_CALL), (60.5, VP), (60.5, CTO)]
    assert tocsin.sent(Job.PAGE)[1].late == 30_000_000


async def test_an_acknowledged_incident_that_flaps_stays_acknowledged(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.acknowledge("alice")
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=20)
    assert (await tocsin.incident()).state == "acknowledged"
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_firing_again_within_the_window_is_the_next_occurrence_from_the_first_tier(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=31)
    await tocsin.acknowledge("alice")
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=2 + 10)
    await tocsin.fire(**DOWN)
    incident = await tocsin.incident()
    assert (incident.number, incident.occurrence, incident.state, incident.acknowledged_by) == (1, 2, "triggered", None)
    await tocsin.advance(minutes=15)
    assert tocsin.pages()[-2:] == [(43, ON_CALL), (58, ON_CALL)]
    assert "reopened" in await kinds(tocsin)


async def test_firing_again_after_the_window_is_a_new_incident_linked_to_the_old(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=2 + 10, seconds=0.000001)
    await tocsin.fire(**DOWN)
    old, new = await tocsin.incident("1"), await tocsin.incident("2")
    assert (old.state, new.state, new.occurrence, new.linked_to) == ("resolved", "triggered", 1, old.id)
    assert len(tocsin.pages()) == 2


async def test_each_occurrence_pages_under_keys_of_its_own(tocsin: Harness) -> None:
    for _ in range(3):
        await tocsin.fire(**DOWN)
        await tocsin.resolve(**DOWN)
        await tocsin.advance(minutes=5)
    keys = [content.key for content in tocsin.sent(Job.PAGE)]
    assert len(keys) == len(set(keys)) == 3
