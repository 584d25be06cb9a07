"""Acknowledged: steps until acknowledged stop, steps until resolved go on."""

import pytest

from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.core.outbox import Job
from tocsin.testing.harness import Harness

EVERYBODY_AT_30 = [(30, MANAGER), (30, VP), (30, CTO)]


@pytest.mark.parametrize(
    ("severity", "after", "expected"),
    [
        ("SEV-1", 0, [(0, ON_CALL), *EVERYBODY_AT_30]),
        ("SEV-1", 14, [(0, ON_CALL), *EVERYBODY_AT_30]),
        ("SEV-1", 15, [(0, ON_CALL), (15, ON_CALL), *EVERYBODY_AT_30]),
        ("SEV-1", 29, [(0, ON_CALL), (15, ON_CALL), *EVERYBODY_AT_30]),
        ("SEV-1", 31, [(0, ON_CALL), (15, ON_CALL), *EVERYBODY_AT_30]),
        ("SEV-1", 46, [(0, ON_CALL), (15, ON_CALL), *EVERYBODY_AT_30, (45, VP), (45, CTO), (45, ON_CALL)]),
        ("SEV-2", 5, [(0, ON_CALL), (30, MANAGER), (60, VP), (60, CTO)]),
        ("SEV-2", 45, [(0, ON_CALL), (30, MANAGER), (60, VP), (60, CTO)]),
        ("SEV-2", 61, [(0, ON_CALL), (30, MANAGER), (60, ON_CALL), (60, VP), (60, CTO)]),
        ("SEV-3", 5, []),
        ("SEV-4", 5, []),
    ],
)
async def test_an_acknowledgment_after_so_many_minutes(
    tocsin: Harness, severity: str, after: int, expected: list[tuple[float, str]]
) -> None:
    await tocsin.fire(alertname="Down", severity=severity)
    await tocsin.advance(minutes=after)
    await tocsin.acknowledge("alice")
    await tocsin.advance(hours=30)
    assert tocsin.pages() == expected
    incident = await tocsin.incident()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "alice")


@pytest.mark.parametrize("severity", ["SEV-3", "SEV-4"])
async def test_the_reminder_does_not_come_once_somebody_has_it(tocsin: Harness, severity: str) -> None:
    await tocsin.fire(alertname="Slow", severity=severity)
    await tocsin.advance(minutes=5)
    await tocsin.acknowledge("alice")
    await tocsin.advance(hours=30)
    assert tocsin.pages(Job.UPDATE) == [(0, ON_CALL)]


async def test_resolved_before_30_minutes_nobody_above_the_engineer_is_paged(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=10)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=15)
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(hours=30)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_acknowledging_twice_changes_nothing(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.acknowledge("alice")
    before = await tocsin.incident()
    again = await tocsin.acknowledge("alice")
    assert (again.changed, again.note) == (False, "alice had acknowledged it before")
    assert await tocsin.incident() == before


async def test_a_second_person_is_named_in_the_timeline_and_the_first_keeps_it(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("bob")
    incident = await tocsin.incident()
    assert incident.acknowledged_by == "alice"
    assert incident.acknowledged_at == tocsin.clock.start + 60_000_000
    assert (await tocsin.timeline())[-1].kind == "acknowledged_also"
    assert (await tocsin.timeline())[-1].actor == "bob"


async def test_the_acknowledgment_of_an_earlier_occurrence_does_not_cover_the_next(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Down", severity="SEV-1")
    answer = await tocsin.acknowledge("alice", occurrence=1)
    assert answer.note == "that was occurrence 1; 2 is going on: nothing was changed"
    assert (await tocsin.incident()).state == "triggered"
    assert "late_acknowledgment" in [entry.kind for entry in await tocsin.timeline()]


async def test_resolved_wins_over_a_late_acknowledgment_which_is_kept(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=3)
    await tocsin.acknowledge("alice")
    incident = await tocsin.incident()
    assert (incident.state, incident.acknowledged_by) == ("resolved", None)
    assert (await tocsin.timeline())[-1].kind == "late_acknowledgment"
