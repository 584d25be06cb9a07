"""Acknowledged: steps until acknowledged stop, steps until resolved go on."""

import pytest

from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.channels.next_steps import request
from tocsin.channels.timeline import phrase
from tocsin.channels.wording import kind, reason
from tocsin.core.errors import IllegalTransition, InvalidValue
from tocsin.core.incident.event import Actor, TakeOver
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

ROBOT = Actor("auto-remediation", "api", is_person=False)
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
async def test_an_acknowledgment_cancels_the_reminder(tocsin: Harness, severity: str) -> None:
    await tocsin.fire(alertname="Slow", severity=severity)
    await tocsin.advance(minutes=5)
    await tocsin.acknowledge("alice")
    await tocsin.advance(hours=30)
    assert tocsin.pages(Job.UPDATE) == [(0, ON_CALL)]


async def test_resolved_before_30_minutes_no_one_above_the_engineer_is_paged(tocsin: Harness) -> None:
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


async def test_a_takeover_changes_the_owner_and_notifies_the_former_one(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.acknowledge(ON_CALL)
    await tocsin.advance(minutes=1)
    answer = await tocsin.say(TakeOver(by=Actor("bob", "slack")))
    incident = await tocsin.incident()
    assert (answer.changed, incident.state, incident.acknowledged_by) == (True, "acknowledged", "bob")
    assert incident.acknowledged_at == tocsin.clock.start
    assert tocsin.reminders() == [(1, ON_CALL, "bob has taken the incident over from you")]
    [update] = tocsin.sent(Job.UPDATE)
    assert reason(update) == "Bob has taken the incident over from you."
    assert (kind(update), request(update)) == ("TAKEN OVER", "You no longer have it. Tell bob what you know.")
    entries = [entry for entry in await tocsin.timeline() if entry.kind == "taken_over"]
    assert [phrase(entry) for entry in entries] == [f"taken over from {ON_CALL}"]
    assert [entry.actor for entry in entries] == ["bob"]


async def test_a_snoozed_incident_that_is_taken_over_stays_snoozed(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.snooze(60, by=ON_CALL)
    await tocsin.say(TakeOver(by=Actor("bob", "api")))
    incident = await tocsin.incident()
    assert (incident.state, incident.acknowledged_by) == ("snoozed", "bob")


async def test_the_owner_who_takes_it_over_and_an_earlier_occurrence_change_nothing(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.acknowledge("alice")
    again = await tocsin.say(TakeOver(by=Actor("alice", "api")))
    assert (again.changed, again.note) == (False, "alice has it already")
    stale = await tocsin.say(TakeOver(by=Actor("bob", "api"), occurrence=7))
    assert (stale.changed, (await tocsin.incident()).acknowledged_by) == (False, "alice")


async def test_what_no_one_has_cannot_be_taken_over(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    with pytest.raises(IllegalTransition, match="cannot take it over; only an acknowledged incident can"):
        await tocsin.say(TakeOver(by=Actor("bob", "api")))


async def test_a_person_who_takes_it_over_from_a_service_has_acknowledged_it(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.respond.acknowledge("1", ROBOT)
    await tocsin.advance(minutes=3)
    await tocsin.say(TakeOver(by=Actor("bob", "api")))
    await tocsin.advance(minutes=20)
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == [180]
    breached = [entry.data["promise"] for entry in await tocsin.timeline() if entry.kind == "breached"]
    assert breached == ["resolve"]


async def test_a_service_cannot_take_an_incident_over_from_a_person(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.acknowledge("alice")
    with pytest.raises(InvalidValue, match="only a person can take an incident over"):
        await tocsin.say(TakeOver(by=ROBOT))
    assert (await tocsin.incident()).acknowledged_by == "alice"


async def test_the_acknowledgment_of_an_earlier_occurrence_does_not_cover_the_next(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Down", severity="SEV-1")
    answer = await tocsin.acknowledge("alice", occurrence=1)
    assert answer.note == "that was occurrence 1; 2 is going on: nothing was changed"
    assert (await tocsin.incident()).state == "triggered"
    assert "late_acknowledgment" in [entry.kind for entry in await tocsin.timeline()]


async def test_taking_over_an_earlier_occurrence_is_recorded_as_what_it_was(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.acknowledge("alice")
    answer = await tocsin.say(TakeOver(by=Actor("bob", "slack"), occurrence=1))
    assert answer.note == "that was occurrence 1; 2 is going on: nothing was changed"
    assert (await tocsin.incident()).acknowledged_by == "alice"
    assert (await tocsin.timeline())[-1].kind == "late_take_over"


async def test_resolved_wins_over_a_late_acknowledgment_which_is_kept(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=3)
    await tocsin.acknowledge("alice")
    incident = await tocsin.incident()
    assert (incident.state, incident.acknowledged_by) == ("resolved", None)
    assert (await tocsin.timeline())[-1].kind == "late_acknowledgment"
