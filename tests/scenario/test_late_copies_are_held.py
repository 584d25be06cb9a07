"""A firing copy with the start of an episode that has just resolved is held for 90 s, then accepted."""

from scenario.emergency import ON_CALL
from tocsin.core.alerts.alert import AlertStatus
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1"}


async def resolved_with_a_late_copy(tocsin: Harness, *, after: float = 20, **more: str) -> None:
    """Fires at 0, resolves at 60 s; the copy comes ``after`` seconds later."""
    labels = {**DOWN, **more}
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, labels))
    await tocsin.advance(minutes=1)
    await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, labels, starts_at=tocsin.clock.start))
    await tocsin.advance(seconds=after)
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, labels, starts_at=tocsin.clock.start))


async def test_contradicted_by_the_slower_replicas_own_resolve_it_is_forgotten(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin)
    await tocsin.advance(seconds=30)
    await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start))
    await tocsin.advance(hours=1)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence, incident.flaps) == ("resolved", 1, 0)
    assert incident.resolved_at == tocsin.clock.start + 180_000_000
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_while_it_is_held_the_incident_goes_on_recovering(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin)
    await tocsin.advance(seconds=89)
    incident = await tocsin.incident()
    assert (incident.alerts_firing, incident.resolve_at) == (0, tocsin.clock.start + 180_000_000)


async def test_believed_inside_the_hold_down_the_occurrence_goes_on(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin)
    await tocsin.advance(seconds=90)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence, incident.flaps, incident.alerts_firing) == ("triggered", 1, 1, 1)
    await tocsin.advance(minutes=13)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]


async def test_believed_after_the_incident_has_resolved_it_is_the_next_occurrence(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin, after=60)
    await tocsin.advance(seconds=90)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence) == ("triggered", 2)
    assert tocsin.pages() == [(0, ON_CALL), (3.5, ON_CALL)]


async def test_repeats_of_the_held_copy_do_not_make_it_wait_longer(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin, after=60)
    for _ in range(3):
        await tocsin.advance(seconds=30)
        await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN, starts_at=tocsin.clock.start))
    assert tocsin.pages() == [(0, ON_CALL), (3.5, ON_CALL)]


async def test_90_seconds_after_the_resolve_a_copy_is_believed_at_once(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin, after=90)
    assert (await tocsin.incident()).alerts_firing == 1


async def test_a_start_of_its_own_shows_that_it_is_no_copy(tocsin: Harness) -> None:
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN))
    await tocsin.advance(minutes=1)
    await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start))
    await tocsin.advance(seconds=10)
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN))
    assert (await tocsin.incident()).alerts_firing == 1


async def test_a_new_start_while_a_copy_is_held_ends_the_waiting(tocsin: Harness) -> None:
    await resolved_with_a_late_copy(tocsin)
    await tocsin.advance(seconds=10)
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, DOWN))
    incident = await tocsin.incident()
    assert (incident.alerts_firing, incident.flaps) == (1, 1)
    await tocsin.advance(minutes=10)
    assert (await tocsin.incident()).alerts_total == 2


async def test_two_copies_held_at_different_moments_are_both_believed(tocsin: Harness) -> None:
    both = [{**DOWN, "service": "web", "instance": name} for name in "ab"]
    await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in both))
    await tocsin.advance(minutes=1)
    start = tocsin.clock.start
    await tocsin.take(*(tocsin.alert(AlertStatus.RESOLVED, labels, starts_at=start) for labels in both))
    for labels in both:
        await tocsin.advance(seconds=20)
        await tocsin.take(tocsin.alert(AlertStatus.FIRING, labels, starts_at=start))
    await tocsin.advance(seconds=70)
    assert (await tocsin.incident()).alerts_firing == 1
    await tocsin.advance(seconds=20)
    assert (await tocsin.incident()).alerts_firing == 2
